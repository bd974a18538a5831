"""Random interleavings of events: the model checker checks each step that a conversation makes of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import pytest
from builders.conversation import TOOL_USE, answered, copy_of, received, request_failed
from builders.conversation_strategies import (
    CUT_OFF,
    IMAGE,
    PDF,
    STOPS,
    additions,
    answer_contents,
    config_changes,
    configs,
    early_events,
    other_messages,
    partial_answers,
    request_failures,
    temporary_contents,
    texts,
    tool_events,
    turn_settings,
    usages,
    with_early,
)
from checkers.conversation.model_checker import ModelChecker
from checkers.conversation.offered_ledger import shown
from checkers.conversation.record_ledger import stored_and_restored
from checkers.history_counters import Views, check_counters
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from validators import anthropic, chat, history, responses

from rayconteur.compaction.sized_history import SizedHistory
from rayconteur.compaction.summaries.summary_message import native_summary, summary_message
from rayconteur.providers.anthropic import requests as anthropic_requests
from rayconteur.providers.openai.chat import requests as chat_requests
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses import requests as responses_requests
from rayconteur.providers.schema.content import Opaque, Text, UserBlock
from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.messages import Message, Origin, Role
from rayconteur.providers.schema.request import Request, WireMemo
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import InvalidRecord
from rayconteur.runtime.api.initial_history import validated_history
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.changes.continuation import CONTINUABLE
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Instruction, SendRequest, StartCompaction
from rayconteur.runtime.core.phases import Backoff, Compacting, Idle, Requesting, ToolsOut

CHAT = Dialect("openai", "gpt")
RESPONSES = Dialect("openai", "gpt", api="responses")
ANTHROPIC = anthropic_requests.Dialect("claude")


@dataclass(frozen=True)
class StaleOutcome:
    """An outcome for the number of a request or compaction, and the state in which it is awaited."""

    event: Callable[[int], ev.Event]
    awaited_in: State
    of_compaction: bool = False


STALE_OUTCOMES: list[StaleOutcome] = [
    StaleOutcome(lambda number: answered(number, "late", TOOL_USE), State.REQUESTING),
    StaleOutcome(lambda number: request_failed(number, retryable=True), State.REQUESTING),
    StaleOutcome(lambda number: ev.ToolUseReady(request=number, use=TOOL_USE), State.REQUESTING),
    StaleOutcome(lambda number: ev.BackoffEnded(request=number), State.RETRYING),
    StaleOutcome(
        lambda number: ev.CompactionEnded(compaction=number, messages=()), State.COMPACTING, of_compaction=True
    ),
]
PASSED_S = st.sampled_from([0.0, 0.5, 10.0])


def with_summaries(messages: Sequence[Message]) -> Iterator[tuple[Message, ...]]:
    """*messages*, with a summary in words of old turns, or of old steps of the last turn."""
    history = SizedHistory.of(messages, lambda _: 1)
    first = 1 if messages and messages[0].is_native_summary else 0
    steps = [(history.last_turn_start + 1, stop) for stop in history.step_starts[1:]]
    for start, stop in [*((first, stop) for stop in history.turn_starts), *steps]:
        if any(message.stands_for is None for message in messages[start:stop]):
            summary = summary_message(
                messages[start:stop], "They hide food.", within_turn=start > history.last_turn_start
            )
            yield (*messages[:start], summary, *messages[stop:])


class Interleavings(RuleBasedStateMachine):
    """Whatever may happen to a conversation, in any order."""

    checker: ModelChecker

    @initialize(config=configs)
    def open(self, config: SessionConfig) -> None:
        self.checker = ModelChecker(config)
        self.views = Views()
        self.now_s = 0.0
        self.memo = {"anthropic": WireMemo(), "chat": WireMemo(), "responses": WireMemo()}

    def handle(self, event: ev.Event) -> Sequence[Instruction]:
        instructions = self.checker.handle(event)
        for step in instructions:
            if isinstance(step, SendRequest) and not step.messages[0].is_native_summary:
                self.check_request_bodies(step)
        return instructions

    def check_request_bodies(self, send: SendRequest) -> None:
        """The body is valid for every provider, whichever provider the history came from, with and without a memo."""

        config = msgspec.structs.replace(send.config, tools=tuple(shown(send.config.tools)))

        def request(memo: WireMemo) -> Request:
            return Request(send.number, send.messages, config, memo, send.prompts)

        def request_with_search(memo: WireMemo) -> Request:
            return Request(send.number, send.messages, send.config, memo, send.prompts)

        anthropic_body = anthropic_requests.body(request_with_search(self.memo["anthropic"]), ANTHROPIC, True)
        chat_body = chat_requests.body(request(self.memo["chat"]), CHAT, True)
        responses_body = responses_requests.body(request(self.memo["responses"]), RESPONSES, True)

        assert anthropic.violations(msgspec.json.decode(anthropic_body)) == []
        assert chat.violations(msgspec.json.decode(chat_body)) == []
        assert responses.violations(msgspec.json.decode(responses_body)) == []
        assert anthropic_body == anthropic_requests.body(request_with_search(WireMemo()), ANTHROPIC, True)
        assert chat_body == chat_requests.body(request(WireMemo()), CHAT, True)
        assert responses_body == responses_requests.body(request(WireMemo()), RESPONSES, True)

    @invariant()
    def the_history_is_valid(self) -> None:
        conversation = self.checker.conversation
        tools_out = conversation.state is State.TOOLS_OUT
        assert history.violations(conversation.history, tools_out=tools_out) == []
        if not tools_out and not any(message.is_native_summary for message in conversation.history):
            assert list(validated_history(conversation.history)) == list(conversation.history)

    @invariant()
    def a_snapshot_restores_the_conversation(self) -> None:
        assert stored_and_restored(self.checker.conversation) == self.checker.conversation

    @invariant()
    def the_history_counts_what_it_holds(self) -> None:
        check_counters(self.checker.conversation)

    @invariant()
    def views_of_the_history_stay_as_they_are(self) -> None:
        self.views.check(self.checker.conversation)

    def partial(self, data: st.DataObject) -> Partial:
        partial = data.draw(partial_answers(self.checker.conversation.request_config.provider.name), "partial")
        content = with_early(partial.content, self.checker.conversation.phase)
        return partial if partial == ev.NOTHING else msgspec.structs.replace(partial, content=content)

    # Messages

    @rule(
        data=st.data(),
        content=st.lists(texts | st.sampled_from([IMAGE, PDF]), max_size=2).map(tuple),
        when_busy=st.none() | st.sampled_from(WhenBusy),
        size_bytes=st.sampled_from([0, 10, 60, 200]),
        settings=turn_settings,
        source=st.sampled_from(["", "one", "two"]),
        temporary=st.sampled_from([False, False, False, True]),
        temporary_content=temporary_contents,
    )
    def user_message(
        self,
        data: st.DataObject,
        content: tuple[UserBlock, ...],
        when_busy: WhenBusy | None,
        size_bytes: int,
        settings: TurnSettings | None,
        source: str,
        temporary: bool,
        temporary_content: tuple[UserBlock, ...],
    ) -> None:
        message = msg.UserMessage(
            content=content,
            when_busy=when_busy,
            settings=settings,
            temporary=temporary,
            temporary_content=temporary_content,
        )
        event = received(message, self.partial(data), size_bytes)
        self.handle(msgspec.structs.replace(event, source=source if settings else ""))

    @rule(data=st.data(), back=st.none() | st.integers(-1, 4))
    def interrupt(self, data: st.DataObject, back: int | None) -> None:
        turn = None if back is None else self.checker.conversation.turns - back
        self.handle(received(msg.Interrupt(turn=turn), self.partial(data)))

    @rule(back=st.integers(-1, 2), turn=st.none() | st.integers(0, 3))
    def interrupt_compaction(self, back: int, turn: int | None) -> None:
        self.handle(received(msg.Interrupt(turn=turn, compaction=self.checker.mailbox.asked - back)))

    @rule(message=other_messages)
    def other_message(self, message: msg.ToLLM) -> None:
        self.handle(received(message))

    @rule(messages=additions, size_bytes=st.sampled_from([0, 10, 60, 200]))
    def add_messages(self, messages: tuple[Message, ...], size_bytes: int) -> None:
        self.handle(received(msg.AddMessages(messages=messages), size_bytes=size_bytes))

    @rule(change=config_changes, source=st.sampled_from(["", "one", "two"]))
    def configure(self, change: msg.Configure, source: str) -> None:
        self.handle(msgspec.structs.replace(received(change), source=source))

    @rule(data=st.data(), drain=st.booleans())
    def close(self, data: st.DataObject, drain: bool) -> None:
        self.handle(received(msg.Close(drain=drain), self.partial(data)))

    # Outcomes

    @rule(data=st.data(), steps=st.integers(1, 8))
    def work_proceeds(self, data: st.DataObject, steps: int) -> None:
        if self.checker.closed:
            self.checker.restart()
            self.open(self.checker.config)
        for _ in range(steps):
            self.handle(self.next_event(data))

    @rule(data=st.data())
    def task_is_cancelled(self, data: st.DataObject) -> None:
        self.handle(ev.TaskCancelled(partial=self.partial(data)))

    def next_event(self, data: st.DataObject) -> ev.Event:
        conversation = self.checker.conversation
        number, provider = conversation.requests, conversation.request_config.provider.name
        match conversation.phase:
            case Requesting() as phase if event := data.draw(early_events(phase, self.checker.work)):
                return msgspec.structs.replace(event, at=self.later(data))
            case Requesting() as phase if data.draw(st.integers(0, 3)):
                stop = data.draw(st.sampled_from(STOPS))
                content = data.draw(answer_contents(provider) if stop not in CONTINUABLE else CUT_OFF)
                content = with_early(content, phase) if data.draw(st.integers(0, 4)) else content
                answer = answered(number, *content, usage=data.draw(usages), origin=self.origin(), stop=stop)
                return msgspec.structs.replace(answer, at=self.later(data))
            case Requesting():
                return data.draw(request_failures(number, provider))
            case Backoff():
                return ev.BackoffEnded(request=number)
            case ToolsOut() as phase:
                return msgspec.structs.replace(data.draw(tool_events(phase.batch)), at=self.later(data))
            case Compacting(compaction=compaction):
                return ev.CompactionEnded(
                    compaction=compaction, messages=data.draw(st.sampled_from(self.compaction_results()))
                )
            case Idle() if self.is_unanswered() and data.draw(st.booleans()):
                return received(msg.Retry())
            case Idle() if conversation.snapshot().cut_off and data.draw(st.integers(0, 3)):
                return received(msg.Continue())
            case Idle() if conversation.message_count > 2 and not data.draw(st.integers(0, 2)):
                return received(msg.Compact())
            case _:
                return received(msg.UserMessage(content=(Text("go on"),)))

    def later(self, data: st.DataObject) -> float:
        """The time when something happens."""
        self.now_s += data.draw(PASSED_S)
        return self.now_s

    def compaction_results(self) -> list[tuple[Message, ...] | None]:
        """Possible results of a compaction; ``None`` is a failure."""
        work = self.checker.work
        messages = work.messages if isinstance(work, StartCompaction) else self.checker.conversation.history
        histories: list[tuple[Message, ...] | None] = [None]
        starts = SizedHistory.of(messages, lambda _: 1).turn_starts
        histories += [messages[at:] for at in starts]
        ends = [at for at in starts if at and messages[at - 1].role is Role.ASSISTANT]
        histories += [(self.native_summary(messages[:at]), *messages[at:]) for at in ends]
        histories += with_summaries(messages)
        if self.checker.conversation.turn is None:  # a running turn needs its messages
            histories.append(())
        return histories

    def native_summary(self, messages: Sequence[Message]) -> Message:
        provider = self.checker.conversation.request_config.provider.name
        content = (Opaque(provider=provider, type="compaction", json=b'{"type":"compaction"}'),)
        return native_summary(messages, content, self.origin())

    def origin(self) -> Origin:
        conversation = self.checker.conversation
        overrides = conversation.snapshot().overrides if conversation.turn else None
        return Origin(source=(overrides and overrides.source) or conversation.snapshot().source or "one")

    def is_unanswered(self) -> bool:
        messages = self.checker.conversation.history
        return bool(messages) and messages[-1].role is Role.USER

    @rule(back=st.integers(0, 3))
    def outcomes_of_cancelled_work_are_ignored(self, back: int) -> None:
        conversation = self.checker.conversation
        before = copy_of(conversation)
        snapshot = conversation.snapshot()
        for stale in STALE_OUTCOMES:
            latest = snapshot.compactions if stale.of_compaction else conversation.requests
            if back or conversation.state is not stale.awaited_in:
                assert not self.checker.handle(stale.event(latest - back))
        assert conversation == before

    # The process

    @rule()
    def the_process_dies(self) -> None:
        self.checker.restart()
        self.views = Views()

    @rule(data=st.data())
    def another_process_goes_on(self, data: st.DataObject) -> None:
        self.views = Views()
        partial = self.partial(data) if self.checker.conversation.state is State.REQUESTING else ev.NOTHING
        text = tuple(block for block in partial.content if isinstance(block, Text))  # readers have no more of it
        for step in self.checker.recover(msgspec.structs.replace(partial, content=text)):
            if isinstance(step, SendRequest) and not step.messages[0].is_native_summary:
                self.check_request_bodies(step)

    @rule(data=st.data())
    def a_journal_with_a_lost_repeated_or_swapped_record_is_rejected(self, data: st.DataObject) -> None:
        records = self.checker.records
        if len(records) < 2:
            return
        at = data.draw(st.integers(0, len(records) - 2))
        dropped = [*records[:at], *records[at + 1 :]]
        repeated = [*records[: at + 1], *records[at:]]
        swapped = [*records[:at], records[at + 1], records[at], *records[at + 2 :]]
        for journal in (dropped, repeated, swapped):
            with pytest.raises(InvalidRecord):
                Conversation.replay(journal)

    @rule(data=st.data())
    def records_after_a_snapshot_complete_it(self, data: st.DataObject) -> None:
        records = self.checker.records
        at = data.draw(st.integers(1, len(records)))
        snapshot = Conversation.replay(records[:at]).snapshot()
        assert Conversation.replay(records[at:], snapshot) == self.checker.conversation

    def teardown(self) -> None:
        if hasattr(self, "checker"):
            self.checker.restart()
