"""The tool uses of one answer, and their results."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import msgspec

from ...providers.schema.checks.shown import shown
from ...providers.schema.content import Block, Text, ToolResult, ToolUse
from ...providers.schema.messages import Message
from ...providers.schema.stop_reasons import StopReason
from ..api.errors import EmptyMessage, MissingToolResults, ToolResultError, ToolUseAnswered, UnknownToolUse
from ..api.messages import ToolResults

INTERRUPTED = "This tool use was interrupted before it had a result."
MALFORMED = "The input of this tool use is not a JSON object, and nothing was run. Ask again with valid JSON."
CUT_OFF = "and nothing was run. Ask again with a shorter input, or in several tool uses."
_LIMITS = {
    StopReason.MAX_TOKENS: "The output limit (max_output_tokens) cut off the input of this tool use",
    StopReason.CONTEXT_FULL: "The context window was full before the input of this tool use was complete",
}


class ToolBatch(msgspec.Struct, frozen=True, gc=False):
    """The tool *uses* of one answer, and the *results* so far by tool use id.

    A use with malformed input has its error result from the start.
    """

    uses: tuple[ToolUse, ...]
    results: dict[str, ToolResult]

    @classmethod
    def of(cls, content: Iterable[Block]) -> Self:
        """The batch of the tool uses in an answer's *content*."""
        uses = tuple(block for block in content if isinstance(block, ToolUse))
        return cls(uses, {use.id: _error_result(use, _problem(use)) for use in uses if use.malformed is not None})

    @property
    def refused(self) -> tuple[ToolUse, ...]:
        """The tool uses without valid input."""
        return tuple(use for use in self.uses if use.malformed is not None)

    @property
    def open(self) -> tuple[ToolUse, ...]:
        """The tool uses without a result."""
        return tuple(use for use in self.uses if use.id not in self.results)

    def with_results(self, message: ToolResults) -> Self:
        """This batch with the results of *message*: with all of them.

        Raises:
            EmptyMessage: there are none.
            UnknownToolUse, ToolUseAnswered: a result is for a tool use that is not in this batch, or has its result.
            MissingToolResults: they are the last ones, but leave a tool use open.
        """
        results, summaries = message.results, message.compact_summaries
        if not results and not message.last:
            raise EmptyMessage(f"the message has no tool result; open tool uses:  {_ids(self.open)}")
        known = {use.id for use in self.uses}
        merged = dict(self.results)
        for result in results:
            if result.tool_use_id not in known:
                raise UnknownToolUse(
                    f"no tool use {shown(result.tool_use_id)} is open; open tool uses: {_ids(self.open)}"
                )
            if result.tool_use_id in merged:
                raise ToolUseAnswered(
                    f"tool use {shown(result.tool_use_id)} has a result already; open tool uses: {_ids(self.open)}"
                )
            merged[result.tool_use_id] = _with_summary(result, summaries)
        if unmatched := summaries.keys() - {result.tool_use_id for result in results}:
            raise UnknownToolUse(
                f"compact_summaries has {shown(min(unmatched))}, but this message has no result for it"
            )
        missing = tuple(use for use in self.uses if use.id not in merged)
        if message.last and missing:
            raise MissingToolResults(f"results are missing for {_ids(missing)}; send them too, or send without 'last'")
        return type(self)(self.uses, merged)

    def result_blocks(self) -> tuple[ToolResult, ...]:
        """One result for each tool use, in order. A use that is still open gets the error that it was interrupted."""
        return tuple(self.results.get(use.id) or _error_result(use, INTERRUPTED) for use in self.uses)


def unexpected_results(results: Sequence[ToolResult], history: Iterable[Message]) -> ToolResultError:
    """The error for *results* that arrive while no tool use of *history* is open."""
    answered = {block.tool_use_id for message in history for block in message.content if isinstance(block, ToolResult)}
    for result in results:
        if result.tool_use_id in answered:
            return ToolUseAnswered(f"tool use {shown(result.tool_use_id)} has a result already")
    return UnknownToolUse("no tool use is open; send results only for the tool uses of the last ToolBatch")


def _with_summary(result: ToolResult, summaries: Mapping[str, str]) -> ToolResult:
    summary = summaries.get(result.tool_use_id)
    return result if summary is None else msgspec.structs.replace(result, compact_summary=summary)


def _problem(use: ToolUse) -> str:
    if use.cut_off is None:
        return MALFORMED
    stopped = f"The answer was stopped ({use.cut_off}) before the input of this tool use was complete"
    return f"{_LIMITS.get(use.cut_off, stopped)}, {CUT_OFF}"


def _error_result(use: ToolUse, text: str) -> ToolResult:
    return ToolResult(tool_use_id=use.id, content=(Text(text),), is_error=True)


def _ids(uses: Iterable[ToolUse]) -> str:
    return ", ".join(repr(use.id) for use in uses) or "none"
