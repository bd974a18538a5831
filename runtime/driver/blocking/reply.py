"""Replies of the blocking API."""

from collections.abc import AsyncGenerator, Callable, Iterator
from functools import partial
from typing import Generic, TypeVar, cast

from ....providers.schema.content import ToolUse
from ...api.events import FromLLM, QuestionAsked
from .. import reply, typed_reply
from ..answers.final_answer import FinalAnswer
from ..calls.questions import OnQuestion as AnyOnQuestion
from ..calls.questions import checked_on_question
from ..calls.tool_runs import RunTool as AnyRunTool
from ..calls.tool_runs import checked_run_tool
from ..typed_reply import TypedAnswer
from .background_loop import BackgroundLoop, CallerThread

T = TypeVar("T")
S = TypeVar("S")

RunTool = Callable[[ToolUse], object]
"""Runs a tool and returns its result: a ``ToolResult``, or whatever a tool may return."""

OnQuestion = Callable[[QuestionAsked], str]
"""Returns the user's answer to a question."""


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
        return iterate(self._loop, aiter(self._reply))

    def text_stream(self) -> Iterator[str]:
        """The text of the turn as it comes. The text of a request that is repeated comes again."""
        return iterate(self._loop, self._reply.text_stream())

    def cumulative(self) -> Iterator[str]:
        """The text of the answer so far, each time that it changes: without that of requests that were repeated."""
        return iterate(self._loop, self._reply.cumulative())

    def answer(self, run_tool: RunTool | None = None, on_question: OnQuestion | None = None) -> FinalAnswer:
        """Wait for the whole answer.

        In this thread, *run_tool* runs the tools that the model asks for, and *on_question* answers its questions.
        """
        if run_tool is None and on_question is None:
            return self._loop.run(self._reply.answer())
        caller = CallerThread()
        run = None if run_tool is None else in_caller(run_tool, caller)
        reply = None if on_question is None else _replying(on_question, caller)
        return self._loop.run(self._reply.answer(run, reply), caller)


class TypedReply(Reply, Generic[T]):
    """``rayconteur.runtime.TypedReply``."""

    def __init__(self, loop: BackgroundLoop, reply: typed_reply.TypedReply[T]) -> None:
        super().__init__(loop, reply)

    def answer(self, run_tool: RunTool | None = None, on_question: OnQuestion | None = None) -> TypedAnswer[T]:
        """Wait for the whole answer. One that does not fit the type is reported to the model once, in another turn."""
        return cast("TypedAnswer[T]", super().answer(run_tool, on_question))


def in_caller(run_tool: RunTool, caller: CallerThread) -> AnyRunTool:
    """*run_tool* in the thread of *caller*, for the loop.

    Raises:
        InvalidConfig: *run_tool* is not a function.
    """
    checked_run_tool(run_tool)

    async def run(use: ToolUse) -> object:
        return await caller.call(partial(run_tool, use))

    return run


def _replying(on_question: OnQuestion, caller: CallerThread) -> AnyOnQuestion:
    """*on_question* in the thread of *caller*, for the loop."""
    checked_on_question(on_question)

    async def reply(asked: QuestionAsked) -> str:
        return await caller.call(partial(on_question, asked))

    return reply


def iterate(loop: BackgroundLoop, items: AsyncGenerator[S, None]) -> Iterator[S]:
    """*items*, one after the other, each when it is asked for."""
    try:
        while (item := loop.run(_next(items))) is not None:
            yield item
    finally:
        # Unattended: the garbage collector may run this in the loop's own thread, which can't wait for itself.
        loop.run_unattended(_close(items))


async def _next(items: AsyncGenerator[S, None]) -> S | None:
    return await anext(items, None)


async def _close(items: AsyncGenerator[S, None]) -> None:
    await items.aclose()
