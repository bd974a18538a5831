"""Inputs that show a model what a schema asks for."""

from collections.abc import Iterable
from typing import Any, cast

from .parameters import resolved

_MAX_DEPTH = 6
_FORMATS = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:00:00Z",
    "time": "12:00:00",
    "email": "name@example.com",
    "uri": "https://example.com",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
}


def example_input(schema: dict[str, Any]) -> dict[str, Any]:
    """An input for *schema*: what it requires, or its first property if it requires none."""
    example = _example(schema, schema, "value", _MAX_DEPTH)
    return cast(dict[str, Any], example) if isinstance(example, dict) else {}


def _example(schema: object, root: dict[str, Any], name: str, depth: int) -> object:
    found = resolved(schema, root)
    if not isinstance(found, dict) or not depth:
        return name
    own = cast(dict[str, Any], found)
    for given in (_list(own.get("examples")), [own["const"]] if "const" in own else [], _list(own.get("enum"))):
        if given:
            return given[0]
    if own.get("default") is not None:
        return own["default"]
    for choice in (*_list(own.get("anyOf")), *_list(own.get("oneOf"))):
        return _example(choice, root, name, depth - 1)
    match _kind(own):
        case "object":
            return _object(own, root, depth)
        case "array":
            return [_example(own.get("items"), root, name, depth - 1)]
        case "integer" | "number":
            return own.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _FORMATS.get(str(own.get("format")), name)


def _object(schema: dict[str, Any], root: dict[str, Any], depth: int) -> dict[str, object]:
    properties: object = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    known = cast(dict[str, object], properties)
    required = [name for name in _names(schema.get("required")) if name in known]
    return {name: _example(known[name], root, name, depth - 1) for name in required or list(known)[:1]}


def _kind(schema: dict[str, Any]) -> str:
    kind: object = schema.get("type")
    kinds = _list(kind) or [kind]
    name = str(kinds[0]).lower() if kinds and kinds[0] is not None else ""
    return name or ("object" if "properties" in schema else "string")


def _names(value: object) -> Iterable[str]:
    return [str(each) for each in _list(value)]


def _list(value: object) -> list[object]:
    return cast(list[object], value) if isinstance(value, list) else []
