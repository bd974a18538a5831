"""Other forms of the members of a Responses answer, in the documented one."""

import json
from typing import Any, cast

_Members = dict[str, Any]
_TEXTS = ("arguments", "input", "delta", "text", "name")
_PART_TYPES = {"text": "output_text"}


def documented_form(value: Any) -> Any:
    """*value*, a decoded event, response, item or part, with content as a list of parts, and arguments as JSON text."""
    if isinstance(value, str):
        return {"type": "output_text", "text": value}
    if not isinstance(value, dict):
        return value
    members = cast(_Members, value)
    for name in _TEXTS:
        if name in members and members[name] is None:
            del members[name]
    _document_texts(members)
    for one in (members, members.get("response")):
        if isinstance(one, dict):
            _document_response(cast(_Members, one))
    content = members.get("content")
    if isinstance(content, str):
        part_type = "output_text" if members.get("type") == "message" else "reasoning_text"
        members["content"] = [{"type": part_type, "text": content}] if content else []
    for name in ("content", "summary"):
        if members.get("type") == "reasoning" and isinstance(parts := members.get(name), str | list):
            texts = cast("list[object]", parts) if isinstance(parts, list) else [parts]
            members[name] = [{"text": part} if isinstance(part, str) else part for part in texts]
    kind = members.setdefault("type", _missing_type(members))
    if isinstance(kind, str):
        members["type"] = _PART_TYPES.get(kind, kind)
    return members


def _document_texts(members: _Members) -> None:
    for name in ("arguments", "delta"):
        match members.get(name):
            case {"text": str(text)} if name == "delta" and str(members.get("type")).endswith("text.delta"):
                members[name] = text
            case dict():
                members[name] = json.dumps(members[name], ensure_ascii=False, separators=(",", ":"))
            case _:
                pass


def _document_response(response: _Members) -> None:
    if isinstance(reason := response.get("incomplete_details"), str):
        response["incomplete_details"] = {"reason": reason}
    if isinstance(text := response.get("output"), str):
        response["output"] = [{"type": "message", "content": [{"type": "output_text", "text": text}]}] if text else []


def _missing_type(members: _Members) -> str | None:
    """The type that the other members of an item or a part show."""
    if "content" in members:
        return "message"
    if "call_id" in members:
        return "function_call"
    return next((kind for name, kind in (("text", "output_text"), ("refusal", "refusal")) if name in members), None)
