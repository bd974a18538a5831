"""The content of messages as Cohere's v2 chat takes it: https://docs.cohere.com/reference/chat."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import msgspec

from ..schema.content import Block, Document, Image, Text, Thinking, ToolResult, ToolUse, is_blank
from ..schema.errors import UnsupportedContent
from ..schema.messages import Message, Role
from ..wire.media import MediaLimits, MediaRules, data_url
from .errors import PROVIDER
from .events import PLAN

# https://docs.cohere.com/docs/image-inputs: a request may have up to 20 images, 20 MB in all. Documents belong to the
# whole request, not to a message.
_MAX_IMAGES, _MAX_IMAGE_BYTES = 20, 20_000_000
MEDIA = MediaRules(
    PROVIDER,
    images=MediaLimits(
        frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"}), _MAX_IMAGE_BYTES, by_url=True
    ),
)
_DETAILS = ("low", "high", "auto")
_ERROR_PREFIX = "Error: "
_NO_OUTPUT = "(no output)"
_json = msgspec.json.encode
_Object = dict[str, Any]


def check_content(content: Sequence[Block], media: MediaRules) -> None:
    """Check the images in *content*, each of them, and their number and size together.

    Raises:
        UnsupportedContent: *media* does not take a block, which is named by its place, or they are too many or large.
    """
    media.check(content)
    images = list(_images(content))
    size_bytes = sum(len(image.data or b"") for image in images)
    if len(images) > _MAX_IMAGES or size_bytes > _MAX_IMAGE_BYTES:
        limits = f"up to {_MAX_IMAGES} images of {_MAX_IMAGE_BYTES:,} bytes in all"
        problem = f"content: {PROVIDER} takes {limits}, not {len(images)} of {size_bytes:,}; send fewer"
        raise UnsupportedContent(problem, PROVIDER)


def _images(content: Iterable[Block]) -> Iterator[Image]:
    for block in content:
        if isinstance(block, ToolResult):
            yield from _images(block.content)
        elif isinstance(block, Image):
            yield block


def wire_messages(media: MediaRules, message: Message) -> list[_Object]:
    """The messages, of which there may be none or several, that *message* is in this API.

    Media that *media* does not take becomes a note.
    """
    match message.content:
        case (Text(text=text),) if not is_blank(text):  # most messages; the general case takes longer
            return [{"role": message.role, "content": text}]
        case content:
            assistant = message.role is Role.ASSISTANT
            return list(_assistant_messages(content) if assistant else _user_messages(media, content))


def _assistant_messages(content: Iterable[Block]) -> Iterator[_Object]:
    """At most one message, of thinking, text, tool plan and tool calls. Blocks of other providers are left out."""
    plan: list[str] = []
    parts: list[_Object] = []
    calls: list[_Object] = []
    for block in content:
        match block:
            case Text(text=text) if not is_blank(text):
                parts.append(_text(text))
            case Thinking(text=text) if block.provider == PROVIDER and not is_blank(text):
                if block.signature == PLAN:
                    plan.append(text)
                else:
                    parts.append({"type": "thinking", "thinking": text})
            case ToolUse():
                calls.append(_tool_call(block))
            case _:
                pass
    # A plan whose calls are missing, as after an interruption, is sent as thinking.
    if plan and not calls:
        parts.insert(0, {"type": "thinking", "thinking": "".join(plan)})
    encoded: _Object = {"role": "assistant"}
    if calls:
        encoded["tool_calls"] = calls
        if plan:
            encoded["tool_plan"] = "".join(plan)
    if parts:
        encoded["content"] = parts
    if len(encoded) > 1:
        yield encoded


def _tool_call(use: ToolUse) -> _Object:
    return {
        "id": use.id,
        "type": "function",
        "function": {"name": use.name, "arguments": _json(use.input).decode()},
    }


def _user_messages(media: MediaRules, content: Sequence[Block]) -> Iterator[_Object]:
    """The tool results, which have to follow their calls directly, then everything else.

    A tool message cannot hold images: those of a result follow in the user message, after a line that names the result.
    """
    user_parts: list[_Object] = []
    for block in content:
        if isinstance(block, ToolResult):
            parts = [_part(media, piece) for piece in block.content]
            result = _result_text(block, parts) if block.structured is None else _documents(block, block.structured)
            yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": result}
            if images := [part for part in parts if part["type"] != "text"]:
                user_parts += [_text(f"From the result of {block.tool_use_id}:"), *images]
    user_parts += [_part(media, block) for block in content if isinstance(block, Text | Image | Document)]
    match [part for part in user_parts if not is_blank(part.get("text", "an image"))]:
        case []:
            pass
        case [{"type": "text", "text": text}]:
            yield {"role": "user", "content": text}
        case parts:
            yield {"role": "user", "content": parts}


def _result_text(result: ToolResult, parts: Iterable[_Object]) -> str:
    """The text of *result*, which must not be empty. The API has no error flag: a prefix marks errors."""
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    text = _NO_OUTPUT if is_blank(text) else text  # Cohere rejects messages that are
    return _ERROR_PREFIX + text if result.is_error else text


def _documents(result: ToolResult, own: _Object) -> list[_Object]:
    """*own*, the object of *result*, as documents, to which citations refer.

    https://docs.cohere.com/docs/tool-use-citations. It is one document, unless it has the member ``documents`` alone, a
    list of Cohere's own objects: each has ``data``, and it may have an ``id``, by which it is cited.
    """
    if result.is_error:
        own = own if "error" in own else {"error": own}
    match own:
        case {"documents": [_, *_] as documents} if len(own) == 1:
            several = cast("list[object]", documents)
            if all(map(_is_document, several)):
                return [{"type": "document", "document": document} for document in several]
        case _:
            pass
    return [{"type": "document", "document": {"data": own}}]


def _is_document(value: object) -> bool:
    """True if *value* is a document as Cohere defines it."""
    if not isinstance(value, dict):
        return False
    members = cast("dict[str, object]", value)
    name = members.get("id", "unnamed")
    return (
        members.keys() <= {"id", "data"}
        and isinstance(members.get("data"), dict)
        and isinstance(name, str)
        and name != ""
    )


def _part(media: MediaRules, block: Text | Image | Document) -> _Object:
    if isinstance(block, Text):
        return _text(block.text)
    if (note := media.note(block)) or isinstance(block, Document):
        return _text(note or "")
    url = block.url or data_url(block)
    detail = {"detail": block.detail} if block.detail in _DETAILS else {}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _text(text: str) -> _Object:
    return {"type": "text", "text": text}
