"""Other forms of the members of a Responses answer, in the documented one."""

import json
from typing import Any, cast

_TEXTS = ("arguments", "input", "delta", "text", "name")
_PART_TYPES = {"text": "output_text"}


def documented_form(value: Any) -> Any:
    """*value*, a decoded event, item or part, with content as a list of parts, and arguments as the text of JSON."""
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    for name in _TEXTS:
        if name in members and members[name] is None:
            del members[name]
    for name in ("arguments", "delta"):
        if isinstance(members.get(name), dict):
            members[name] = json.dumps(members[name], ensure_ascii=False, separators=(",", ":"))
    content = members.get("content")
    if isinstance(content, str):
        part_type = "output_text" if members.get("type") == "message" else "reasoning_text"
        members["content"] = [{"type": part_type, "text": content}] if content else []
    if isinstance(kind := members.get("type"), str):
        members["type"] = _PART_TYPES.get(kind, kind)
    return members
