"""Other forms of the members of a Cohere answer, in the documented one."""

import json
from collections.abc import Iterator
from typing import Any, cast

_Members = dict[str, Any]


def documented_form(answer: Any) -> Any:
    """*answer*, a decoded event or whole answer, with tool arguments as the text of JSON."""
    for function in _functions(answer):
        if isinstance(function.get("arguments"), dict | list):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False, separators=(",", ":"))
    return answer


def _functions(value: object) -> Iterator[_Members]:
    """The called functions in *value*: one in an event, all of them in a whole answer."""
    if isinstance(value, list):
        for part in cast("list[object]", value):
            yield from _functions(part)
    elif isinstance(value, dict):
        members = cast(_Members, value)
        if isinstance(function := members.get("function"), dict):
            yield cast(_Members, function)
        for name in ("delta", "message", "tool_calls"):
            yield from _functions(members.get(name))
