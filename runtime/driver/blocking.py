"""The driver's face for ordinary scripts: the same names as the async one, over the same code.

Every call waits until it is done, and any thread may call. Ctrl-C while one waits cancels it; the runtime stays as it
is. Tools are called in the thread that waits for the answer; progress in the runtime's own, where it must not wait.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from ...providers.schema.content import ToolResult, ToolUse, UserBlock
from ...providers.schema.messages import Message
from ..api.config import SessionConfig
from ..api.errors import RuntimeClosed
from ..api.messages import Configure, FromLLM, Receipt, ToLLM, UserMessage
from ..api.options import RuntimeOptions
from ..api.placement import Dedicated, Placement
from ..api.status import CompactResult, SessionStatus
from ..events import reader
from . import reply
from . import runtime as driver
from . import session_handle as handle
from .background_loop import Background, Here
from .reply import FinalAnswer

T = TypeVar("T")

RunTool = Callable[[ToolUse], ToolResult | str]
"""Runs a tool: its result, or just the text of it. An exception becomes an error result for the model."""

_DEDICATED = Dedicated()
_OPTIONS = RuntimeOptions()


class Runtime:
    """``rayconteur.Runtime``, used with ``with``."""

    def __init__(
        self,
        address: str | None = None,
        placement: Placement = _DEDICATED,
        warm: int = 0,
        options: RuntimeOptions = _OPTIONS,
    ) -> None:
        self._runtime = driver.Runtime(address, placement, warm, options)
        self._loop: Background | None = None

    def __enter__(self) -> Self:
        loop = Background()
        try:
            loop.wait(self._runtime.__aenter__())
        except BaseException:
            loop.end()
            raise
        self._loop = loop
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = self._within()
        self._loop = None
        try:
            loop.wait(self._runtime.__aexit__(kind, error, trace))
        finally:
            loop.end()

    def spawn(
        self, config: SessionConfig, session_id: str | None = None, placement: Placement | None = None
    ) -> "SessionHandle":
        """Begin a session. Without an id it gets one."""
        loop = self._within()
        return SessionHandle(loop, loop.wait(self._runtime.spawn(config, session_id, placement)))

    def spawn_many(
        self,
        config: SessionConfig,
        ids: int | Sequence[str],
        placement: Placement | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> "list[SessionHandle]":
        """Begin many sessions alike, with these ids or with so many new ones: all of them, or none."""
        loop = self._within()
        sessions = loop.wait(self._runtime.spawn_many(config, ids, placement, on_progress))
        return [SessionHandle(loop, session) for session in sessions]

    def session(self, session_id: str) -> "SessionHandle":
        """A session that exists, of whichever driver."""
        loop = self._within()
        return SessionHandle(loop, loop.wait(self._runtime.session(session_id)))

    def sessions(self) -> list[SessionStatus]:
        """The status of every session in the namespace, of whichever driver."""
        return self._within().wait(self._runtime.sessions())

    def events(self, after: int | None = None) -> "Reader":
        """The events of all sessions in the namespace: from now on, or after that number in each."""
        loop = self._within()
        return Reader(loop, loop.wait(_called(lambda: self._runtime.events(after))))

    def _within(self) -> Background:
        if self._loop is None:
            raise RuntimeClosed("the runtime was left, or not entered yet; use it inside 'with Runtime()'")
        return self._loop


class SessionHandle:
    """``rayconteur.SessionHandle``."""

    def __init__(self, loop: Background, session: handle.SessionHandle) -> None:
        self.id = session.id
        self._loop = loop
        self._session = session

    def __repr__(self) -> str:
        return repr(self._session)

    @property
    def last_seq(self) -> int:
        """The number of the last event that this driver knows of."""
        return self._session.last_seq

    def ask(self, message: str | UserMessage | tuple[UserBlock, ...]) -> "Reply":
        """Say *message* and read what follows. It is sent, or refused, when the reply is iterated or answered."""
        return Reply(self._loop, self._session.ask(message))

    def retry(self) -> "Reply":
        """Ask again for the answer that a failed turn did not get."""
        return Reply(self._loop, self._session.retry())

    def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox."""
        return self._loop.wait(self._session.send(message))

    def events(self, after: int = 0) -> "Reader":
        """The session's events from number *after* + 1 on, as they come; ends after ``Closed``."""
        return Reader(self._loop, self._loop.wait(_called(lambda: self._session.events(after))))

    def interrupt(self, turn: int | None = None) -> bool:
        """End *turn*, or the one that runs; whether there was something to end."""
        return self._loop.wait(self._session.interrupt(turn))

    def clear(self) -> None:
        """Forget the history, after the turns that wait already."""
        self._loop.wait(self._session.clear())

    def compact(self) -> CompactResult:
        """Shorten the history, after the turns that wait already; what came of it."""
        return self._loop.wait(self._session.compact())

    def configure(self, change: Configure) -> None:
        """Change settings, from the next request or turn on."""
        self._loop.wait(self._session.configure(change))

    def status(self) -> SessionStatus:
        """The session as it is now."""
        return self._loop.wait(self._session.status())

    def history(self, full: bool = False) -> tuple[Message, ...]:
        """The messages as they are now; *full* are those that compactions took out, too, and no summaries."""
        return self._loop.wait(self._session.history(full))

    def close(self, drain: bool = False) -> None:
        """End the session: now, or with *drain* after the turns that wait already."""
        self._loop.wait(self._session.close(drain))


class Reply:
    """``rayconteur.Reply``: iterate over it once with ``for``, or take the whole ``answer()``."""

    def __init__(self, loop: Background, reply: reply.Reply) -> None:
        self._loop = loop
        self._reply = reply

    @property
    def turn(self) -> int | None:
        """The number of the turn, once the message is in the mailbox."""
        return self._reply.turn

    def __iter__(self) -> Iterator[FromLLM]:
        events = aiter(self._reply)
        try:
            while event := self._loop.wait(_next(events)):
                yield event
        finally:
            self._loop.leave(
                _close(events)
            )  # unwaited: the garbage collector comes here, too, in the loop's own thread

    def answer(self, run_tool: RunTool | None = None) -> FinalAnswer:
        """The whole answer. Tools that the model asks for are run with *run_tool*."""
        if run_tool is None:
            return self._loop.wait(self._reply.answer())
        here = Here()

        async def run_here(use: ToolUse) -> ToolResult | str:
            return await here.call(partial(run_tool, use))

        return self._loop.wait(self._reply.answer(run_here), here)


class Reader:
    """``rayconteur.Reader``, an ordinary iterator."""

    def __init__(self, loop: Background, reader: reader.Reader) -> None:
        self.session_id = reader.session_id
        self._loop = loop
        self._reader = reader
        self._events: Iterator[FromLLM] = iter(())

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._reader.ended

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> FromLLM:
        while (event := next(self._events, None)) is None:
            self._events = iter(self.batch())
        return event

    def batch(self) -> list[FromLLM]:
        """The events that came together, or what is left of them; at least one.

        Raises:
            StopIteration: the reader has ended.
        """
        if rest := list(self._events):
            return rest
        try:
            return self._loop.wait(self._reader.batch())
        except StopAsyncIteration:
            raise StopIteration from None

    def close(self) -> None:
        """Let go. Whoever iterates comes to the end."""
        self._events = iter(())
        self._loop.wait(_called(self._reader.close))


async def _called(function: Callable[[], T]) -> T:
    return function()


async def _next(events: AsyncGenerator[FromLLM, None]) -> FromLLM | None:
    return await anext(events, None)


async def _close(events: AsyncGenerator[FromLLM, None]) -> None:
    await events.aclose()
