"""The values of parameters: what the text between the tags means, by the schema of the tool."""

from collections.abc import Iterator
from typing import Any, cast

import msgspec

from .tags import PARAMETER, PARAMETER_END, attribute, value_text

_MAX_REFERENCES = 8
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_NAMES = {"string": "a string", "integer": "an integer", "number": "a number", "array": "a JSON array"} | {
    "boolean": "true or false",
    "object": "a JSON object",
    "null": "null",
}


class UnreadableValue(ValueError):
    """A value that is not what the schema asks for; the message says what it should be, for the model."""


def property_schema(schema: dict[str, Any], name: str) -> object:
    """The schema of the parameter *name*, if *schema*, of the whole input, has one."""
    return _member(_member(resolved(schema, schema), "properties"), name)


def types_of(schema: object, root: dict[str, Any]) -> frozenset[str]:
    """The JSON types that *schema*, in *root*, allows. None means any: it does not say."""
    return frozenset(_types(schema, root, _MAX_REFERENCES))


def value_of(text: str, is_json: bool, schema: object, root: dict[str, Any]) -> object:
    """The value that *text* stands for: the text itself if the *schema*, in *root*, allows strings, otherwise JSON.

    Nothing is guessed. Where a schema allows strings and null, ``null`` is null.

    Raises:
        UnreadableValue: it is not JSON, or of another type.
    """
    types = types_of(schema, root)
    if not is_json and (not types or "string" in types):
        return None if "null" in types and text.strip() == "null" else text
    if types == frozenset(("boolean",)) and text.strip().lower() in ("true", "false"):
        return text.strip().lower() == "true"
    try:
        value = msgspec.json.decode(text.strip())
        msgspec.msgpack.encode(value)  # integers of more than 64 bits don't get into events
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError, OverflowError):
        raise UnreadableValue(f"must be {_expected(types)}") from None
    if types and not any(_is_of(value, name) for name in types):
        raise UnreadableValue(f"must be {_expected(types)}")
    return value


def parameter_text(name: str, value: object, schema: dict[str, Any]) -> str:
    """The parameter *name* with *value*, in tags, so that ``value_of`` finds it by *schema*, of the whole input."""
    own = property_schema(schema, name)
    if isinstance(value, str):
        text, mark = value_text(value), ""
        if not _reads_as(value, value, own, schema):
            text, mark = value_text(_json(value)), ' type="json"'
    else:
        text, mark = value_text(_json(value)), ""
        if not _reads_as(_json(value), value, own, schema):
            mark = ' type="json"'
    return f"<{PARAMETER} name={attribute(name)}{mark}>{text}{PARAMETER_END}"


def _reads_as(text: str, value: object, own: object, schema: dict[str, Any]) -> bool:
    try:
        read = value_of(text, False, own, schema)
    except UnreadableValue:
        return False
    return type(read) is type(value) and read == value


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _is_of(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


def _expected(types: frozenset[str]) -> str:
    return " or ".join(_NAMES[name] for name in sorted(types)) or "JSON"


def _types(schema: object, root: dict[str, Any], references: int) -> Iterator[str]:
    schema = resolved(schema, root)
    if not isinstance(schema, dict):
        return
    schema = cast(dict[str, Any], schema)
    kind: object = schema.get("type")
    kinds = cast(list[object], kind) if isinstance(kind, list) else [kind]
    if kind is not None:
        yield from (name for name in (str(each).lower() for each in kinds) if name in _TYPES)
        return
    values = [*_list(schema.get("enum")), *([schema["const"]] if "const" in schema else [])]
    yield from (name for value in values for name in _TYPES if _is_of(value, name))
    if references:
        for each in (*_list(schema.get("anyOf")), *_list(schema.get("oneOf"))):
            yield from _types(each, root, references - 1)


def _list(value: object) -> list[object]:
    return cast(list[object], value) if isinstance(value, list) else []


def resolved(schema: object, root: dict[str, Any]) -> object:
    """What *schema* refers to in *root*, if it is a reference."""
    found = schema
    for _ in range(_MAX_REFERENCES):
        reference = _member(found, "$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        found = root
        for part in reference[2:].split("/"):
            found = _member(found, part.replace("~1", "/").replace("~0", "~"))
    return found


def _member(value: object, name: str) -> object:
    return cast(dict[str, object], value).get(name) if isinstance(value, dict) else None
