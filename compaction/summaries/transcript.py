"""A history as plain text, for the model that summarizes it, or reads it again."""

from collections.abc import Iterable

import msgspec

from ...providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse, is_blank
from ...providers.schema.messages import Message, Role
from ..placeholders import media_placeholder
from .summary_message import summary_text

_MAX_RESULT_CHARS = 8_000
"""The most of a tool result that is shown. What mattered in a longer one is repeated in the model's own messages."""


def transcript(messages: Iterable[Message], max_chars: int | None = None) -> str:
    """The text of *messages* without thinking; earlier summaries are marked as such.

    With *max_chars*, each block is cut to that, and results of tools that have a short version are replaced by it.
    """
    parts: list[str] = []
    for message in messages:
        if message.stands_for is not None:
            parts.append(f"<earlier_summary>\n{summary_text(message)}\n</earlier_summary>")
        else:
            speaker = "user" if message.role is Role.USER else "assistant"  # .value takes a microsecond
            parts += [text for block in message.content if (text := _block_text(block, speaker, max_chars))]
    return "\n\n".join(parts)


def _block_text(block: Block, speaker: str, max_chars: int | None) -> str:
    match block:
        case Text(text=text):
            return f"[{speaker}]\n{_cut(text, max_chars)}"
        case ToolUse():
            tool_input = block.malformed or msgspec.json.encode(block.input).decode()
            return f"[{speaker} uses the tool {block.name}]\n{_cut(tool_input, max_chars)}"
        case ToolResult():
            kind = "error" if block.is_error else "result"
            return f"[{kind} of the tool]\n{_result_text(block, max_chars)}"
        case Image() | Document():
            return f"[{speaker}]\n{media_placeholder(block).text}"
        case Thinking():
            return ""
        case Opaque():
            return f"[{speaker} uses {block.type} of {block.provider}]"


def _result_text(result: ToolResult, max_chars: int | None) -> str:
    summary = result.compact_summary
    parts = (block.text if isinstance(block, Text) else media_placeholder(block).text for block in result.content)
    if max_chars is None:
        return "\n".join(parts)
    return _cut(summary if summary and not is_blank(summary) else "\n".join(parts), min(max_chars, _MAX_RESULT_CHARS))


def _cut(text: str, max_chars: int | None) -> str:
    """*text*; if it is too long, three quarters of *max_chars* from its beginning, where more matters, and its end."""
    if max_chars is None or len(text) <= max_chars:
        return text
    tail = max_chars // 4
    return f"{text[: max_chars - tail]}\n[... {len(text) - max_chars:,} characters ...]\n{text[-tail:]}"
