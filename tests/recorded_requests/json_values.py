"""JSON values, and how two of them differ."""

from collections.abc import Iterable, Iterator, MutableSequence
from itertools import chain
from typing import Any, cast

JSON = dict[str, Any]

_MISSING = object()


def json_object(value: Any) -> JSON | None:
    """*value* if it is an object."""
    return cast(JSON, value) if isinstance(value, dict) else None


def json_array(value: Any) -> MutableSequence[Any] | None:
    """*value* if it is an array."""
    return cast("MutableSequence[Any]", value) if isinstance(value, list) else None


def scalars(value: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The texts, numbers and booleans in *value*: the path without positions, the container, and the key in it."""
    if (members := json_object(value)) is not None:
        entries: Iterable[tuple[Any, Any]] = members.items()
    else:
        entries = enumerate(json_array(value) or [])
    for key, item in entries:
        place = f"{path}.{key}" if members is not None else f"{path}[]"
        if isinstance(item, dict | list):
            yield from scalars(item, place)
        elif item is not None:
            yield place, value, key


def differences(recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where *ours* differs from what was *recorded*, each place as a sentence. JSON has one kind of number."""
    if (left := json_object(recorded)) is not None and (right := json_object(ours)) is not None:
        for name in dict.fromkeys(chain(left, right)):
            yield from differences(left.get(name, _MISSING), right.get(name, _MISSING), f"{path}.{name}")
        return
    before, after = json_array(recorded), json_array(ours)
    if before is not None and after is not None and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif ours is _MISSING:
        yield f"{path} is not sent"
    elif recorded is _MISSING:
        yield f"{path} is sent, and was not"
    elif recorded != ours or isinstance(recorded, bool) is not isinstance(ours, bool):
        yield f"{path} is {str(ours)[:60]!r}, and was {str(recorded)[:60]!r}"
