"""Many prompts to one config: answers in the order of the prompts, with a bounded number of them at work."""

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable, Sized
from contextlib import aclosing, suppress
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.content import UserBlock
from ...providers.schema.errors import InvalidConfig, RayconteurError
from ..api.errors import (
    EventsMissed,
    RayUnreachable,
    RuntimeClosed,
    SessionClosed,
    SessionDied,
    TurnFailed,
    Unreachable,
    WrongContext,
)
from ..api.messages import UserMessage
from .answers.final_answer import FinalAnswer
from .answers.output_type import output_type_of
from .calls.arguments import is_count
from .calls.tool_runs import RunTool
from .session_handle import SessionHandle
from .typed_reply import TypedAnswer

T = TypeVar("T")
A = TypeVar("A", bound=FinalAnswer)
Prompt = str | UserMessage | tuple[UserBlock, ...]

_AHEAD = 10
"""Answers that may wait for an earlier one, for each session: more would need memory without bound."""

_MAX_WAIT_S = 60.0
"""A provider that asks to wait longer has no answer for this prompt."""

_FATAL = (RuntimeClosed, RayUnreachable)
"""What no other prompt would fare better with."""

_TRANSIENT = (SessionClosed, SessionDied, EventsMissed, Unreachable)
"""What is over with another session."""


class MapOptions(msgspec.Struct, frozen=True):
    """How many prompts are asked at once, how often one is asked again, and who is told about the progress."""

    concurrency: int
    retries: int
    on_progress: Callable[[int, int | None], None] | None

    def __post_init__(self) -> None:
        if not is_count(self.concurrency, 1):
            raise InvalidConfig(
                "concurrency", f"give how many prompts to ask at once, 1 or more, not {shown(self.concurrency)}"
            )
        if not is_count(self.retries, 0):
            raise InvalidConfig(
                "retries", f"give how often a prompt is asked again, 0 or more, not {shown(self.retries)}"
            )
        on_progress: object = self.on_progress
        if on_progress is not None and not callable(on_progress):
            raise InvalidConfig("on_progress", f"give a function of two numbers, not {shown(on_progress)}")


def checked_prompts(prompts: object) -> None:
    """Raises:
    InvalidConfig: *prompts* is a single prompt, or nothing to iterate over.
    """
    if isinstance(prompts, str | bytes | UserMessage):
        raise InvalidConfig("prompts", f"give a list of prompts, not a single {type(prompts).__name__}")
    if not isinstance(prompts, Iterable):
        raise InvalidConfig("prompts", f"give a list or another iterable of prompts, not {type(prompts).__name__}")


def asker(run_tool: RunTool | None) -> Callable[[SessionHandle, Prompt], Awaitable[FinalAnswer]]:
    """A function that asks a session a prompt, and runs the model's tools with *run_tool*."""

    async def ask(session: SessionHandle, prompt: Prompt) -> FinalAnswer:
        return await session.ask(prompt).answer(run_tool)

    return ask


def typed_asker(
    run_tool: RunTool | None, output_type: type[T]
) -> Callable[[SessionHandle, Prompt], Awaitable[TypedAnswer[T]]]:
    """As ``asker``, with answers whose value is of *output_type*.

    Raises:
        InvalidConfig: there is no JSON Schema of the *output_type*.
    """
    output_type_of(output_type)

    async def ask(session: SessionHandle, prompt: Prompt) -> TypedAnswer[T]:
        return await session.ask(prompt, output_type).answer(run_tool)

    return ask


