"""An auditor: watches a conversation from outside, keeps its own books, and complains where a promise is broken."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import NoneType

import msgspec
from builders.conversation import copy_of
from checkers.before_turn import Before
from checkers.usage_sums import summed

from rayconteur.providers.schema.content import ToolUse
from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.errors import InvalidConfig, RayconteurError
from rayconteur.providers.schema.usage import Usage
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import OnInterrupt, SessionConfig, WhenBusy
from rayconteur.runtime.api.errors import MailboxError, MailboxFull, SessionClosed
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation

IN_ORDER = (ev.Asked, ev.RetryAsked, ev.ClearAsked, ev.CompactAsked)
UNDER_WAY = (State.REQUESTING, State.STREAMING)
OUT = {
    State.REQUESTING: do.Send,
    State.STREAMING: do.Send,
    State.RETRYING: do.Backoff,
    State.COMPACTING: do.Shorten,
}


class Auditor:
    """Hands events to *talk* and checks all that comes of them.

    Its books: the *queue* of what waits (turns by number, the rest by a word), the turn that is *running*, the turns
    that have *ended*, the usages that were *counted*, and what is *out*: a request, a pause or a compaction.
    """

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.talk = Conversation(config)
        self.records: list[ev.Event] = []
        self.queue: list[int | str] = []
        self.sizes_bytes: dict[int, int] = {}
        self.running: int | None = None
        self.ended: list[int] = []
        self.closed = False
        self.counted: list[Usage] = []
        self.sent = self.attempts = 0
        self.out: do.Send | do.Backoff | do.Shorten | None = None
        self._before_turn = Before()

    def hand(self, event: ev.Event) -> Sequence[do.Instruction]:
        """What *talk* wants done after *event*; nothing where it refuses."""
        before = copy_of(self.talk)
        try:
            instructions = self.talk.handle(event)
        except (MailboxError, SessionClosed, InvalidConfig) as refusal:
            self._check_refusal(before, event, refusal)
            return ()
        if not instructions and not isinstance(event, ev.AnswerBegan):
            assert self.talk == before, "an event that was passed over left a trace"
            return ()
        self._check_record(event, instructions)
        self._hear(before, event)
        begun = self._before_turn
        for step in instructions:
            self._follow(step, event)
        told = [step.event for step in instructions if isinstance(step, do.Emit)]
        self._check_history(before, begun, told)
        self._check_books()
        return instructions

    def restart(self) -> None:
        """The conversation dies, and its records rebuild it."""
        kept = msgspec.msgpack.encode(self.records)
        rebuilt = Conversation(self.config)
        for event in msgspec.msgpack.decode(kept, type=list[ev.Event]):
            rebuilt.handle(event)
        if self.talk.state is State.STREAMING:
            self.talk.state = State.REQUESTING  # that an answer has begun is no record
        assert rebuilt == self.talk
        self.talk = rebuilt

    # What comes in

    def _check_record(self, event: ev.Event, instructions: Sequence[do.Instruction]) -> None:
        records = [step for step in instructions if isinstance(step, do.Record)]
        if isinstance(event, ev.AnswerBegan):
            assert not instructions
        else:
            assert records == [do.Record(event)]
            assert instructions[0] is records[0], "told before it was kept"
            self.records.append(event)

    def _check_refusal(self, before: Conversation, event: ev.Event, refusal: RayconteurError) -> None:
        assert self.talk == before, "a refused event left a trace"
        assert not isinstance(refusal, MailboxFull) or self._no_room(event), "refused though there was room"

    def _hear(self, before: Conversation, event: ev.Event) -> None:
        assert "close" not in self.queue or not isinstance(event, IN_ORDER), "taken behind a close"
        self._count(before, event)
        match event:
            case ev.Answered() | ev.RequestFailed() | ev.BackoffEnded() | ev.CompactionEnded():
                self.out = None
            case ev.Asked():
                busy = before.state is not State.IDLE and not before.compactor.eager
                first = busy and (event.when_busy or before.config.when_busy) is WhenBusy.INTERRUPT
                self.queue.insert(0 if first else len(self.queue), before.turns + 1)
                self.sizes_bytes[before.turns + 1] = event.size_bytes
            case ev.RetryAsked():
                self.queue.append(before.turns + 1)
            case ev.ClearAsked():
                self.queue.append("clear")
            case ev.CompactAsked():
                self.queue.append("compact")
            case ev.ConfigureAsked(change=say.Configure(next="turn")):
                self.queue.append("configure")
            case ev.CloseAsked(drain=True):
                self.queue.append("close")
            case _:
                pass

    def _no_room(self, event: ev.Event) -> bool:
        limits, size_bytes = self.config.limits, event.size_bytes if isinstance(event, ev.Asked) else 0
        return len(self.queue) >= limits.waiting_messages or self._waiting_bytes() + size_bytes > limits.waiting_bytes

    def _waiting_bytes(self) -> int:
        return sum(self.sizes_bytes[turn] for turn in self.queue if isinstance(turn, int))

    def _count(self, before: Conversation, event: ev.Event) -> None:
        match event:
            case ev.Answered():
                self.counted.append(event.answer.usage)
                self.attempts = 0
            case ev.RequestFailed(partial=partial):
                self._count_partial(partial)
            case ev.Asked(partial=partial) | ev.InterruptAsked(partial=partial) | ev.CloseAsked(partial=partial):
                if before.state in UNDER_WAY and running(self.talk) != running(before):
                    self._count_partial(partial)
            case _:
                pass

    def _count_partial(self, partial: Partial) -> None:
        if partial != Partial():
            self.counted.append(partial.usage)

    # What comes out

    def _follow(self, step: do.Instruction, event: ev.Event) -> None:
        match step:
            case do.Emit(event=told):
                self._read(told, event)
            case do.Send():
                self.sent += 1
                assert self.out is None
                self.attempts += 1
                assert (step.number, step.turn, step.attempt) == (self.sent, self.running, self.attempts)
                assert step.messages == tuple(self.talk.history)
                assert step.config == self.talk.config
                self.out = step
            case do.Backoff() | do.Shorten():
                assert self.out is None
                if isinstance(step, do.Shorten):
                    self._shorten()
                self.out = step
            case do.Abandon():
                assert self.out is not None, "nothing to abandon"
                self.out = None
            case do.Record():
                pass
            case do.End():
                assert self.closed

    def _read(self, told: say.FromLLM, event: ev.Event) -> None:
        assert not self.closed, "something was told after the end"
        assert (told.session_id, told.seq) == ("", 0)
        match told:
            case say.TurnStarted(turn=turn):
                assert self.running is None
                assert self.queue.pop(0) == turn, "out of order"
                self._begin(turn, 0 if isinstance(event, ev.RetryAsked) else 1)
            case say.Completed() | say.Failed() | say.Interrupted():
                self._end(told)
            case say.Cleared():
                assert self.queue.pop(0) == "clear"
            case say.Compacted():
                assert told.turn == (self.running or 0)
                self._compacted(told)
            case say.Configured(turn=turn):
                at_once = isinstance(event, ev.ConfigureAsked) and event.change.next == "request"
                assert at_once or self.queue.pop(0) == "configure"
                assert turn == (self.running or 0)
            case say.Closed():
                assert self.running is None
                assert not any(isinstance(waiting, int) for waiting in self.queue)
                self.queue.clear()
                self.closed = True
            case _:
                assert told.turn == self.running, "of a turn that does not run"
                self._read_of_turn(told, event)

    def _read_of_turn(self, told: say.FromLLM, event: ev.Event) -> None:
        match told:
            case say.TokenUpdate():
                assert told.request == self.counted[-1]
                assert told.of_turn == summed(self.counted[self._before_turn.counted :])
                assert told.of_session == summed(self.counted)
            case say.ToolBatch():
                assert isinstance(event, ev.Answered)
                asked_for = [block for block in event.answer.content if isinstance(block, ToolUse)]
                assert inputs(told.uses) == inputs(use for use in asked_for if use.malformed is None)
                assert inputs(told.refused) == inputs(use for use in asked_for if use.malformed is not None)
            case _:
                assert isinstance(told, say.Retrying)

    def _begin(self, turn: int, own_messages: int) -> None:
        self.running, self.attempts = turn, 0
        history = self.talk.history[: len(self.talk.history) - own_messages]
        self._before_turn = Before(history, self.talk.context, len(self.counted), self.sent)

    def _shorten(self) -> None:
        under_way = self.talk.compactor.under_way
        assert under_way
        match under_way.why:
            case say.CompactReason.ASKED:
                assert self.queue.pop(0) == "compact"
            case say.CompactReason.EAGER:
                assert self.running is None
                assert not self.queue
            case _:
                assert self.running is not None
                assert self.config.compaction

    def _compacted(self, told: say.Compacted) -> None:
        if self.running is not None:
            history = [message for message in self.talk.history if message.turn != self.running]
            self._before_turn = replace(self._before_turn, history=history, shortened=True)

    def _end(self, end: say.TurnEnd) -> None:
        if end.turn == self.running:
            self.running = None
        else:
            assert isinstance(end, say.Interrupted), "only an interrupt ends what has not begun"
            self.queue.remove(end.turn)
        assert end.turn not in self.ended, "a turn ended twice"
        self.ended.append(end.turn)
        if isinstance(end, say.Completed):
            assert end.usage == summed(self.counted[self._before_turn.counted :])
            assert end.requests == self.sent - self._before_turn.sent

    # What stands

    def _check_history(self, before: Conversation, begun: "Before", told: Sequence[say.FromLLM]) -> None:
        after = self.talk.history
        interrupted = before.turn and say.Interrupted(turn=before.turn.number) in told
        if any(isinstance(one, say.Cleared | say.Compacted) for one in told):
            return
        if interrupted and before.config.on_interrupt is OnInterrupt.DISCARD:
            rest = (after, self.talk.context) if self.running is None else self._before_turn.kept
            assert rest[0] == begun.kept[0], "the history is not what it was before the turn"
            assert begun.shortened or rest == begun.kept, "the context is not what it was before the turn"
        else:
            assert after[: len(before.history)] == before.history, "what was complete did not stay"

    def _check_books(self) -> None:
        talk = self.talk
        turns = [waiting for waiting in self.queue if isinstance(waiting, int)]
        now = [] if self.running is None else [self.running]
        assert sorted([*self.ended, *now, *turns]) == list(range(1, talk.turns + 1)), "a turn without its end"
        assert running(talk) == self.running
        assert talk.mailbox.turns() == tuple(turns)
        closes = "close" in self.queue  # for the wish to close there is always room
        assert len(talk.mailbox) == len(self.queue) <= self.config.limits.waiting_messages + closes
        assert self._waiting_bytes() <= self.config.limits.waiting_bytes
        assert talk.usage == summed(self.counted)
        assert talk.window.fill.messages <= len(talk.history), "counted what is gone"
        assert (talk.state is State.CLOSED) == self.closed
        assert isinstance(self.out, OUT.get(talk.state, NoneType))


def running(talk: Conversation) -> int | None:
    return talk.turn.number if talk.turn else None


def inputs(uses: Iterable[ToolUse]) -> list[tuple[str, object]]:
    return [(use.name, use.input) for use in uses]
