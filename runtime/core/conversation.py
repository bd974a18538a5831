"""The pure core of a session: events in, instructions out. No Ray, no I/O, no clock, no randomness."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from ...providers.content import Block, ToolUse
from ...providers.draft import Partial
from ...providers.messages import Message, Role
from ...providers.usage import NONE_YET, Count, Usage, reported
from .. import messages as say
from ..config import OnInterrupt, SessionConfig, WhenBusy
from ..errors import NothingToRetry, SessionBusy, SessionClosed
from ..status import State
from . import events as ev
from .batch import Batch, nothing_open
from .configure import changed, fields, refuse_misfit
from .instructions import Abandon, Backoff, Emit, End, Instruction, Record, Send, Shorten
from .mailbox import Mailbox, Waiting, refuse_too_large
from .retry import pause_s
from .speech import said, worth_keeping
from .turn import NO_VALID_INPUT, REFUSED_BATCHES, Turn

_EMPTY = reported(0)
_UNDER_WAY = (State.REQUESTING, State.STREAMING)


@dataclass(slots=True)
class Conversation:
    """A conversation: its history, its turn, its mailbox, its counters.

    ``handle`` is the only way its state moves. It either takes an event, or raises and leaves everything as it was.
    """

    config: SessionConfig
    history: list[Message] = field(default_factory=list[Message])
    state: State = State.IDLE
    turn: Turn | None = None
    mailbox: Mailbox = field(default_factory=Mailbox)
    turns: int = 0
    requests: int = 0
    compactions: int = 0
    usage: Usage = NONE_YET
    context: Count = _EMPTY

    @property
    def open_tool_uses(self) -> tuple[ToolUse, ...]:
        """The tool uses that wait for their results."""
        return self.turn.batch.open if self.turn and self.turn.batch else ()

    def handle(self, event: ev.Event) -> list[Instruction]:
        """Take *event* and say what must be done, in this order. What comes of an abandoned request is passed over.

        Raises:
            SessionClosed: the session has ended, or ends after the messages that wait.
            MailboxError: the event does not fit now; its class says how.
            InvalidConfig: settings that never fit.
        """
        match event:
            case ev.AnswerBegan():
                if self._awaits(event.request):
                    self.state = State.STREAMING
                return []
            case ev.Answered() if self._awaits(event.request):
                return [Record(event), *self._answered(event)]
            case ev.RequestFailed() if self._awaits(event.request):
                return [Record(event), *self._failed(event)]
            case ev.BackoffEnded() if self.state is State.RETRYING and event.request == self.requests:
                return [Record(event), *self._request()]
            case ev.CompactionEnded() if self.state is State.COMPACTING and event.compaction == self.compactions:
                return [Record(event), *self._end_compaction(event), *self._next()]
            case ev.Answered() | ev.RequestFailed() | ev.BackoffEnded() | ev.CompactionEnded():
                return []
            case _:
                if self.state is State.CLOSED:
                    raise SessionClosed("the session is closed")
                return [Record(event), *self._wanted(event)]

    def _wanted(self, event: ev.Wish) -> list[Instruction]:
        match event:
            case ev.Asked():
                return self._asked(event)
            case ev.ToolsReturned():
                return self._tools_returned(event)
            case ev.InterruptAsked():
                return self._interrupt_asked(event)
            case ev.RetryAsked():
                return self._retry_asked()
            case ev.ConfigureAsked(change=change):
                refuse_misfit(change)
                return self._configure(event) if change.next == "request" else self._in_order(Waiting(event))
            case ev.CloseAsked(drain=False):
                return self._close(event.partial)
            case ev.ClearAsked() | ev.CompactAsked() | ev.CloseAsked():
                return self._in_order(Waiting(event))

    # Messages in their order

    def _asked(self, event: ev.Asked) -> list[Instruction]:
        content = said(event.content)
        when_busy = event.when_busy or self.config.when_busy
        self.mailbox.admit(event.size_bytes, self.config.limits)
        waiting = Waiting(msgspec.structs.replace(event, content=content, partial=ev.NOTHING), self.turns + 1)
        if self.state is State.IDLE or when_busy is WhenBusy.QUEUE:
            return self._in_order(waiting)
        if when_busy is WhenBusy.REJECT:
            raise SessionBusy(f"a turn runs ({self.state}); wait for its end, interrupt it, or let messages queue")
        self.turns = waiting.turn
        instructions = self._interrupt_running(event.partial)
        self.mailbox.put_first(waiting)
        return [*instructions, *self._next()]

    def _in_order(self, waiting: Waiting) -> list[Instruction]:
        if self.state is not State.IDLE:
            self.mailbox.admit_waiting(waiting, self.config.limits)
        self.turns = max(self.turns, waiting.turn)
        self.mailbox.put(waiting)
        return self._next()

    def _next(self) -> list[Instruction]:
        instructions: list[Instruction] = []
        while self.state is State.IDLE and (waiting := self.mailbox.take()):
            instructions += self._begin(waiting)
        return instructions

    def _begin(self, waiting: Waiting) -> list[Instruction]:
        match waiting.event:
            case ev.Asked(content=content):
                return self._begin_turn(Message(role=Role.USER, content=content, turn=waiting.turn))
            case ev.ClearAsked():
                self.history.clear()
                self.context = _EMPTY
                return [Emit(say.Cleared())]
            case ev.CompactAsked():
                self.state = State.COMPACTING
                self.compactions += 1
                return [Shorten(self.compactions, tuple(self.history), self.config)]
            case ev.ConfigureAsked() as event:
                return self._configure(event)
            case ev.CloseAsked():
                return self._close(ev.NOTHING)

    # The life of a turn

    def _begin_turn(self, message: Message | None = None) -> list[Instruction]:
        number = message.turn if message else self.turns
        self.turn = Turn(number=number, begin=len(self.history), context_before=self.context)
        if message:
            self.history.append(message)
        return [Emit(say.TurnStarted(turn=number)), *self._request()]

    def _retry_asked(self) -> list[Instruction]:
        self.mailbox.refuse_if_closing()
        if self.state is not State.IDLE:
            raise SessionBusy(f"a turn runs ({self.state}); retry when it has failed")
        if not self.history or self.history[-1].role is not Role.USER:
            raise NothingToRetry("the history does not end with something unanswered; send a message")
        self.turns += 1
        return self._begin_turn()

    def _request(self) -> list[Instruction]:
        turn = self._running()
        self.requests += 1
        turn.requests += 1
        turn.attempt += 1
        self.state = State.REQUESTING
        return [Send(self.requests, turn.number, turn.attempt, tuple(self.history), self.config)]

    def _answered(self, event: ev.Answered) -> list[Instruction]:
        turn, answer = self._running(), event.answer
        turn.attempt = 0
        instructions = self._count(answer.usage)
        batch = self._keep(answer.content)
        if batch.uses:
            return [*instructions, *self._tools_out(batch)]
        return [*instructions, *self._end_turn(turn.completed(answer)), *self._next()]

    def _failed(self, event: ev.RequestFailed) -> list[Instruction]:
        turn, failure = self._running(), event.failure
        instructions = self._count_partial(event.partial)
        delay_s = pause_s(self.config.retry, event, turn.attempt)
        if delay_s is not None:
            self.state = State.RETRYING
            return [*instructions, Emit(turn.retrying(failure, delay_s)), Backoff(event.request, delay_s)]
        return [*instructions, *self._end_turn(turn.failed(failure, event.partial.text)), *self._next()]

    def _end_turn(self, end: say.TurnEnd) -> list[Instruction]:
        self.turn = None
        self.state = State.IDLE
        return [Emit(end)]

    # Tools

    def _tools_out(self, batch: Batch) -> list[Instruction]:
        turn = self._running()
        turn.batch = batch
        told = Emit(turn.tool_batch(batch))
        if batch.open:
            turn.refused_batches = 0
            self.state = State.TOOLS_OUT
            return [told]
        turn.refused_batches += 1
        self._tools_in(turn, batch)
        if turn.refused_batches < REFUSED_BATCHES:
            return [told, *self._request()]
        return [told, *self._end_turn(turn.failed(NO_VALID_INPUT)), *self._next()]

    def _tools_returned(self, event: ev.ToolsReturned) -> list[Instruction]:
        refuse_too_large(event.size_bytes, self.config.limits)
        if self.turn is None or self.turn.batch is None:
            raise nothing_open(event.results, self.history)
        batch = self.turn.batch
        batch.take(event.results, event.last)
        if batch.open:
            return []
        self._tools_in(self.turn, batch)
        return self._request()

    def _tools_in(self, turn: Turn, batch: Batch) -> None:
        turn.batch = None
        self.history.append(Message(role=Role.USER, content=batch.results(), turn=turn.number))

    # Interrupting and ending

    def _interrupt_asked(self, event: ev.InterruptAsked) -> list[Instruction]:
        running = self.turn.number if self.turn else None
        if self.state is not State.IDLE and event.turn in (None, running):
            return [*self._interrupt_running(event.partial), *self._next()]
        if event.turn is not None and self.mailbox.withdraw(event.turn):
            return [Emit(say.Interrupted(turn=event.turn))]
        return []

    def _interrupt_running(self, partial: Partial) -> list[Instruction]:
        if self.state is State.COMPACTING:
            ended = ev.CompactionEnded(compaction=self.compactions, problem="interrupted")
            return [Abandon(), *self._end_compaction(ended)]
        turn = self._running()
        instructions: list[Instruction] = [] if self.state is State.TOOLS_OUT else [Abandon()]
        if self.state not in _UNDER_WAY:
            partial = ev.NOTHING  # what there was of it is counted and dropped already
        instructions += self._count_partial(partial)
        if self.config.on_interrupt is OnInterrupt.DISCARD:
            del self.history[turn.begin :]
            self.context = turn.context_before
        else:
            batch = turn.batch or self._keep(partial.content)
            if batch.uses:
                self._tools_in(turn, batch)
        return [*instructions, *self._end_turn(say.Interrupted(turn=turn.number))]

    def _close(self, partial: Partial) -> list[Instruction]:
        busy = self.state is not State.IDLE
        instructions = self._interrupt_running(partial) if busy else []
        instructions += [Emit(say.Interrupted(turn=turn)) for turn in self.mailbox.turns()]
        self.mailbox = Mailbox()
        self.state = State.CLOSED
        return [*instructions, Emit(say.Closed()), End()]

    # Settings, compaction, counting

    def _configure(self, event: ev.ConfigureAsked) -> list[Instruction]:
        self.config = changed(self.config, event.change, event.facts)
        number = self.turn.number if self.turn else 0
        configured = say.Configured(turn=number, fields=fields(event.change), model=self.config.provider.model)
        return [Emit(configured)]

    def _end_compaction(self, event: ev.CompactionEnded) -> list[Instruction]:
        before = len(self.history)
        if event.messages is not None:
            self.history = list(event.messages)
        self.state = State.IDLE
        compacted = say.Compacted(messages_before=before, messages_after=len(self.history), problem=event.problem)
        return [Emit(compacted)]

    def _count_partial(self, partial: Partial) -> list[Instruction]:
        # Where the provider never began to answer, there is nothing to pay for.
        return [] if partial == ev.NOTHING else self._count(partial.usage)

    def _count(self, usage: Usage) -> list[Instruction]:
        turn = self._running()
        turn.usage += usage
        self.usage += usage
        self.context = usage.input + usage.output
        return [Emit(say.TokenUpdate(turn=turn.number, request=usage, of_turn=turn.usage, of_session=self.usage))]

    def _keep(self, content: Iterable[Block]) -> Batch:
        kept = worth_keeping(content, self.history)
        if kept:
            self.history.append(Message(role=Role.ASSISTANT, content=kept, turn=self._running().number))
        return Batch.of(kept)

    def _awaits(self, request: int) -> bool:
        return self.state in _UNDER_WAY and request == self.requests

    def _running(self) -> Turn:
        assert self.turn is not None
        return self.turn
