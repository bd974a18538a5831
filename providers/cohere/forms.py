"""Forms in which servers other than Cohere's have its events and answers, changed to the documented ones.

Some have the arguments of a tool as an object, content as a plain text, or a single piece as a list.
"""

from typing import Any, cast

import msgspec

_Members = dict[str, Any]
_MEMBERS = {
    "content-start": "content",
    "content-delta": "content",
    "tool-plan-delta": "tool_plan",
    "tool-call-start": "tool_calls",
    "tool-call-delta": "tool_calls",
}
"""The member of the message that an event of each type has."""
_EMPTY: dict[str, Any] = {"content": {}, "tool_plan": "", "tool_calls": {}}


def documented_form(value: Any) -> Any:
    """*value*, a decoded event or whole answer, in the documented form, as far as it can be told."""
    if not isinstance(value, dict):
        return value
    members = cast(_Members, value)
    if "delta" not in members:
        return members | _message(members, is_whole=True)
    event = _object(members["delta"])
    if member := _MEMBERS.get(str(members.get("type"))):
        message = _object(event.get("message"))
        event = event | {"message": message | {member: message.get(member) or _EMPTY[member]}}
    event = event | _message(event, is_whole=False)
    if members.get("type") == "tool-call-start":
        function = _object(event["message"]["tool_calls"].get("function"))
        if function.get("arguments") == "{}":  # of the pieces that follow
            function["arguments"] = ""
    return members | {"delta": event}


def _object(value: Any) -> _Members:
    return cast(_Members, value) if isinstance(value, dict) else {}


def _message(holder: _Members, is_whole: bool) -> _Members:
    """The message in *holder*, as its new member; none if there is none."""
    message = holder.get("message")
    if not isinstance(message, dict):
        return {}
    members = dict(cast(_Members, message))
    if members.get("content") is not None:
        members["content"] = _contents(members["content"]) if is_whole else _piece(members["content"])
    if (calls := members.get("tool_calls")) is not None:
        if is_whole:
            members["tool_calls"] = [_call(call) for call in _listed(calls)]
        else:
            members["tool_calls"] = _call(next(iter(_listed(calls)), _Members()))
    return {"message": members}


def _contents(content: Any) -> list[Any]:
    return [{"text": part} if isinstance(part, str) else part for part in _listed(content) if part is not None]


def _piece(content: Any) -> Any:
    """The piece of content, which is one object, with the texts of the pieces that stand in its place."""
    if not isinstance(content, list | str):
        return content
    parts = [cast(_Members, part) for part in _contents(content) if isinstance(part, dict)]
    return {name: "".join(str(part.get(name) or "") for part in parts) for name in ("text", "thinking")}


def _call(call: Any) -> Any:
    if not isinstance(call, dict):
        return call
    members = cast(_Members, call)
    function = members.get("function")
    if not isinstance(function, dict):
        return members
    function = cast(_Members, function)
    arguments = function.get("arguments")
    if isinstance(arguments, dict):
        function = function | {"arguments": msgspec.json.encode(cast(_Members, arguments)).decode()}
    return members | {"function": function}


def _listed(value: Any) -> list[Any]:
    return [*value] if isinstance(value, list) else [value]