class PromptMap(Generic[A]):
    """The answers to many prompts, in their order; an error in the place of an answer that failed.

    Await it for the list of all. Or iterate over it once: then prompts are read, and answers held, only as far as those
    that are asked at once need it. Cancelling it, or leaving the loop early, interrupts what runs and closes the
    sessions.
    """

    def __init__(self, prompts: Iterable[Prompt], sessions: "MapSessions[A]", options: MapOptions) -> None:
        self._prompts = prompts
        self._sessions = sessions
        self._options = options
        self._is_read = False

    def __repr__(self) -> str:
        return f"PromptMap(concurrency={self._options.concurrency})"

    def __await__(self) -> Generator[None, None, list[A | RayconteurError]]:
        return self._all().__await__()

    async def __aiter__(self) -> AsyncGenerator[A | RayconteurError, None]:
        async with aclosing(self._results(_AHEAD * self._options.concurrency)) as results:
            async for result in results:
                yield result

    async def _all(self) -> list[A | RayconteurError]:
        async with aclosing(self._results(None)) as results:
            return [result async for result in results]

    async def _results(self, most_waiting: int | None) -> AsyncGenerator[A | RayconteurError, None]:
        """The results in order. At most *most_waiting* of them wait for earlier ones."""
        if self._is_read:
            raise WrongContext("these answers can be read once; to ask again, call map() again")
        self._is_read = True
        on_progress, total = self._options.on_progress, len(self._prompts) if isinstance(self._prompts, Sized) else None
        prompts = iter(self._prompts)
        waiting: deque[asyncio.Task[A | RayconteurError]] = deque()  # in order, done or not
        running: set[asyncio.Task[A | RayconteurError]] = set()
        done = 0
        try:
            while True:
                room = sys.maxsize if most_waiting is None else most_waiting - len(waiting)
                for prompt in islice(prompts, min(room, self._options.concurrency - len(running))):
                    task = asyncio.create_task(self._sessions.answer(prompt, self._options.retries))
                    waiting.append(task)
                    running.add(task)
                if not waiting:
                    return
                if not waiting[0].done():
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in running if task.done()]:
                    running.discard(task)
                    done += 1
                    if on_progress:
                        on_progress(done, total)
                if waiting[0].done():
                    yield waiting.popleft().result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await self._sessions.close()


class MapSessions(Generic[A]):
    """The sessions of a ``PromptMap``: each answers one prompt at a time, and is cleared for the next one."""

    def __init__(
        self,
        open_session: Callable[[], Awaitable[SessionHandle]],
        ask: Callable[[SessionHandle, Prompt], Awaitable[A]],
    ) -> None:
        self._open_session = open_session
        self._ask = ask
        self._idle: list[SessionHandle] = []
        self._open: set[SessionHandle] = set()

    async def answer(self, prompt: Prompt, retries: int) -> A | RayconteurError:
        """The answer to *prompt*, or why there is none after so many *retries*.

        Raises:
            ConfigError: no session can be opened.
            RuntimeClosed, RayUnreachable: nothing more can be asked.
        """
        while True:
            try:
                return await self._answer(prompt)
            except _Fatal as fatal:
                raise fatal.error from None
            except RayconteurError as error:
                delay_s = _delay_s(error)
                if delay_s is None or not retries:
                    return error
                retries -= 1
                await asyncio.sleep(delay_s)

    async def close(self) -> None:
        """Close all sessions."""
        closing = [session.close() for session in self._open]
        self._open = set()
        await asyncio.gather(*closing, return_exceptions=True)

    async def _answer(self, prompt: Prompt) -> A:
        session = await self._cleared_session()
        try:
            answer = await self._ask(session, prompt)
        except RayconteurError as error:
            if isinstance(error, _FATAL):
                raise _Fatal(error) from None
            await self._give_up(session)  # with whatever may still run in it
            raise
        self._idle.append(session)
        return answer

    async def _cleared_session(self) -> SessionHandle:
        if self._idle:
            session = self._idle.pop()
            try:
                await session.clear()
            except RayconteurError:
                await self._give_up(session)
                raise
            return session
        try:
            session = await self._open_session()
        except RayconteurError as error:
            raise (error if isinstance(error, _TRANSIENT) else _Fatal(error)) from None
        self._open.add(session)
        return session

    async def _give_up(self, session: SessionHandle) -> None:
        self._open.discard(session)
        with suppress(RayconteurError):
            await session.close()


class _Fatal(Exception):
    """An *error* with which no prompt would fare better."""

    def __init__(self, error: RayconteurError) -> None:
        super().__init__(error)
        self.error = error


def _delay_s(error: RayconteurError) -> float | None:
    """When to ask again after *error*; ``None`` if that would not help."""
    match error:
        case TurnFailed(retryable=True, retry_after_s=delay_s):
            return delay_s or 0.0 if (delay_s or 0.0) <= _MAX_WAIT_S else None
        case _:
            return 0.0 if isinstance(error, _TRANSIENT) else None
