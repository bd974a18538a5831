"""A history as text, for a model that is to sum it up."""

from collections.abc import Iterable

import msgspec

from ...providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ...providers.schema.messages import Message, Role
from . import notes
from .summary_messages import text_of

_MAX_RESULT_CHARS = 8_000
"""Of a tool's result. What mattered of a longer one stands in what the model said of it."""


def transcript(messages: Iterable[Message], max_chars: int) -> str:
    """What *messages* say, without thinking; of no piece more than *max_chars*. Summaries are marked as such."""
    pieces: list[str] = []
    for message in messages:
        if message.stands_for is not None:
            pieces.append(f"<earlier_summary>\n{text_of(message)}\n</earlier_summary>")
        else:
            speaker = "user" if message.role is Role.USER else "assistant"  # its value takes a microsecond
            pieces += [piece for block in message.content if (piece := _piece(block, speaker, max_chars))]
    return "\n\n".join(pieces)


def _piece(block: Block, speaker: str, max_chars: int) -> str:
    match block:
        case Text(text=text):
            return f"[{speaker}]\n{_cut(text, max_chars)}"
        case ToolUse():
            given = block.malformed or msgspec.json.encode(block.input).decode()
            return f"[{speaker} uses the tool {block.name}]\n{_cut(given, max_chars)}"
        case ToolResult():
            said = "error" if block.is_error else "result"
            return f"[{said} of the tool]\n{_cut(_result(block), min(max_chars, _MAX_RESULT_CHARS))}"
        case Image() | Document():
            return f"[{speaker}]\n{notes.of_media(block).text}"
        case Thinking():
            return ""
        case Opaque():
            return f"[{speaker} uses {block.type} of {block.provider}]"


def _result(result: ToolResult) -> str:
    if result.compact_summary and result.compact_summary.strip():
        return result.compact_summary
    parts = (block.text if isinstance(block, Text) else notes.of_media(block).text for block in result.content)
    return "\n".join(parts)


def _cut(text: str, max_chars: int) -> str:
    """*text*, or its beginning and its end: there is more at the beginning that matters."""
    if len(text) <= max_chars:
        return text
    tail = max_chars // 4
    return f"{text[: max_chars - tail]}\n[... {len(text) - max_chars:,} characters ...]\n{text[-tail:]}"
