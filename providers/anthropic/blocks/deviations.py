"""Forms that compatible servers and gateways give the members of answers, brought into the documented ones."""

from typing import Any, cast

import msgspec
from msgspec import inspect

from ...wire.lenient.coercion import coerced
from ...wire.numbers import WholeNumber

_Members = dict[str, Any]
_INDEX = inspect.type_info(WholeNumber)

_PIECE_TYPES = {
    "text": "text_delta",
    "partial_json": "input_json_delta",
    "thinking": "thinking_delta",
    "signature": "signature_delta",
    "citation": "citations_delta",
}


def normalized_event(value: Any) -> Any:
    """*value*, an event: a piece without a type has the type that its member shows, and ``null`` is empty.

    Raises:
        Unreadable: it names a block, but with no number.
    """
    if not isinstance(value, dict):
        return value
    event = cast(_Members, value)
    if event.get("index") is not None:
        coerced(event["index"], _INDEX)
    delta, message = event.get("delta"), event.get("message")
    match event.get("type"):
        case "content_block_delta" if isinstance(delta, dict):
            return {**event, "delta": _piece(cast(_Members, delta))}
        case "message_delta" if not delta and ("delta" in event or "usage" in event or event.get("stop_reason")):
            return {**event, "delta": {"stop_reason": event.get("stop_reason")}}
        case "message_start" if isinstance(message, dict):
            return {**event, "message": normalized_message(message)}
        case _:
            return event


def _piece(delta: _Members) -> _Members:
    piece = {name: "" if name in _PIECE_TYPES and member is None else member for name, member in delta.items()}
    if isinstance(piece.get("partial_json"), dict | list):
        piece["partial_json"] = msgspec.json.encode(piece["partial_json"]).decode()
    if piece.get("type") is None:
        piece["type"] = next((kind for name, kind in _PIECE_TYPES.items() if name in piece), None)
    return piece


def normalized_message(value: Any) -> Any:
    """*value*, a message: a text stands for a block with it, in place of the content and in it."""
    if not isinstance(value, dict):
        return value
    message = cast(_Members, value)
    content = message.get("content")
    blocks: list[Any] = [*content] if isinstance(content, list) else [content] if content else []
    return {**message, "content": [_text_block(block) for block in blocks if block is not None]}


def _text_block(block: Any) -> Any:
    return {"type": "text", "text": block} if isinstance(block, str) else block


def normalized_block(value: Any) -> Any:
    """*value*, a block: one that has a text and no type is a text."""
    if not isinstance(value, dict):
        return value
    block = cast(_Members, value)
    is_text = block.get("type") is None and isinstance(block.get("text"), str)
    return {**block, "type": "text"} if is_text else block
