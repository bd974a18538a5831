"""A model of a conversation that checks the real one: it derives the expected state and tests every guarantee."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from types import NoneType

from builders.conversation import copy_of, opened_conversation
from checkers.conversation.history_changes import (
    has_left,
    is_compacted,
    omits_sealed,
    turns_that_left,
    was_restored,
)
from checkers.conversation.kept_messages import (
    BeforeTurn,
    Originals,
    check_discarded,
    check_kept,
    check_refused,
    check_rewound,
)
from checkers.conversation.key_ledger import KeyLedger
from checkers.conversation.mailbox_ledger import MailboxLedger, turns_added
from checkers.conversation.offered_ledger import Settings
from checkers.conversation.prompt_ledger import PromptLedger, SettingsLedger, prompt_of
from checkers.conversation.record_ledger import RecordLedger
from checkers.conversation.temporary_content import TEMPORARY, TemporaryLedger, has_temporary, is_aside
from checkers.conversation.tool_ledger import ToolLedger
from checkers.conversation.usage_sums import summed, usages_of
from checkers.history_counters import check_tally

from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.errors import InvalidConfig, RayconteurError
from rayconteur.providers.schema.usage import Usage
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import MailboxError, MailboxFull, SessionClosed, UnknownTurn
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.changes.continuation import is_prompt
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import (
    Acknowledge,
    ApplySettings,
    Cancel,
    Emit,
    EndSession,
    Instruction,
    SendRequest,
    StartBackoff,
    StartCompaction,
    StartToolTimer,
)

WORK_BY_STATE = {State.REQUESTING: SendRequest, State.RETRYING: StartBackoff, State.COMPACTING: StartCompaction}
"""The instruction whose outcome each state waits for."""


class ModelChecker:
    """Passes events to *conversation*, and checks the instructions and the state after each.

    The model: the *mailbox*, the *running* turn, the turns that have *ended*, the usages that were *counted*, the
    settings that were *applied* last, and the *work* that is running: a request, a backoff or a compaction.
    """

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.conversation = opened_conversation(config)
        self._ledger = RecordLedger(ev.Opened(config=config, created_at=0.0))
        self.mailbox = MailboxLedger()
        self.queue = self.mailbox.queue
        self.settings = SettingsLedger()
        self.running: int | None = None
        self.ended: list[int] = []
        self.counted: list[Usage] = []
        self.sent = self.attempts = self._uncounted_ends = 0
        self.applied = config
        self.work: SendRequest | StartBackoff | StartCompaction | None = None
        self._before_turn = BeforeTurn()
        self._prompts = PromptLedger()
        self._originals = Originals()
        self._tools = ToolLedger()
        self._keys = KeyLedger()
        self._temporary = TemporaryLedger()
        self.closed = self._restored = self._is_aside = False

    @property
    def records(self) -> list[ev.Record]:
        """The records so far."""
        return self._ledger.records

    def handle(self, event: ev.Event) -> Sequence[Instruction]:
        """The instructions of *conversation* for *event*; none if it is rejected."""
        event = self._keys.keyed(event)
        before = copy_of(self.conversation)
        try:
            instructions = self.conversation.handle(event)
        except (MailboxError, SessionClosed, UnknownTurn, InvalidConfig) as rejection:
            self._check_rejection(before, event, rejection)
            return ()
        if not instructions:
            assert self.conversation == before, "an event that was ignored changed something"
            return ()
        self._ledger.add(event, instructions)
        self._keys.note(event, instructions)
        self._update_model(before, event)
        emitted = [step.event for step in instructions if isinstance(step, Emit)]
        self._note_tools(before, event, turns_added(emitted) | self.mailbox.added)
        self._follow_compactions(before, event)
        self._tools.note(event, self.conversation, emitted, self.settings.in_force(self.applied))
        base = self._tools.offers.offered(self.conversation.config)
        in_force = self.applied if self.running is None else self.settings.in_force(self.applied)
        self._prompts.compacted_under = prompt_of(self._tools.offers.offered(in_force))
        self._prompts.update(before, event, self.conversation, base, turns_added(emitted))
        before_turn = self._before_turn
        self._is_aside = is_aside(before)
        for step in instructions:
            is_current = isinstance(step, ApplySettings) and before_turn is self._before_turn
            self._check_instruction(step, event)
            before_turn = self._before_turn if is_current else before_turn
        self._tools.check_told()
        self._check_history(before, before_turn, event, emitted)
        self.mailbox.check_request(self.conversation, emitted)
        self._check_state()
        self._keys.check(self.conversation)
        return instructions

    def restart(self) -> None:
        """Replace the conversation by the one that its records rebuild, as after the death of a process."""
        replayed = self._ledger.rebuilt()
        assert replayed == self.conversation
        self.conversation = replayed

    def recover(self, partial: Partial = ev.NOTHING) -> Sequence[Instruction]:
        """Go on in another process: with what the records say, and *partial* of the work that was running."""
        self.restart()
        self.work = None
        if self.conversation.state is State.REQUESTING:
            self.attempts = 0
        return self.handle(ev.Recovered(partial=partial))

    # Events

    def _check_rejection(self, before: Conversation, event: ev.Event, rejection: RayconteurError) -> None:
        assert self.conversation == before, "a rejected event changed something"
        assert not isinstance(rejection, MailboxFull) or self.mailbox.is_full(event, self.conversation.config.limits), (
            "rejected though there was room"
        )

    def _update_model(self, before: Conversation, event: ev.Event) -> None:
        self.counted += usages_of(event, before, self.conversation)
        if isinstance(event, ev.Answered):
            self.attempts = 0
        if isinstance(event, ev.Received):
            self.mailbox.expect(before, event.message, event.size_bytes)
            if isinstance(event.message, msg.UserMessage):
                self.settings.asked(before.turns + 1, event.message.settings)
                if TEMPORARY in event.message.temporary_content:
                    self._temporary.turns.add(before.turns + 1)
        elif not isinstance(event, ev.ToolUseReady):
            self.work = None

    def _follow_compactions(self, before: Conversation, event: ev.Event) -> None:
        if omits_sealed(before, event):
            assert not any(message.is_sealed for message in self.conversation.history), "something sealed is left"
            self.attempts = 0
        self._restored = was_restored(before, self.conversation)
        if omits_sealed(before, event) or self._restored or is_compacted(event):
            self._expect_changed_history()
        self._originals.update(before, event)

    def _note_tools(self, before: Conversation, event: ev.Event, added: AbstractSet[int]) -> None:
        offers, applied, in_force = self._tools.offers, self.applied, self.settings.in_force(self.applied)
        offered = offers.offered(applied)
        offers.note(before, event, self.conversation, Settings(applied, in_force, added))
        self._before_turn = self._before_turn.with_settings(offered, offers.offered(applied))

    # Instructions

    def _check_instruction(self, step: Instruction, event: ev.Event) -> None:
        match step:
            case Emit(event=emitted):
                self._check_event(emitted, event)
            case SendRequest():
                self.sent += 1
                assert self.work is None
                self.attempts += 1
                assert (step.number, step.turn, step.attempt) == (self.sent, self.running, self.attempts)
                assert step.messages == self.conversation.history
                self._tools.check_sent(step, self.settings.in_force(self.applied))
                self._prompts.check(step)
                self._temporary.check_sent(step.messages, self.settings.message_turn)
                self.work = step
            case StartBackoff() | StartCompaction():
                assert self.work is None
                if isinstance(step, StartCompaction):
                    in_force = self._tools.expected_config(self.settings.in_force(self.applied))
                    assert step.config == (in_force if self.running else self._tools.offers.offered(self.applied))
                    self.mailbox.check_compaction(self.conversation, event)
                    assert not has_temporary(step.messages), "a summary would keep what is temporary"
                self.work = step
            case Cancel():
                assert self.work is not None, "nothing to cancel"
                self.work = None
            case Acknowledge():
                assert isinstance(event, ev.Received)
            case ApplySettings():
                before = self._tools.offers.offered(self.applied)
                self._tools.offers.configured(self.applied, step.config, self.conversation.history)
                self._before_turn = self._before_turn.with_settings(before, self._tools.offers.offered(step.config))
                self.applied = step.config
            case ev.Record() | StartToolTimer():
                pass
            case EndSession():
                assert self.closed
            case _:
                self._tools.check_begun(step, event, self.settings.in_force(self.applied))

    def _check_event(self, emitted: out.FromLLM, event: ev.Event) -> None:
        assert not self.closed, "an event follows Closed"
        assert (emitted.session_id, emitted.seq) == ("", 0)
        self._keys.check_correlation(emitted)
        message = event.message if isinstance(event, ev.Received) else None
        match emitted:
            case out.TurnStarted(turn=turn):
                assert self.running is None
                assert self.queue.pop(0) == turn, "turns start out of order"
                self._start_turn(turn, message)
            case out.Completed() | out.Failed() | out.Interrupted():
                self._end_turn(emitted)
            case out.Cleared(history=history, counters=counters):
                assert self.queue.pop(0) == "clear"
                if history:
                    self._tools.offers.added.clear()
                if counters:
                    self.counted, self._uncounted_ends = [], len(self.ended)
            case out.MessagesAdded():
                self._tools.offers.add_used(self.mailbox.check_added(emitted), self.applied)
                self.settings.added(emitted.turns)
            case out.Rewound():
                assert self.queue.pop(0) == "rewind"
            case out.Compacted():
                assert emitted.turn == (0 if self.mailbox.withdrew(emitted) else self.running or 0)
            case out.Configured(turn=turn):
                applies_at_once = isinstance(message, msg.Configure) and message.next == "request"
                assert applies_at_once or self.queue.pop(0) == "configure"
                assert turn == (self.running or 0)
            case out.Closed():
                assert self.running is None
                self.mailbox.close()
                self.closed = True
            case _:
                assert emitted.turn == self.running, "an event of a turn that is not running"
                self._check_event_in_turn(emitted, event)

    def _check_event_in_turn(self, emitted: out.FromLLM, event: ev.Event) -> None:
        match emitted:
            case out.TokenUpdate():
                assert emitted.request == self.counted[-1]
                assert (last := self.conversation.last_request)
                assert last.usage == emitted.request
                assert emitted.of_turn == summed(self.counted[self._before_turn.counted :])
                assert emitted.of_session == summed(self.counted)
            case out.Steered():
                self.mailbox.check_steered(emitted)
            case out.Retrying() | out.Continuing():
                pass
            case _:
                before = self._tools.offers.offered(self.applied)
                self._tools.check(emitted, event, self.settings.in_force(self.applied))
                self._before_turn = self._before_turn.with_settings(before, self._tools.offers.offered(self.applied))

    def _start_turn(self, turn: int, message: msg.ToLLM | None) -> None:
        self.running, self.attempts = turn, 0
        self._tools.start_turn()
        history = self.conversation.history
        self.settings.start(turn, history)
        if not isinstance(message, msg.Retry | msg.Continue) or is_prompt(history[-1]):
            history = history[:-1]
        self._tools.offers.started(self.applied, self.settings.in_force(self.applied), history)
        fill, continues = self.conversation.fill, isinstance(message, msg.Continue)
        recounted = self._restored or self.settings.in_force(self.applied).provider.name != self.applied.provider.name
        self._before_turn = BeforeTurn(history, fill, len(self.counted), self.sent, recounted, continues)

    def _expect_changed_history(self) -> None:
        if self.running is not None:
            history = tuple(message for message in self.conversation.history if message.turn != self.running)
            self._before_turn = replace(self._before_turn, history=history, recounted=True)

    def _end_turn(self, end: out.TurnEnd) -> None:
        if end.turn == self.running:
            self.running = None
            self._tools.end_step()
            if self._is_aside:
                self.settings.end_aside()
        else:
            assert isinstance(end, out.Interrupted), "only an interrupt ends a queued turn"
            self.queue.remove(end.turn)
        assert end.turn not in self.ended, "a turn ended twice"
        self.ended.append(end.turn)
        if isinstance(end, out.Completed):
            assert end.usage == summed(self.counted[self._before_turn.counted :])
            assert end.requests == self.sent - self._before_turn.sent

    # State

    def _check_history(
        self, before: Conversation, before_turn: BeforeTurn, event: ev.Event, emitted: Sequence[out.FromLLM]
    ) -> None:
        if is_compacted(event) or any(isinstance(event, out.Cleared) for event in emitted):
            return
        after, gone = self.conversation, turns_that_left(before, event, emitted)
        now = self._before_turn if self.running is not None else BeforeTurn(after.history, after.fill)
        if added := self.mailbox.check_history(after, emitted):
            history = tuple(message for message in now.history if message.turn not in added)
            now = replace(now, history=history, recounted=True)
        if any(isinstance(event, out.Rewound) for event in emitted):
            check_rewound(before, after, emitted, gone)
        elif self._restored:
            self._originals.check_restored(before.history, after.history, gone)
        elif has_left(before, event, emitted) and not is_aside(before):
            check_refused(before_turn, now)
        elif before.turn in gone:
            check_discarded(before_turn, now)
        else:
            check_kept(before, after.history)

    def _check_state(self) -> None:
        conversation = self.conversation
        running = [] if self.running is None else [self.running]
        assert sorted([*self.ended, *running, *self.mailbox.numbers]) == list(range(1, conversation.turns + 1)), (
            "a turn without its end"
        )
        assert conversation.turn == self.running
        if self.running is None:
            self._temporary.check_rest(conversation)
        assert [queued.turn for queued in conversation.queue if queued.starts_turn] == self.mailbox.turns
        assert len(conversation.queue) == len(self.queue)
        assert conversation.config == self.applied
        assert conversation.usage == summed(self.counted)
        check_tally(conversation, len(self.ended) - self._uncounted_ends, self.running)
        assert conversation.fill.messages <= conversation.message_count, (
            "the fill counts messages that are no longer in the history"
        )
        assert (conversation.state is State.CLOSED) == self.closed
        assert isinstance(self.work, WORK_BY_STATE.get(conversation.state, NoneType))
        self.mailbox.check_bounds(self.config.limits)
