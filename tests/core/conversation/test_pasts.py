"""The past of any conversation, from its records, is what it was then, and a fork of it is a valid conversation."""

import asyncio
from collections.abc import Sequence

import pytest
from builders.conversation import copy_of, user_message
from builders.conversation_strategies import configs
from checkers.conversation.interleavings import Interleavings
from checkers.conversation.model_checker import ModelChecker
from checkers.conversation.record_ledger import stored_and_restored
from checkers.examples import examples
from checkers.history_counters import check_counters
from hypothesis import HealthCheck, settings
from hypothesis.stateful import initialize
from validators import history

from rayconteur.providers.schema.request import WireMemo
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import HistoryFull, UnknownTurn
from rayconteur.runtime.api.status import ForkOrigin, State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Emit, Instruction, SendRequest
from rayconteur.runtime.core.past.forks import forked
from rayconteur.runtime.core.past.snapshot import Snapshot
from rayconteur.runtime.core.past.turns import Past, past_of
from rayconteur.runtime.events.segments import encode_events
from rayconteur.runtime.journal.codec import encoded_record, encoded_snapshot
from rayconteur.runtime.journal.entry import SessionKey
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.session.durable.past import recorded_past
from rayconteur.runtime.session.durable.rebuilding import conversation_at
from rayconteur.runtime.session.pages import decode_part, encode_part

KEY = SessionKey("s", 1)
CHANGES_AFTER_TURN = out.Cleared | out.Rewound | out.MessagesAdded | out.Configured | out.TurnStarted


class RecordedChecker(ModelChecker):
    """Keeps what each record emitted, and the state after it."""

    def __init__(self, config: SessionConfig) -> None:
        super().__init__(config)
        self.emitted: list[list[out.FromLLM]] = [[]]
        self.states: list[Snapshot] = [self.conversation.snapshot()]

    def handle(self, event: ev.Event) -> Sequence[Instruction]:
        instructions = super().handle(event)
        if instructions and isinstance(instructions[0], ev.Record):
            self.emitted.append([step.event for step in instructions if isinstance(step, Emit)])
            self.states.append(self.conversation.snapshot())
        return instructions

    async def journal(self) -> MemoryJournal:
        """A journal with the records, and a snapshot in the middle."""
        journal, seq = MemoryJournal(), 0
        for record, emitted in zip(self.records, self.emitted, strict=True):
            events = encode_events(emitted) if emitted else b""
            await journal.append([encoded_record(record, KEY, 1, seq, 0.0, events)])
            seq += len(emitted)
        await journal.put_snapshot(encoded_snapshot(self.states[len(self.states) // 2], KEY, 0))
        return journal


class Pasts(Interleavings):
    recorded: RecordedChecker

    @initialize(config=configs)
    def open(self, config: SessionConfig) -> None:
        self.check_pasts()
        super().open(config)
        self.checker = self.recorded = RecordedChecker(config)

    def teardown(self) -> None:
        self.check_pasts()
        super().teardown()

    def check_pasts(self) -> None:
        if hasattr(self, "checker"):
            asyncio.run(self.check_recorded())
            self.check_remembered()

    async def check_recorded(self) -> None:
        checker, journal = self.recorded, await self.recorded.journal()
        ends = {
            event.turn: number
            for number, emitted in enumerate(checker.emitted, 1)
            for event in emitted
            if isinstance(event, out.TurnEnd)
        }
        for turn, number in sorted(ends.items())[:: max(1, len(ends) // 2)]:
            rebuilt, _ = await conversation_at(journal, KEY, number)
            assert rebuilt == Conversation.restore(checker.states[number - 1])
            past = await recorded_past(journal, KEY, turn)
            emitted = checker.emitted[number - 1]
            if not any(isinstance(event, CHANGES_AFTER_TURN) for event in emitted) and rebuilt.turn is None:
                dropped, rest = rebuilt.dropped_messages, rebuilt.rest
                assert past == Past(rebuilt.config, rebuilt.full_history, rebuilt.history, dropped, rest)
            self.check_past(past)
        with pytest.raises(UnknownTurn):
            await recorded_past(journal, KEY, checker.conversation.turns + 1)
        self.check_past(await recorded_past(journal, KEY))

    def check_remembered(self) -> None:
        conversation = self.checker.conversation
        before = copy_of(conversation)
        for turn in [None, *range(conversation.turns + 1)]:
            try:
                past = past_of(conversation, turn)
            except UnknownTurn:
                assert turn
                continue
            self.check_past(past)
            assert all(message.turn != conversation.turn for message in past.full)
        assert conversation == before

    def check_past(self, past: Past) -> None:
        """It is a valid history, and so is that of a fork, for every provider."""
        assert history.violations(tuple(past.messages), tools_out=False) == []
        fork = Conversation()
        fork.handle(ev.Opened(config=past.config, created_at=1e9))  # later than the messages
        try:
            for part in forked(past, ForkOrigin(session_id="s", epoch=1, turn=7)):
                fork.handle(decode_part(encode_part(part)))
        except HistoryFull:
            return
        assert fork.history == tuple(past.messages)
        assert fork.rest == past.rest
        if fork.dropped_messages == past.dropped_messages:
            assert fork.full_history == tuple(past.full)
        check_counters(fork)
        assert stored_and_restored(fork) == fork
        self.memo = {name: WireMemo() for name in self.memo}
        for step in fork.handle(user_message("and now?")):
            if isinstance(step, SendRequest) and not step.messages[0].is_native_summary:
                self.check_request_bodies(step)
        assert fork.state in (State.REQUESTING, State.COMPACTING, State.IDLE)


TestPasts = pytest.mark.timeout(400)(Pasts.TestCase)
TestPasts.settings = settings(
    derandomize=True,
    max_examples=examples(12, 150),
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
