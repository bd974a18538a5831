"""Other forms of the members of a Chat Completions answer, in the documented one.

Mistral has lists of parts as content, thinking among them; several servers have the arguments of a tool as an object,
and empty values of any type in place of what is missing.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

_Members = dict[str, Any]
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


def documented_form(chunk: Any) -> Any:
    """*chunk*, a decoded chunk or whole answer, with its content as text, and arguments as the text of JSON."""
    if isinstance(chunk, dict):
        for choice in _objects(cast(_Members, chunk).get("choices")):
            for name in ("delta", "message"):
                if not choice.get(name):
                    choice.pop(name, None)
                if isinstance(text := choice.get(name), str):
                    choice[name] = {"content": text}
                for piece in _objects(choice.get(name)):
                    _document_piece(piece)
    return cast("Any", chunk)


def _objects(value: Any) -> Sequence[_Members]:
    """The objects in *value*: a list, or one object."""
    values: Iterable[object] = cast("list[object]", value) if isinstance(value, list) else (value,)
    return [cast(_Members, one) for one in values if isinstance(one, dict)]


def _document_piece(piece: _Members) -> None:
    for name in (*_TEXTS, "tool_calls", "function_call"):
        if not piece.get(name):
            piece.pop(name, None)
    for name in _TEXTS[1:]:
        if isinstance(piece.get(name), list | dict):
            piece[name] = _text_in(piece[name])
    if isinstance(content := piece.get("content"), list | dict):
        parts = _parts(content)
        thinking = "".join(_text_in(part) for part in parts if _is_thinking(part))
        piece["content"] = "".join(_text_in(part) for part in parts if not (_is_thinking(part) or _is_refusal(part)))
        if refusal := "".join(_text_in(part) for part in parts if _is_refusal(part)):
            piece["refusal"] = piece.get("refusal") or refusal
        if thinking and not (piece.get("reasoning_content") or piece.get("reasoning")):
            piece["reasoning_content"] = thinking
    if isinstance(calls := piece.get("tool_calls"), list):
        piece["tool_calls"] = [call for call in cast("list[object]", calls) if call]
    calls = _objects(piece.get("tool_calls"))
    called = [call.get(kind) for call in calls for kind in ("function", "custom")]
    for call in _objects([*calls, *called, piece.get("function_call")]):
        for name in ("arguments", "input"):
            if isinstance(value := call.get(name), list | dict):
                call[name] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parts(value: Any) -> Sequence[Any]:
    return cast("list[object]", value) if isinstance(value, list) else (value,)


def _is_thinking(part: Any) -> bool:
    match part:
        case {"type": "thinking" | "reasoning" | "reasoning_content"}:
            return True
        case _:
            return False


def _is_refusal(part: Any) -> bool:
    match part:
        case {"type": "refusal"}:
            return True
        case _:
            return False


def _text_in(part: Any) -> str:
    """All text in *part*; empty for one of another kind, such as a reference."""
    match part:
        case str():
            return part
        case list():
            return "".join(map(_text_in, cast("list[object]", part)))
        case dict():
            members = cast(_Members, part)
            names = ("text", "thinking", "reasoning", "summary", "refusal", "content")
            return next((text for name in names if (text := _text_in(members.get(name)))), "")
        case _:
            return ""
