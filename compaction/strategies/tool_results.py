"""Replace old tool results by their summaries."""

from operator import is_
from typing import ClassVar, Literal

from ...providers.schema.content import Block, Text, ToolResult, is_blank
from ...providers.schema.messages import Role
from ..placeholders import result_placeholder
from .message_rewriter import MessageRewriter


class Threshold(MessageRewriter, frozen=True, kw_only=True):
    """Replaces old tool results by their ``compact_summary``, or by a placeholder if they have none.

    With ``tool_results="redact"`` every old result is replaced by a placeholder, and the model can't read it again.
    """

    rewritten_role: ClassVar[Role] = Role.USER

    tool_results: Literal["summarize", "redact"] = "summarize"

    @property
    def redacts(self) -> bool:
        """True if the model may not read again what was replaced."""
        return self.tool_results == "redact"

    def rewrite(self, content: tuple[Block, ...]) -> tuple[Block, ...] | None:
        if ToolResult not in map(type, content):
            return None
        smaller = tuple([self._replace(block) if type(block) is ToolResult else block for block in content])
        return None if all(map(is_, smaller, content)) else smaller

    def _replace(self, result: ToolResult) -> Block:
        """*result* with its summary or a placeholder as its content; *result* itself if that would be no shorter."""
        content, summary = result.content, result.compact_summary
        if not content or (summary is not None and content == (Text(summary),)):  # replaced by an earlier compaction
            return result
        usable = summary if self.tool_results == "summarize" and summary and not is_blank(summary) else None
        text = usable or result_placeholder(result, readable=not self.redacts)
        if len(content) == 1 and isinstance(first := content[0], Text) and len(first.text) <= len(text):
            return result
        return ToolResult(
            tool_use_id=result.tool_use_id, content=(Text(text),), is_error=result.is_error, compact_summary=text
        )
