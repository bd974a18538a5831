"""The content of messages as Anthropic's Messages API takes it, in blocks.

https://platform.claude.com/docs/en/api/messages
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from ..schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse, is_blank
from ..schema.messages import Message, Role
from ..wire.media import MediaLimits, MediaRules, base64_data
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
_NONE = frozenset[str]()
_USE = "tool_use"  # the end of server_tool_use and mcp_tool_use
# Such as the results of a web search: encrypted_content, encrypted_index, encrypted_stdout.
_is_sealed = re.compile(rb'"encrypted_[a-z_]+"\s*:\s*"').search


class _OpaqueIds(msgspec.Struct):
    """The members that link a result of the provider's own tool to its use, and the input of a use."""

    id: Any = None
    tool_use_id: Any = None
    input: Any = None


_opaque_ids = msgspec.json.Decoder(_OpaqueIds).decode


def wire_blocks(message: Message, media: MediaRules, source: str, continued: bool = False) -> list[Any]:
    """The blocks of *message*, without those that the API has no form for or that *source* can't read.

    Media that *media* does not take becomes a note. Thinking that nothing follows is left out: the API rejects it.
    A paused answer that the request has *continued* keeps the uses that the API is to go on with.
    """
    match message.content:
        case (Text(text=text, citations=()),) if not is_blank(text):  # most messages; the rest takes longer
            return [{"type": "text", "text": text}]
        case content:
            if message.role is Role.USER:
                return list(_each_block(content, media))
            own = message.readable_by(source)
            left_out = unanswered_ids(content, continued) | (_NONE if own else _sealed_ids(content))
            blocks = list(_each_block(content, media, own, left_out))
            while blocks and _is_thinking(blocks[-1]):
                del blocks[-1]
            return blocks


def starts_with_thinking(message: Message, media: MediaRules, source: str) -> bool:
    """True if the first of the ``wire_blocks`` of *message* is thinking."""
    blocks = wire_blocks(message, media, source)
    return bool(blocks) and _is_thinking(blocks[0])


def _is_thinking(block: dict[str, Any] | msgspec.Raw) -> bool:
    return type(block) is dict and block["type"] in ("thinking", "redacted_thinking")


def _each_block(
    content: Iterable[Block], media: MediaRules, own: bool = False, left_out: frozenset[str] = _NONE
) -> Iterator[dict[str, Any] | msgspec.Raw]:
    """The blocks of *content*, which is an answer of the source that it goes back to if *own*.

    *left_out* are the ids of opaque blocks that are left out.
    """
    for block in content:
        match block:
            case Text():
                # "text content blocks must contain non-whitespace text", says the API.
                if not is_blank(block.text):
                    yield _cited(block) if own and block.citations else _text(block.text)
            case Image() | Document():
                note = media.note(block)
                yield _text(note) if note else _media(block)
            case Thinking(provider=provider, signature=signature):
                if provider == PROVIDER and signature and own:
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
                if block.provider == PROVIDER and left_out.isdisjoint(linked_ids(block) if left_out else ()):
                    yield msgspec.Raw(block.json)


def unanswered_ids(content: Sequence[Block], continued: bool = False) -> frozenset[str]:
    """The ids of those uses of the provider's own tools whose results are missing: the answer broke off, or paused.

    If the request has a paused answer *continued*, they are only those whose input the output limit has cut off; it is
    empty. The API runs the others, as it asks for "the assistant content as is":
    https://platform.claude.com/docs/en/agents-and-tools/tool-use/server-tools.

    "`web_search` tool use with id ... was found without a corresponding `web_search_tool_result` block", says the API
    of them. After tool uses of the program the results may be in the next answer.
    """
    if not any(type(block) is Opaque and block.type.endswith(_USE) for block in content):
        return _NONE
    if any(type(block) is ToolUse for block in content):
        return _NONE
    opaque = [block for block in content if isinstance(block, Opaque) and block.provider == PROVIDER]
    kept = (block for block in opaque if block.type.endswith(_USE) and not (continued and _has_input(block)))
    uses = {each for block in kept for each in linked_ids(block)}
    return frozenset(
        uses.difference(each for block in opaque if not block.type.endswith(_USE) for each in linked_ids(block))
    )


def _has_input(use: Opaque) -> bool:
    return bool(_opaque_ids(use.json).input)


def _sealed_ids(content: Iterable[Block]) -> frozenset[str]:
    """The ids of those tools of the provider's own whose results only their maker can read.

    A use and its result go together, so both are left out elsewhere.
    """
    opaque = (block for block in content if isinstance(block, Opaque) and block.provider == PROVIDER)
    return frozenset(each for block in opaque if _is_sealed(block.json) for each in linked_ids(block))


def linked_ids(block: Opaque) -> tuple[str, ...]:
    """The ids that link a use of the provider's own tool and its result: of *block*, which is one of these."""
    ids = _opaque_ids(block.json)
    return tuple(each for each in (ids.id, ids.tool_use_id) if isinstance(each, str))


def _cited(text: Text) -> dict[str, Any]:
    """Text with those of its citations that came in the API's own form."""
    originals = [cited.original for cited in text.citations if cited.original is not None]
    citations = [msgspec.Raw(original.json) for original in originals if original.provider == PROVIDER]
    return {"type": "text", "text": text.text, "citations": citations} if citations else _text(text.text)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _thinking(block: Thinking) -> dict[str, Any]:
    if block.redacted:
        return {"type": "redacted_thinking", "data": block.signature}
    return {"type": "thinking", "thinking": block.text, "signature": block.signature}


def _tool_result(result: ToolResult, media: MediaRules) -> dict[str, Any]:
    encoded: dict[str, Any] = {"type": "tool_result", "tool_use_id": _TOOL_ID.fitted(result.tool_use_id)}
    content = [block for block in _each_block(result.content, media) if type(block) is dict]
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
        source = {"type": "base64", "media_type": block.media_type, "data": base64_data(block)}
    if isinstance(block, Image):
        return {"type": "image", "source": source}
    document: dict[str, Any] = {"type": "document", "source": source}
    if block.name:
        document["title"] = block.name
    if block.cite:
        document["citations"] = {"enabled": True}
    return document
