"""Files in TOML that become structs. Errors name the file, the line and the key."""

import re
from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

from ..errors import InvalidConfig
from .field_checks import invalid_config

T = TypeVar("T")

Place = tuple[str | int, ...]
"""Where a value is: the keys of the tables, and the places in lists, that lead to it."""

_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class TOMLFile:
    """The file at *path*, read.

    Raises:
        InvalidConfig: it can't be read, or is no TOML; the line is named.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = fspath(path)
        try:
            with open(self.path, encoding="utf-8") as file:
                self._text = file.read()
        except OSError as error:
            raise InvalidConfig(self.path, f"can't be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise InvalidConfig(self.path, "is not in UTF-8") from None
        try:
            self.data = _parse(self._text)
            """All of it."""
        except ValueError as error:
            found = _AT_LINE.search(str(error))
            line = int(found[1]) if found and found[1] else len(self._text.splitlines())
            raise InvalidConfig(f"{self.path}, line {line}", f"is no TOML: {_AT_LINE.sub('', str(error))}") from None

    def convert(self, value: object, kind: type[T], *at: str) -> T:
        """*value*, which stands in the table *at*, as a *kind*.

        Raises:
            InvalidConfig: it has a key that *kind* does not have, or a value that it does not take.
        """
        for place, known in _unknown_keys(value, inspect.type_info(kind), at):
            raise self.problem(place, "there is no such key; " + did_you_mean(str(place[-1]), known))
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            found = invalid_config(error, "file")
            steps = _STEP.findall(found.field.partition(".")[2])
            raise self.problem((*at, *(name or int(number) for number, name in steps)), found.problem) from None

    def problem(self, at: Place, problem: str) -> InvalidConfig:
        """The error for a *problem* of what is *at* a place: it names the line, as far as the file has the place."""
        return InvalidConfig(f"{self.path}, line {self._line(at)}", f"{dotted(at)}: {problem}")

    def _line(self, at: Place) -> int:
        """The line at which the statement begins that first has the value *at*, or what is closest to it.

        That is found by reading longer and longer beginnings of the file: where one ends within a statement, it is no
        TOML.
        """
        while at and not _has(self.data, at):
            at = at[:-1]
        lines, begins = self._text.splitlines(), 1
        for number in range(1, len(lines) + 1):
            try:
                beginning = _parse("\n".join(lines[:number]))
            except ValueError:
                continue
            if _has(beginning, at):
                return begins
            begins = number + 1
        return begins


def did_you_mean(name: str, known: list[str]) -> str:
    """The names among *known* that *name* may stand for; all of them, if none is like it."""
    from difflib import get_close_matches

    nearest = get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(nearest)}?" if nearest else f"there are {', '.join(known)}"


def _parse(text: str) -> dict[str, Any]:
    """Raises ``ValueError`` if *text* is no TOML. Session actors read no such files, and need no parser."""
    import tomllib

    return tomllib.loads(text)


def dotted(at: Place) -> str:
    """A place as TOML writes it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in at).removeprefix(".")


def _has(value: object, at: Place) -> bool:
    for step in at:
        if isinstance(value, dict) and step in value:
            value = cast("Mapping[object, object]", value)[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(cast("list[object]", value)):
            value = cast("list[object]", value)[step]
        else:
            return False
    return True


def _unknown_keys(value: object, kind: inspect.Type, at: Place) -> Iterator[tuple[Place, list[str]]]:
    """The places in *value*, which is *at* a place, of keys that *kind* does not have, each with the keys it has."""
    match kind, value:
        case inspect.Metadata(type=inner), _:
            yield from _unknown_keys(value, inner, at)
        case inspect.StructType(), dict():
            yield from _unknown_in_struct(cast("Mapping[str, object]", value), kind, at)
        case inspect.UnionType(types=kinds), _:
            if chosen := _chosen(value, kinds):
                yield from _unknown_keys(value, chosen, at)
        case inspect.DictType(value_type=inner), dict():
            for key, each in cast("Mapping[str, object]", value).items():
                yield from _unknown_keys(each, inner, (*at, key))
        case ((inspect.VarTupleType(item_type=inner) | inspect.ListType(item_type=inner)), list()):
            for number, each in enumerate(cast("list[object]", value)):
                yield from _unknown_keys(each, inner, (*at, number))
        case _:
            return


def _unknown_in_struct(
    value: Mapping[str, object], kind: inspect.StructType, at: Place
) -> Iterator[tuple[Place, list[str]]]:
    fields = {field.encode_name: field.type for field in kind.fields}
    known = [*fields, *((kind.tag_field,) if kind.tag_field else ())]
    for key, each in value.items():
        if key not in known:
            yield (*at, key), known
        elif key in fields:
            yield from _unknown_keys(each, fields[key], (*at, key))


def _chosen(value: object, kinds: tuple[inspect.Type, ...]) -> inspect.Type | None:
    """The one of *kinds*, those of a union, that *value* is of: if it is a table, that of its tag."""
    if not isinstance(value, dict):
        lists = [kind for kind in kinds if isinstance(kind, inspect.VarTupleType | inspect.ListType)]
        return lists[0] if isinstance(value, list) and lists else None
    table: Mapping[str, Any] = cast("Mapping[str, Any]", value)
    structs = [kind for kind in kinds if isinstance(kind, inspect.StructType)]
    if len(structs) == 1:
        return structs[0]
    for kind in structs:
        if kind.tag_field and table.get(kind.tag_field) == kind.tag:
            return kind
    return next((kind for kind in kinds if isinstance(kind, inspect.DictType)), None)
