"""Tool results, for what came along to stand for them."""

from functools import partial
from operator import is_
from typing import Literal

from ...providers.schema.content import Block, Text, ToolResult
from ...providers.schema.messages import Message, Role
from ..config import Threshold
from . import notes
from .rewrite import Rewriting


def strategy(config: Threshold) -> Rewriting:
    """Old tool results become their summary, or a note."""
    return Rewriting(config, Role.USER, partial(_shortened, mode=config.tool_results))


def _shortened(message: Message, mode: Literal["summarize", "redact"]) -> Message | None:
    if ToolResult not in map(type, message.content):
        return None
    content = tuple([_compact(block, mode) if type(block) is ToolResult else block for block in message.content])
    if all(map(is_, content, message.content)):
        return None
    return Message(role=message.role, content=content, turn=message.turn, stands_for=message.stands_for)


def _compact(result: ToolResult, mode: Literal["summarize", "redact"]) -> Block:
    """*result* with what stands for its content; itself where that is there already, or would be no shorter.

    A result whose content is its own summary has been here before.
    """
    content, summary = result.content, result.compact_summary
    if not content or (summary is not None and content == (Text(summary),)):
        return result
    given = summary if mode == "summarize" and summary and summary.strip() else None
    text = given or notes.of_result(content)
    if len(content) == 1 and isinstance(first := content[0], Text) and len(first.text) <= len(text):
        return result
    return ToolResult(
        tool_use_id=result.tool_use_id, content=(Text(text),), is_error=result.is_error, compact_summary=text
    )
