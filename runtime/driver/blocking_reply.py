"""Replies of the blocking API."""

from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import Generic, TypeVar, cast

from ...providers.schema.content import ToolResult, ToolUse
from ..api.messages import FromLLM
from . import reply, typed_reply
from .background_loop import BackgroundLoop, CallerThread
from .calls.tool_runs import RunTool as AnyRunTool
from .calls.tool_runs import checked_run_tool
from .reply import FinalAnswer
from .typed_reply import TypedAnswer

T = TypeVar("T")

RunTool = Callable[[ToolUse], ToolResult | str]
"""Runs a tool and returns its result, or just the text of it. An exception becomes an error result for the model."""


class Reply:
    """``rayconteur.Reply``: iterate over it once with ``for``, or get the whole ``answer()``."""

    def __init__(self, loop: BackgroundLoop, reply: reply.Reply) -> None:
        self._loop = loop
        self._reply = reply

    def __repr__(self) -> str:
        return repr(self._reply)

    @property
    def turn(self) -> int | None:
        """The number of the turn, once the message is in the mailbox."""
        return self._reply.turn

    def __iter__(self) -> Iterator[FromLLM]:
        events = aiter(self._reply)
        try:
            while event := self._loop.run(_next(events)):
                yield event
        finally:
            # Unattended: the garbage collector may run this in the loop's own thread, which can't wait for itself.
            self._loop.run_unattended(_close(events))

    def answer(self, run_tool: RunTool | None = None) -> FinalAnswer:
        """Wait for the whole answer. Tools that the model asks for are run with *run_tool*, in this thread."""
        if run_tool is None:
            return self._loop.run(self._reply.answer())
        caller = CallerThread()
        return self._loop.run(self._reply.answer(in_caller(run_tool, caller)), caller)


class TypedReply(Reply, Generic[T]):
    """``rayconteur.runtime.TypedReply``."""

    def __init__(self, loop: BackgroundLoop, reply: typed_reply.TypedReply[T]) -> None:
        super().__init__(loop, reply)

    def answer(self, run_tool: RunTool | None = None) -> TypedAnswer[T]:
        """Wait for the whole answer. One that does not fit the type is reported to the model once, in another turn."""
        return cast("TypedAnswer[T]", super().answer(run_tool))


def in_caller(run_tool: RunTool, caller: CallerThread) -> AnyRunTool:
    """*run_tool* in the thread of *caller*, for the loop.

    Raises:
        InvalidConfig: *run_tool* is not a function.
    """
    checked_run_tool(run_tool)

    async def run(use: ToolUse) -> ToolResult | str:
        return await caller.call(partial(run_tool, use))

    return run


async def _next(events: AsyncGenerator[FromLLM, None]) -> FromLLM | None:
    return await anext(events, None)


async def _close(events: AsyncGenerator[FromLLM, None]) -> None:
    await events.aclose()
