"""Converting JSON values whose types are not the documented ones, without guessing at content.

Compatible servers send counts as floats or texts, ids as numbers, ``null`` or an empty text in place of an object. What
only informs is left out if it can't be read; content that can't be read is an error.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, cast

import msgspec
from msgspec import inspect

ACCESSORY = msgspec.Meta(extra={"accessory": True})
"""Marks a field that only informs, such as token counts: it is left out if it can't be read. Numbers need no mark."""

Label = Annotated[str, msgspec.Meta(extra={"accessory": True, "label": True})]
"""An id, a name or a reason, for which some servers send a number. It is left out if it can't be read."""

_TEXTS_OF = {"true": True, "false": False}


class Unreadable(Exception):
    """A value can't be read as what it should be."""


def coerced(value: Any, kind: inspect.Type) -> Any:
    """*value*, decoded JSON, as far as possible in the form that *kind* asks for. Unknown members stay.

    Raises:
        Unreadable: content is not what it should be.
    """
    match kind:
        case inspect.Metadata(type=inner):
            return _label(value) if _has_mark(kind, "label") else coerced(value, inner)
        case inspect.UnionType(types=types):
            return _one_of(value, types)
        case inspect.StructType():
            return _struct(value, kind)
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return [coerced(part, item) for part in _sequence(value)]
        case inspect.IntType() | inspect.FloatType():
            return _number(value, kind)
        case inspect.StrType() if not isinstance(value, str):
            raise Unreadable
        case inspect.BoolType():
            return _truth(value)
        case inspect.DictType() if not isinstance(value, dict):
            raise Unreadable
        case inspect.NoneType() if value is not None:
            raise Unreadable
        case _:
            return cast("Any", value)


def _one_of(value: Any, kinds: Sequence[inspect.Type]) -> Any:
    if value is None and any(isinstance(kind, inspect.NoneType) for kind in kinds):
        return None
    for kind in kinds:
        if not isinstance(kind, inspect.NoneType) and _has_tag(value, kind):
            try:
                return coerced(value, kind)
            except Unreadable:
                continue
    raise Unreadable


def _has_tag(value: Any, kind: inspect.Type) -> bool:
    """True if *kind* has no tag, or the one that *value* has."""
    if not isinstance(kind, inspect.StructType) or kind.tag is None:
        return True
    return isinstance(value, dict) and cast("dict[str, Any]", value).get(kind.tag_field or "") == kind.tag


def _struct(value: Any, kind: inspect.StructType) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable
    members = dict(cast("dict[str, Any]", value))
    for field in kind.fields:
        name = field.encode_name
        if name not in members:
            continue
        if members[name] is None and not field.required:
            del members[name]  # the default stands for it
            continue
        try:
            members[name] = coerced(members[name], field.type)
        except Unreadable:
            if field.required or not _is_accessory(field.type):
                raise
            del members[name]
    return members


def _is_accessory(kind: inspect.Type) -> bool:
    match kind:
        case inspect.Metadata(type=inner):
            return _has_mark(kind, "accessory") or _is_accessory(inner)
        case inspect.UnionType(types=types):
            return all(isinstance(one, inspect.NoneType) or _is_accessory(one) for one in types)
        case inspect.IntType() | inspect.FloatType() | inspect.BoolType():
            return True
        case _:
            return False


def _has_mark(kind: inspect.Metadata, mark: str) -> bool:
    marks: object = getattr(kind, "extra", None)
    return isinstance(marks, dict) and mark in marks


def _sequence(value: object) -> Sequence[Any]:
    """*value*, or the one element that stands in place of a list."""
    if isinstance(value, list):
        return [*value]
    if isinstance(value, dict) and value:
        return [value]
    raise Unreadable


def _number(value: Any, kind: inspect.IntType | inspect.FloatType) -> float:
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError:
        raise Unreadable from None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise Unreadable
    if isinstance(kind, inspect.IntType):
        if number != int(number):
            raise Unreadable
        number = int(number)
    if (kind.ge is not None and number < kind.ge) or (kind.le is not None and number > kind.le):
        raise Unreadable
    return number


def _label(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise Unreadable


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        value = _TEXTS_OF.get(value.lower(), value)
    if value in (True, False):
        return bool(value)
    raise Unreadable
