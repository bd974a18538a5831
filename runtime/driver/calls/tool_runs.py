"""Runs of a program's tools: whatever a tool returns or raises, the model gets a result."""

import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import cast

from ....providers.schema.checks.shown import shown
from ....providers.schema.content import Text, ToolResult, ToolUse
from ....providers.schema.errors import InvalidConfig, UnsupportedContent
from ...api.errors import HistoryFull, MessageTooLarge
from ...api.messages import Receipt, ToLLM, ToolResults

log = logging.getLogger(__name__)

RunTool = Callable[[ToolUse], Awaitable[ToolResult | str] | ToolResult | str]
"""Runs a tool and returns its result, or just the text of it. An exception becomes an error result for the model."""

_REJECTIONS = (InvalidConfig, UnsupportedContent, MessageTooLarge, HistoryFull)
"""What the session may say of the content of a result."""


def checked_run_tool(run_tool: object) -> None:
    """Raises:
    InvalidConfig: *run_tool* is neither a function nor ``None``.
    """
    if run_tool is not None and not callable(run_tool):
        raise InvalidConfig("run_tool", f"give a function that takes a ToolUse, not {shown(run_tool)}")


async def tool_result(use: ToolUse, run_tool: RunTool) -> ToolResult:
    """The result of *use*: an error result if the tool raises an exception, or returns something else."""
    try:
        outcome = run_tool(use)
        result = cast(object, await outcome if isawaitable(outcome) else outcome)  # a tool may return anything
    except Exception as error:  # any error of a tool: the model is told
        return _error_result(use, f"{type(error).__name__}: {error}")
    if isinstance(result, str):
        return ToolResult(use.id, (Text(result),))
    if not isinstance(result, ToolResult):
        return _wrong_result(use, f"returned {type(result).__name__}, not a str or a ToolResult")
    if result.tool_use_id != use.id:
        return _wrong_result(use, f"returned the result of {shown(result.tool_use_id)}, not of {shown(use.id)}")
    return result


async def send_results(
    uses: tuple[ToolUse, ...], results: list[ToolResult], send: Callable[[ToLLM], Awaitable[Receipt]]
) -> None:
    """Send *results*. In the place of one that the session rejects, the model gets an error result with the reason."""
    try:
        await send(ToolResults(results=tuple(results), last=True))
        return
    except _REJECTIONS:
        pass  # nothing of them was accepted
    for use, result in zip(uses, results, strict=True):
        try:
            await send(ToolResults(results=(result,)))
        except _REJECTIONS as error:
            await send(ToolResults(results=(_wrong_result(use, f"returned a result that is rejected: {error}"),)))


def _wrong_result(use: ToolUse, problem: str) -> ToolResult:
    log.error("the tool %s %s", shown(use.name), problem)
    return _error_result(use, f"the tool {problem}")


def _error_result(use: ToolUse, problem: str) -> ToolResult:
    text = problem.encode(errors="backslashreplace").decode()
    return ToolResult(use.id, (Text(text),), is_error=True)
