"""Messages as Cohere's v2 chat takes them: https://docs.cohere.com/reference/chat."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from ..schema.content import Block, Document, Image, Text, Thinking, ToolResult, ToolUse
from ..schema.messages import Message, Role
from ..wire.media import MediaLimits, MediaRules
from .errors import PLAN, PROVIDER

# https://docs.cohere.com/docs/image-inputs: a request may have up to 20 images, 20 MB in all. Documents are not part
# of a message, but of a whole request.
MEDIA = MediaRules(
    PROVIDER,
    images=MediaLimits(frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"}), 20_000_000, by_url=True),
)
_ERROR = "Error: "
_NOTHING = "(no output)"
_json = msgspec.json.encode
_Object = dict[str, Any]


def wire_messages(media: MediaRules, message: Message) -> list[_Object]:
    """What *message* is on the wire: maybe none, maybe several. A note stands for what *media* does not take."""
    match message.content:
        case (Text(text=text),) if text and not text.isspace():  # most are this: the way below takes longer
            return [{"role": message.role, "content": text}]
        case content:
            return list(_assistant(content) if message.role is Role.ASSISTANT else _user(media, content))


def _assistant(content: Iterable[Block]) -> Iterator[_Object]:
    """Thinking and text, the tool plan, and the tool calls; blocks of other providers have no form here."""
    plan: list[str] = []
    parts: list[_Object] = []
    calls: list[_Object] = []
    for block in content:
        match block:
            case Text(text=text) if _says(text):
                parts.append(_text(text))
            case Thinking(provider=provider, signature=signature, text=text) if provider == PROVIDER and _says(text):
                if signature == PLAN:
                    plan.append(text)
                else:
                    parts.append({"type": "thinking", "thinking": text})
            case ToolUse():
                calls.append(_tool_call(block))
            case _:
                pass
    # A plan without its calls (they may have been left out after an interruption) is thinking like any other.
    if plan and not calls:
        parts.insert(0, {"type": "thinking", "thinking": "".join(plan)})
    given: _Object = {"role": "assistant"}
    if calls:
        given["tool_calls"] = calls
        if plan:
            given["tool_plan"] = "".join(plan)
    if parts:
        given["content"] = parts
    if len(given) > 1:
        yield given


def _tool_call(use: ToolUse) -> _Object:
    return {
        "id": use.id,
        "type": "function",
        "function": {"name": use.name, "arguments": _json(use.input).decode()},
    }


def _user(media: MediaRules, content: Sequence[Block]) -> Iterator[_Object]:
    """The tool results, which must follow their calls at once, then all else.

    A tool message holds no images: those in a result follow in the user message, after a line that says whose they are.
    """
    rest: list[_Object] = []
    for block in content:
        if isinstance(block, ToolResult):
            parts = [_part(media, piece) for piece in block.content]
            yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": _result_text(block, parts)}
            if images := [part for part in parts if part["type"] != "text"]:
                rest += [_text(f"From the result of {block.tool_use_id}:"), *images]
    rest += [_part(media, block) for block in content if isinstance(block, Text | Image | Document)]
    match [part for part in rest if _says(part.get("text", "an image"))]:
        case []:
            pass
        case [{"type": "text", "text": text}]:
            yield {"role": "user", "content": text}
        case parts:
            yield {"role": "user", "content": parts}


def _result_text(result: ToolResult, parts: Iterable[_Object]) -> str:
    """The text of *result*: there has to be some, and as there is no flag for an error, it says that it is one."""
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    text = text if _says(text) else _NOTHING
    return _ERROR + text if result.is_error else text


def _part(media: MediaRules, block: Text | Image | Document) -> _Object:
    if isinstance(block, Text):
        return _text(block.text)
    if (note := media.note(block)) or isinstance(block, Document):
        return _text(note or "")
    url = block.url or f"data:{block.media_type};base64,{b64encode(block.data or b'').decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def _text(text: str) -> _Object:
    return {"type": "text", "text": text}


def _says(text: str) -> bool:
    """Whether there is anything in *text*: Cohere refuses a turn that is empty or of nothing but white space."""
    return bool(text) and not text.isspace()
