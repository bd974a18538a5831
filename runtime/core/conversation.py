"""The pure core of a session: events in, instructions out. No Ray, no I/O, no clock, no randomness."""

from dataclasses import dataclass

import msgspec

from ...providers.schema.draft import Partial
from ...providers.schema.errors import ContextOverflow
from ...providers.schema.messages import Message, Role
from ..api import messages as say
from ..api.config import OnInterrupt, WhenBusy
from ..api.errors import NothingToRetry, SessionBusy, SessionClosed
from ..api.status import State
from . import events as ev
from .configure import changed, fields, refuse_misfit
from .content import said
from .instructions import Abandon, Backoff, Emit, End, Instruction, Record, Send
from .mailbox import Mailbox, Waiting, refuse_too_large
from .retry import pause_s
from .standing import Standing
from .tool_batch import Batch, nothing_open
from .turn import NO_VALID_INPUT, REFUSED_BATCHES, Turn

_UNDER_WAY = (State.REQUESTING, State.STREAMING)


@dataclass(slots=True)
class Conversation(Standing):
    """A conversation: its history, its turn, its mailbox, its counters.

    ``handle`` is the only way its state moves. It either takes an event, or raises and leaves everything as it was.
    """

    def handle(self, event: ev.Event) -> list[Instruction]:
        """Take *event* and say what must be done, in this order. What comes of an abandoned request is passed over.

        Raises:
            SessionClosed: the session has ended, or ends after the messages that wait.
            MailboxError: the event does not fit now; its class says how.
            InvalidConfig: settings that never fit.
        """
        match event:
            case ev.AnswerBegan():
                if self.awaits(event.request):
                    self.state = State.STREAMING
                return []
            case ev.Answered() if self.awaits(event.request):
                return [Record(event), *self._answered(event)]
            case ev.RequestFailed() if self.awaits(event.request):
                return [Record(event), *self._failed(event)]
            case ev.BackoffEnded() if self.state is State.RETRYING and event.request == self.requests:
                return [Record(event), *self._request()]
            case ev.CompactionEnded() if self.state is State.COMPACTING and event.compaction == self.compactor.number:
                return [Record(event), *self._compacted(event)]
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
        if self.at_rest or when_busy is WhenBusy.QUEUE:
            return self._in_order(waiting)
        if when_busy is WhenBusy.REJECT:
            raise SessionBusy(f"a turn runs ({self.state}); wait for its end, interrupt it, or let messages queue")
        self.turns = waiting.turn
        instructions = self._interrupt_running(event.partial)
        self.mailbox.put_first(waiting)
        return [*instructions, *self._next()]

    def _in_order(self, waiting: Waiting) -> list[Instruction]:
        if not self.at_rest:
            self.mailbox.admit_waiting(waiting, self.config.limits)
        self.turns = max(self.turns, waiting.turn)
        self.mailbox.put(waiting)
        return [*self.make_way(), *self._next()]

    def _next(self) -> list[Instruction]:
        instructions: list[Instruction] = []
        while self.state is State.IDLE and (waiting := self.mailbox.take()):
            instructions += self._begin(waiting)
        if self.state is State.IDLE and self.compactor.may_begin_early(self.tokens(), self.config):
            instructions.append(self.compact(say.CompactReason.EAGER))
        return instructions

    def _begin(self, waiting: Waiting) -> list[Instruction]:
        match waiting.event:
            case ev.Asked(content=content):
                return self._begin_turn(Message(role=Role.USER, content=content, turn=waiting.turn))
            case ev.ClearAsked():
                self.past.clear()
                self.window.recount(self.history, self.config)
                self.compactor.forget()
                return [Emit(say.Cleared())]
            case ev.CompactAsked():
                return [self.compact(say.CompactReason.ASKED)]
            case ev.ConfigureAsked() as event:
                return self._configure(event)
            case ev.CloseAsked():
                return self._close(ev.NOTHING)

    # The life of a turn

    def _begin_turn(self, message: Message | None = None) -> list[Instruction]:
        number = message.turn if message else self.turns
        self.turn = Turn(number=number, fill_before=self.window.fill)
        if message:
            self.past.append(message)
        return [Emit(say.TurnStarted(turn=number)), *self._request()]

    def _retry_asked(self) -> list[Instruction]:
        self.mailbox.refuse_if_closing()
        if not self.at_rest:
            raise SessionBusy(f"a turn runs ({self.state}); retry when it has failed")
        if not self.past.unanswered:
            raise NothingToRetry("the history does not end with something unanswered; send a message")
        self.turns += 1
        return [*self.make_way(), *self._begin_turn()]

    def _request(self) -> list[Instruction]:
        """Send the next request, or see first that there is room for it."""
        if self.compactor.due(self.tokens(), self.config):
            return [self.compact(say.CompactReason.THRESHOLD)]
        return [self._send()]

    def _send(self) -> Instruction:
        turn = self.running()
        self.requests += 1
        turn.requests += 1
        turn.attempt += 1
        self.state = State.REQUESTING
        return Send(self.requests, turn.number, turn.attempt, tuple(self.history), self.config)

    def _answered(self, event: ev.Answered) -> list[Instruction]:
        turn, answer = self.running(), event.answer
        turn.attempt = 0
        self.window.learn(answer.usage, self.history, self.config)
        instructions = self.count(answer.usage)
        batch = self.keep(answer.content)
        if batch.uses:
            return [*instructions, *self._tools_out(batch)]
        return [*instructions, *self._end_turn(turn.completed(answer)), *self._next()]

    def _failed(self, event: ev.RequestFailed) -> list[Instruction]:
        turn, failure = self.running(), event.failure
        instructions = self.count_partial(event.partial)
        if failure.code == ContextOverflow.code and self.config.compaction and not turn.overflowed:
            turn.overflowed = True
            return [*instructions, self.compact(say.CompactReason.OVERFLOW, event)]
        return [*instructions, *self._try_again_or_fail(event)]

    def _try_again_or_fail(self, event: ev.RequestFailed) -> list[Instruction]:
        turn, failure = self.running(), event.failure
        delay_s = pause_s(self.config.retry, event, turn.attempt)
        if delay_s is not None:
            self.state = State.RETRYING
            return [Emit(turn.retrying(failure, delay_s)), Backoff(event.request, delay_s)]
        return [*self._end_turn(turn.failed(failure, event.partial.text)), *self._next()]

    def _end_turn(self, end: say.TurnEnd) -> list[Instruction]:
        self.turn = None
        self.state = State.IDLE
        return [Emit(end)]

    # Tools

    def _tools_out(self, batch: Batch) -> list[Instruction]:
        turn = self.running()
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
        batch.take(event.results, event.last, event.compact_summaries)
        if batch.open:
            return []
        self._tools_in(self.turn, batch)
        return self._request()

    def _tools_in(self, turn: Turn, batch: Batch) -> None:
        turn.batch = None
        self.past.append(Message(role=Role.USER, content=batch.results(), turn=turn.number))

    # Interrupting and ending

    def _interrupt_asked(self, event: ev.InterruptAsked) -> list[Instruction]:
        running = self.turn.number if self.turn else None
        if self.state is not State.IDLE and event.turn in (None, running):
            return [*self._interrupt_running(event.partial), *self._next()]
        if event.turn is not None and self.mailbox.withdraw(event.turn):
            return [Emit(say.Interrupted(turn=event.turn))]
        return []

    def _interrupt_running(self, partial: Partial) -> list[Instruction]:
        instructions: list[Instruction] = [] if self.state is State.TOOLS_OUT else [Abandon()]
        if self.state is State.COMPACTING:
            ended = ev.CompactionEnded(compaction=self.compactor.number, problem="interrupted")
            instructions.append(self.end_compaction(ended))
        if self.turn is None:
            return instructions
        turn = self.turn
        if self.state not in _UNDER_WAY:
            partial = ev.NOTHING  # what there was of it is counted and dropped already
        instructions += self.count_partial(partial)
        if self.config.on_interrupt is OnInterrupt.DISCARD:
            self.past.discard(turn.number)
            self.restore(turn.fill_before)
        else:
            batch = turn.batch or self.keep(partial.content)
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
        self.window.goes_to(self.config.provider.name)
        number = self.turn.number if self.turn else 0
        configured = say.Configured(turn=number, fields=fields(event.change), model=self.config.provider.model)
        return [Emit(configured)]

    def _compacted(self, event: ev.CompactionEnded) -> list[Instruction]:
        under_way = self.compactor.under_way
        told = self.end_compaction(event)
        if self.turn is None:
            return [told, *self._next()]
        if under_way and under_way.failed and event.messages is None:
            return [told, *self._try_again_or_fail(under_way.failed)]
        return [told, self._send()]
