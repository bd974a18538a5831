"""A batch of tool uses, from the model's asking to the last result."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec

from ...providers.schema.content import Block, Text, ToolResult, ToolUse
from ...providers.schema.messages import Message
from ..api.errors import EmptyMessage, MissingToolResults, ToolResultError, ToolUseAnswered, UnknownToolUse

INTERRUPTED = "This tool use was interrupted before it had a result."
_NONE: Mapping[str, str] = {}
MALFORMED = "The input of this tool use is not a JSON object, and nothing was run. Ask again with valid JSON."


@dataclass(slots=True)
class Batch:
    """The tool uses of one answer and their results. Those with malformed input are answered from the start."""

    uses: tuple[ToolUse, ...]
    _results: dict[str, ToolResult] = field(init=False)

    def __post_init__(self) -> None:
        self._results = {use.id: _error(use, MALFORMED) for use in self.refused}

    @classmethod
    def of(cls, content: Iterable[Block]) -> Self:
        """The batch that an answer's *content* asks for."""
        return cls(tuple(block for block in content if isinstance(block, ToolUse)))

    @property
    def refused(self) -> tuple[ToolUse, ...]:
        """The tool uses without valid input."""
        return tuple(use for use in self.uses if use.malformed is not None)

    @property
    def open(self) -> tuple[ToolUse, ...]:
        """The tool uses without a result."""
        return tuple(use for use in self.uses if use.id not in self._results)

    def take(self, results: Sequence[ToolResult], last: bool, summaries: Mapping[str, str] = _NONE) -> None:
        """Keep *results*: all of them, or none. *summaries* go with them by tool use id.

        Raises:
            EmptyMessage: there are none.
            UnknownToolUse, ToolUseAnswered: one is for no tool use of this batch, or for one that has its result.
            MissingToolResults: they are the *last* ones, and leave some open.
        """
        if not results and not last:
            raise EmptyMessage(f"tool results without a result; open are {_ids(self.open)}")
        known = {use.id for use in self.uses}
        taken = dict(self._results)
        for result in results:
            if result.tool_use_id not in known:
                raise UnknownToolUse(f"no tool use {result.tool_use_id!r} is open; open are {_ids(self.open)}")
            if result.tool_use_id in taken:
                raise ToolUseAnswered(f"tool use {result.tool_use_id!r} has its result; open are {_ids(self.open)}")
            taken[result.tool_use_id] = _with(result, summaries.get(result.tool_use_id))
        if strangers := summaries.keys() - {result.tool_use_id for result in results}:
            raise UnknownToolUse(f"compact_summaries has {min(strangers)!r}, and no result of it is here")
        missing = tuple(use for use in self.uses if use.id not in taken)
        if last and missing:
            raise MissingToolResults(f"no result came for {_ids(missing)}; send all of them, or leave 'last' off")
        self._results = taken

    def results(self) -> tuple[ToolResult, ...]:
        """One result for each tool use, in order; those still open get the error that they were interrupted."""
        return tuple(self._results.get(use.id) or _error(use, INTERRUPTED) for use in self.uses)


def nothing_open(results: Sequence[ToolResult], history: Iterable[Message]) -> ToolResultError:
    """Why *results* are not wanted while no tool use of *history* is open."""
    answered = {block.tool_use_id for message in history for block in message.content if isinstance(block, ToolResult)}
    for result in results:
        if result.tool_use_id in answered:
            return ToolUseAnswered(f"tool use {result.tool_use_id!r} has its result already")
    return UnknownToolUse("no tool use is open; results answer the uses of the last ToolBatch")


def _with(result: ToolResult, summary: str | None) -> ToolResult:
    return result if summary is None else msgspec.structs.replace(result, compact_summary=summary)


def _error(use: ToolUse, text: str) -> ToolResult:
    return ToolResult(tool_use_id=use.id, content=(Text(text),), is_error=True)


def _ids(uses: Iterable[ToolUse]) -> str:
    return ", ".join(repr(use.id) for use in uses) or "none"
