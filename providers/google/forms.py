"""Forms in which gateways have the chunks of generateContent, changed to the documented ones.

Some write the names of members as in the protocol buffers, in snake case, which readers of their JSON have to accept:
https://protobuf.dev/programming-guides/json/#field-names. Some have a text in place of a part, or of the content.
"""

from typing import Any, cast

_Members = dict[str, Any]
_SNAKE = (b'"usage_metadata"', b'"finish_reason"', b'"prompt_feedback"', b'"model_version"', b'"response_id"')
_AS_THEY_CAME = ("args", "safety_ratings", "safetyRatings")


def is_in_snake_case(chunk: bytes) -> bool:
    """True if *chunk* names its members as in the protocol buffers."""
    return any(name in chunk for name in _SNAKE)


def documented_form(value: Any) -> Any:
    """*value*, a decoded chunk, in the documented form, as far as it can be told."""
    if not isinstance(value, dict):
        return value
    chunk = cast(_Members, _in_camel_case(value))
    if chunk.get("candidates") is not None:
        chunk["candidates"] = [_candidate(part) for part in _listed(chunk["candidates"]) if part is not None]
    return chunk


def _candidate(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    candidate = cast(_Members, value)
    found: Any = candidate.get("content")
    content = cast(_Members, found) if isinstance(found, dict) else {"parts": found}
    if not isinstance(found, str | list | dict):
        return candidate
    parts: list[Any] = [{"text": part} if isinstance(part, str) else part for part in _listed(content.get("parts"))]
    return candidate | {"content": content | {"parts": [_Members() if part is None else part for part in parts]}}


def _listed(value: Any) -> list[Any]:
    """*value*, or the one element that stands in place of a list."""
    if isinstance(value, list):
        return [*value]
    return [] if value is None else [value]


def _in_camel_case(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_camel_case(part) for part in _listed(value)]
    if not isinstance(value, dict):
        return value
    return {
        _camel(name): member if name in _AS_THEY_CAME else _in_camel_case(member)
        for name, member in cast(_Members, value).items()
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
