"""The content of messages as Anthropic's Messages API takes it, in blocks.

https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ..schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ..wire.media import MediaLimits, MediaRules
from ..wire.name_rules import NameRule
from .errors import PROVIDER

# https://platform.claude.com/docs/en/build-with-claude/vision and .../pdf-support. A whole request may have 32 MB,
# base64 included.
MEDIA = MediaRules(
    PROVIDER,
    images=MediaLimits(frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"}), 5 << 20, by_url=True),
    documents=MediaLimits(frozenset({"application/pdf", "text/plain"}), 24_000_000, by_url=True),
)
TOOL_NAME = NameRule(chars=128)
_TOOL_ID = NameRule(chars=64)
_ERROR_TEXT = {"type": "text", "text": "Error"}


def wire_blocks(content: tuple[Block, ...], media: MediaRules) -> list[Any]:
    """The blocks of *content*, without those that the API has no form for.

    Media that *media* does not take becomes a note.
    """
    match content:
        case (Text(text=text),) if text and not text.isspace():  # most messages; the general case takes longer
            return [{"type": "text", "text": text}]
        case _:
            return list(each_block(content, media))


def each_block(content: Iterable[Block], media: MediaRules) -> Iterator[Mapping[str, Any] | msgspec.Raw]:
    """The blocks of *content* as ``wire_blocks`` returns them, encoded lazily."""
    for block in content:
        match block:
            case Text(text=text):
                # The API rejects text that is only white space.
                if text and not text.isspace():
                    yield _text(text)
            case Image() | Document():
                note = media.note(block)
                yield _text(note) if note else _media(block)
            case Thinking(provider=provider, signature=signature):
                if provider == PROVIDER and signature:
                    yield _thinking(block)
            case ToolUse():
                yield {
                    "type": "tool_use",
                    "id": _TOOL_ID.fitted(block.id),
                    "name": TOOL_NAME.fitted(block.name),
                    "input": block.input,
                }
            case ToolResult():
                yield _tool_result(block, media)
            case Opaque():
                if block.provider == PROVIDER:
                    yield msgspec.Raw(block.json)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _thinking(block: Thinking) -> dict[str, Any]:
    if block.redacted:
        return {"type": "redacted_thinking", "data": block.signature}
    return {"type": "thinking", "thinking": block.text, "signature": block.signature}


def _tool_result(result: ToolResult, media: MediaRules) -> dict[str, Any]:
    encoded: dict[str, Any] = {"type": "tool_result", "tool_use_id": _TOOL_ID.fitted(result.tool_use_id)}
    content = [block for block in each_block(result.content, media) if isinstance(block, Mapping)]
    if result.is_error and all(block["type"] == "text" for block in content):
        return {**encoded, "is_error": True, "content": content or [_ERROR_TEXT]}
    if result.is_error:
        # The API allows is_error with text only: with other content, a text has to say that it is an error.
        content.insert(0, _ERROR_TEXT)
    return {**encoded, "content": content} if content else encoded


def _media(block: Image | Document) -> dict[str, Any]:
    source: dict[str, Any]
    if block.data is None:
        source = {"type": "url", "url": block.url}
    elif isinstance(block, Document) and block.media_type == "text/plain":
        source = {"type": "text", "media_type": block.media_type, "data": block.data.decode(errors="replace")}
    else:
        source = {"type": "base64", "media_type": block.media_type, "data": block.data}
    if isinstance(block, Image):
        return {"type": "image", "source": source}
    document: dict[str, Any] = {"type": "document", "source": source}
    if block.name:
        document["title"] = block.name
    if block.cite:
        document["citations"] = {"enabled": True}
    return document
