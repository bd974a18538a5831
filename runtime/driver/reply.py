"""A reply: the events of one turn, or the answer that they add up to."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, asynccontextmanager
from typing import Protocol

from ...providers.schema.errors import ConfigError
from ..api.errors import (
    MailboxError,
    SessionClosed,
    SessionDied,
    TurnInterrupted,
    WrongContext,
)
from ..api.events import (
    Completed,
    Died,
    Failed,
    FromLLM,
    Interrupted,
    Missed,
    ProcessLost,
    QuestionAsked,
    TextChunk,
    ToolBatch,
    ToolCompleted,
    ToolFailed,
)
from ..api.messages import Continue, Interrupt, MessageKey, Receipt, Retry, ToLLM, UserMessage
from ..api.options import OnAbandon
from ..api.settings.changes import given_settings
from ..events.reader import Reader
from .answers.final_answer import AnswerParts, FinalAnswer
from .answers.missed_events import RecordedSession, complete_parts, events_missed, require_all_asked
from .calls.abandoned_turns import OnLate
from .calls.followed_turn import FollowedTurn
from .calls.message_keys import message_key
from .calls.questions import OnQuestion, TurnQuestions, checked_on_question
from .calls.reply_options import ReplyOptions
from .calls.tool_runs import RunTool, SessionTools, TurnTools, checked_run_tool
from .calls.turn_errors import session_died, turn_failed
from .silence import SilenceWatch

_TURN_ENDS = (Completed, Failed, Interrupted)
_CONCERNING = (ToolBatch, QuestionAsked, ToolCompleted, ToolFailed, *_TURN_ENDS)
"""The events that may ask this program for something, or say that it is not asked any more; most are text."""

_PROBLEMS = (Failed, Interrupted, Missed)
"""The events that end the wait for an answer."""

_ABANDON_ITERATIONS = 3
"""A loop that was left sends its interrupt so many iterations of the event loop later: Python closes it in a task."""


class ReplySession(RecordedSession, Protocol):
    """What a reply needs of the session that it belongs to: ``SessionCalls``."""

    id: str
    last_seq: int
    tools: SessionTools
    """The tools of the session that run in this program."""
    open_replies: int
    """How many replies are being read."""

    def events(self, after: int = 0) -> Reader:
        """The session's events after number *after*."""
        ...

    def watch(self, reader: Reader) -> SilenceWatch:
        """Have *reader* fail with ``Unreachable`` when its events can't come any more, as long as it is silent."""
        ...

    async def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox."""
        ...

    async def deliver(self, message: ToLLM, on_late: OnLate | None, key: MessageKey | None = None) -> Receipt:
        """As ``send``, once if it has a *key*. If it arrives although this is cancelled, *on_late* has the receipt."""
        ...

    async def recover(self, reason: SessionDied) -> None:
        """Have the session go on from its journal, if it has one: its actor died, for the *reason*."""
        ...


class Reply:
    """The events of one turn, from ``TurnStarted`` to its end. Iterate over it once, or await the whole ``answer()``.

    A turn whose reply is abandoned is interrupted, unless *options* say otherwise: if the task that reads it is
    cancelled, or if its loop is left before the end. A loop left at a ``ToolBatch`` leaves its turn waiting for
    ``ToolResults``, unless the tools are functions: these run while the reply is read, and are cancelled with it. One
    left at a ``QuestionAsked`` leaves it waiting for the answer.

    A message that steers may enter a running turn: its reply begins with ``Steered`` then, and goes on with that turn.
    """

    def __init__(
        self, session: ReplySession, epoch: int, message: UserMessage | Retry | Continue, options: ReplyOptions
    ) -> None:
        self._session = session
        self._epoch = epoch
        self._message = message
        self._options = options
        self._is_sent = False
        self._is_repeated = False  # the message was in the mailbox before
        self._abandons: bool | None = None  # what answer() knows of why it leaves its loop
        self._tools = TurnTools(session, options.tool_limits, options.abandoned_turns)
        self._questions = TurnQuestions(session, options.abandoned_turns)
        if options.settings and "tools" in (given := given_settings(options.settings)):
            self._tools.own_tools = SessionTools.of(given["tools"] or ())
        self._answers_all_tools = False
        self._followed: FollowedTurn | None = None
        self.turn: int | None = None
        """The number of the turn, once the message is in the mailbox; of the running one, once it has entered that."""

    def __repr__(self) -> str:
        return f"Reply(session={self._session.id!r}, turn={self.turn})"

    async def __aiter__(self) -> AsyncGenerator[FromLLM, None]:
        session = self._session
        reader = await self._start()
        watch = session.watch(reader)
        turn = self._followed = FollowedTurn(session, self.turn, self._is_repeated)
        is_over = False
        event: FromLLM | None = None
        session.open_replies += 1
        try:
            while True:
                for event in await reader.batch():
                    session.last_seq = max(session.last_seq, event.seq)
                    if event.turn == turn.number or turn.enters(event):
                        self.turn = turn.number
                        if type(event) in _CONCERNING:
                            is_over = await self._is_end(turn, event)
                        yield event
                        if is_over:
                            return
                    elif isinstance(event, Died | ProcessLost):
                        await session.recover(session_died(session.id, event.reason))
                    elif isinstance(event, Missed):
                        yield event
                        turn.missed = True
                    if turn.missed:
                        await turn.require_end(event)
        except StopAsyncIteration:
            raise SessionClosed(f"session {session.id!r} ended before turn {turn.number}") from None
        except GeneratorExit:  # the loop was left
            if not is_over and self._abandons_turn_at(event):
                await self._abandon()
            raise
        except asyncio.CancelledError:
            await self._abandon()
            raise
        finally:
            await self._stop_answering()
            watch.stop()
            session.open_replies -= 1
            self._options.kept_readers.keep(reader) if is_over else reader.close()

    async def _is_end(self, turn: FollowedTurn, event: FromLLM) -> bool:
        """True if *event* ends the turn. Tools run from their ``ToolBatch`` to then at the latest.

        Raises:
            MailboxError, ConfigError: the session did not accept their results.
        """
        self._tools.note(event)
        if concerned := await turn.concern(event):
            self._questions.note(concerned)
            if isinstance(concerned, ToolBatch):
                self._tools.start(concerned, self._answers_all_tools)
        if type(event) not in _TURN_ENDS:
            return False
        await self._stop_answering()
        if error := self._tools.error or self._questions.error:
            raise error
        return True

    async def _stop_answering(self) -> None:
        await self._tools.stop()
        await self._questions.stop()

    def _abandons_turn_at(self, event: FromLLM | None) -> bool:
        """True if a loop that was left at *event* abandons its turn: not at tools whose results programs send."""
        if self._abandons is not None:
            return self._abandons
        if isinstance(event, QuestionAsked):
            return self._tools.running
        return not isinstance(event, ToolBatch) or self._tools.running or len(event.on_ray) == len(event.uses)

    async def _abandon(self) -> None:
        """Interrupt the turn, for whose end nobody waits any more; no tool of it is started.

        One that the message entered goes on: it is that of another message.
        """
        self._tools.cancel()
        self._questions.cancel()
        if self._followed and self._followed.entered:
            return
        if self._interrupts and self.turn is not None:
            await self._options.abandoned_turns.interrupt_and_wait(self._session, Interrupt(turn=self.turn))

    def _on_late(self, receipt: Receipt) -> None:
        """The message is in the mailbox, and nobody waits for its turn."""
        if receipt.turn is not None:
            self._options.abandoned_turns.interrupt(self._session, Interrupt(turn=receipt.turn))

    @property
    def _interrupts(self) -> bool:
        return self._options.on_abandon is OnAbandon.INTERRUPT

    async def _start(self) -> Reader:
        """Send the message, and read the events after it."""
        session = self._session
        if self._is_sent:
            raise WrongContext("a reply can be read once; to ask again, call ask() again")
        self._is_sent = True
        if session.open_replies:
            for _ in range(_ABANDON_ITERATIONS):
                await asyncio.sleep(0)
        kept_readers = self._options.kept_readers
        reader = kept_readers.take(session.id, self._epoch)  # before they can arrive
        try:
            receipt = await self._deliver(self._message)
        except BaseException as error:
            self._is_sent = not isinstance(error, MailboxError | ConfigError)  # a rejected message may be sent again
            if reader is not None:
                kept_readers.keep(reader)
            raise
        self.turn, self._is_repeated = receipt.turn, receipt.repeated
        if reader and receipt.repeated:  # it may have read the turn already
            kept_readers.keep(reader)
            reader = None
        if reader is None or reader.ended:
            # The router keeps the events meanwhile. If both calls were made at once, each would delay the other.
            return session.events(receipt.seq)
        reader.skip_to(receipt.seq)
        return reader

    async def _deliver(self, message: UserMessage | Retry | Continue) -> Receipt:
        """Put *message* into the mailbox."""
        key = message_key(self._options.key, self._message)
        return await self._session.deliver(message, self._on_late if self._interrupts else None, key)

    def __await__(self) -> Generator[None, None, FinalAnswer]:
        return self.answer().__await__()

    async def answer(self, run_tool: RunTool | None = None, on_question: OnQuestion | None = None) -> FinalAnswer:
        """Wait for the whole answer. Tools that are no functions of the session are run with *run_tool*.

        What the model asks the user, *on_question* answers; without it, somebody else may answer.

        Raises:
            InvalidConfig: *run_tool* or *on_question* is not a function.
            WrongContext: the reply was read before.
            TurnFailed, TurnInterrupted: the turn ended without an answer.
            ToolsWaiting: the model asks for such tools, and there is no *run_tool*. The turn waits for
                ``ToolResults``.
            EventsMissed: the router no longer held a part of the turn when it was read, nor has the history its answer.
            SessionDied: the session's actor died during the turn.
            Unreachable: the session's actor, or its router, did not respond. The turn goes on when it does.
        """
        checked_run_tool(run_tool)
        checked_on_question(on_question)
        self._tools.run_tool, self._questions.on_question = run_tool, on_question
        parts = AnswerParts()
        missed: Missed | None = None
        async with self._answering() as events:
            async for event in events:
                if isinstance(event, Missed):
                    missed = missed or event
                    await require_all_asked(parts, self._session, self.turn, event)
                elif type(event) in _PROBLEMS:
                    raise await self._problem(event)
                parts.add(event)
                if isinstance(event, Completed):
                    if missed:
                        await complete_parts(parts, self._session, event.turn, missed)
                    return parts.answer(event)
        raise SessionClosed(f"session {self._session.id!r} ended before turn {self.turn}")

    async def text_stream(self) -> AsyncGenerator[str, None]:
        """The text of the turn as it comes. The text of a request that is repeated comes again.

        Raises:
            TurnFailed, TurnInterrupted, ToolsWaiting, EventsMissed, SessionDied, Unreachable: as for ``answer``.
        """
        async with self._answering() as events:
            async for event in events:
                if type(event) in _PROBLEMS:
                    raise await self._problem(event)
                if isinstance(event, TextChunk):
                    yield event.text

    async def cumulative(self) -> AsyncGenerator[str, None]:
        """The text of the answer so far, each time that it changes: without that of requests that were repeated.

        Raises:
            TurnFailed, TurnInterrupted, ToolsWaiting, EventsMissed, SessionDied, Unreachable: as for ``answer``.
        """
        parts, before = AnswerParts(), ""
        async with self._answering() as events:
            async for event in events:
                if type(event) in _PROBLEMS:
                    raise await self._problem(event)
                parts.add(event)
                if (text := parts.text) != before:
                    before = text
                    yield text

    @asynccontextmanager
    async def _answering(self) -> AsyncGenerator[AsyncGenerator[FromLLM, None], None]:
        """The events of the turn, for a caller that wants all tools to run."""
        self._answers_all_tools = self._questions.is_awaited = True
        async with aclosing(self.__aiter__()) as events:
            try:
                yield events
            except BaseException as error:  # the turn is over, or as the error says; a cancelled call abandons it
                self._abandons = not isinstance(error, Exception)
                raise

    async def _problem(self, event: FromLLM) -> Exception:
        """The error for an *event* of ``_PROBLEMS``."""
        match event:
            case Missed():
                return await events_missed(self._session, event)
            case Failed():
                return turn_failed(event)
            case _:
                return TurnInterrupted(f"turn {event.turn} was interrupted")
