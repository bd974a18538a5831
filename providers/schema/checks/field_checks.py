"""Checks of the fields of structs where they are made in Python: msgspec validates only what it decodes."""

import re
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import msgspec
from msgspec import UNSET

from ..errors import InvalidConfig
from .shown import shown

_PROBLEM_AND_PATH = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)


def check_fields(struct: msgspec.Struct, name: str, unchecked: tuple[str, ...] = ()) -> None:
    """Check that the fields of *struct*, except *unchecked*, have values of their declared types and ranges.

    Values that msgspec would accept in their place, such as a list for a tuple, are accepted. Structs in them have
    checked their own fields.

    Raises:
        InvalidConfig: one has not; the message names it, with *name* for the struct.
    """
    for field, default, kind, structs in _fields(type(struct)):
        value: object = getattr(struct, field)
        if value is default or value is UNSET or type(value) is kind or field in unchecked:
            continue
        if _is_tuple_of(structs, value):
            continue  # msgspec takes 30 µs to find that out
        check_value(value, kind, f"{name}.{field}")


def _is_tuple_of(structs: frozenset[object], value: object) -> bool:
    """True if *value* is a tuple that holds nothing but *structs*, if a field has such."""
    return bool(structs) and type(value) is tuple and structs.issuperset(map(type, cast("tuple[object, ...]", value)))


def check_value(value: object, kind: Any, name: str) -> None:
    """Check that *value* is one that a field of the type *kind* accepts.

    Raises:
        InvalidConfig: it is not; *name* is what the message calls it.
    """
    if _is_dict(value) and (structs := _structs(kind)):  # msgspec would drop the names that it doesn't know
        raise InvalidConfig(name, f"give a {' or '.join(structs)}, not a dict")
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _with_choices(invalid_config(error, name), value, kind) from None


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def invalid_config(error: msgspec.ValidationError, name: str) -> InvalidConfig:
    """The ``InvalidConfig`` for msgspec's *error*. It names the field, with *name* for the struct."""
    match = _PROBLEM_AND_PATH.match(str(error))
    assert match
    field = shown(name + (match["path"] or ""), quoted=False)
    if isinstance(error.__cause__, InvalidConfig):  # of a struct inside, which does not know where it is
        _, dot, inner = error.__cause__.field.partition(".")
        return InvalidConfig(field + dot + inner, error.__cause__.problem)
    return InvalidConfig(field, shown(match["problem"], quoted=False))


@cache
def _fields(kind: type[msgspec.Struct]) -> list[tuple[str, object, Any, frozenset[object]]]:
    """The fields of *kind*: name, default (``NODEFAULT``, which is no value, without one), type, and members.

    The members are the structs of which a field may have any number; none for other fields.
    """
    return [(field.name, field.default, field.type, _members(field.type)) for field in msgspec.structs.fields(kind)]


def _members(kind: object) -> frozenset[object]:
    """The structs that a ``tuple[One | Other, ...]`` may hold; none if *kind* is something else."""
    match get_origin(kind), get_args(kind):
        case origin, (held, last) if origin is tuple and last is ...:
            members = get_args(held) if get_origin(held) in (Union, UnionType) else (held,)
            are_structs = all(isinstance(each, type) and issubclass(each, msgspec.Struct) for each in members)
            return frozenset(members if are_structs else ())
        case _:
            return frozenset()


def _with_choices(problem: InvalidConfig, value: object, kind: object) -> InvalidConfig:
    """*problem* with the values or the structs to choose from, if the field has such."""
    if structs := _structs(kind):
        if problem.problem.startswith("Expected `object"):
            return InvalidConfig(problem.field, f"give a {' or '.join(structs)}, not a {type(value).__name__}")
        return problem
    choices = _choices(kind)
    if not choices or not isinstance(value, str):
        return problem
    return InvalidConfig(problem.field, f"give one of {', '.join(choices)}, not {shown(value)}")


def _structs(kind: object) -> list[str]:
    """The structs that a field of *kind* may have, by name."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind.__name__]
    is_union = get_origin(kind) in (Union, UnionType)
    return [name for argument in get_args(kind) for name in _structs(argument)] if is_union else []


def _choices(kind: object) -> list[str]:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    origin, arguments = get_origin(kind), cast("tuple[object, ...]", get_args(kind))
    if origin is Literal:
        return [str(value) for value in arguments]
    if origin in (Union, UnionType):
        return [choice for argument in arguments for choice in _choices(argument)]
    return _choices(arguments[0]) if origin is Annotated else []
