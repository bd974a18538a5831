"""A history as text, for a model that is to sum it up."""

from collections.abc import Iterable, Iterator

import msgspec

from ..providers.content import Document, Image, Text, Thinking, ToolResult, ToolUse
from ..providers.messages import Message, Role
from . import notes
from .summaries import text_of

_MAX_RESULT_CHARS = 8_000
"""Of a tool's result. What mattered of a longer one stands in what the model said of it."""


def transcript(messages: Iterable[Message], max_chars: int) -> str:
    """What *messages* say, without thinking; of no piece more than *max_chars*. Summaries are marked as such."""
    return "\n\n".join(piece for message in messages for piece in _pieces(message, max_chars))


def _pieces(message: Message, max_chars: int) -> Iterator[str]:
    if message.stands_for is not None:
        yield f"<earlier_summary>\n{text_of(message)}\n</earlier_summary>"
        return
    speaker = "user" if message.role is Role.USER else "assistant"
    for block in message.content:
        match block:
            case Text(text=text):
                yield f"[{speaker}]\n{_cut(text, max_chars)}"
            case ToolUse():
                given = block.malformed or msgspec.json.encode(block.input).decode()
                yield f"[assistant uses the tool {block.name}]\n{_cut(given, max_chars)}"
            case ToolResult():
                said = "error" if block.is_error else "result"
                yield f"[{said} of the tool]\n{_cut(_result(block), min(max_chars, _MAX_RESULT_CHARS))}"
            case Image() | Document():
                yield f"[{speaker}]\n{notes.of_media(block).text}"
            case Thinking():
                pass
            case _:
                yield f"[{speaker} uses {block.type} of {block.provider}]"


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
