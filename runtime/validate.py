"""Checking structs that were made in Python, where msgspec checks nothing."""

import re
from typing import TypeVar

import msgspec

from ..providers.errors import InvalidConfig

S = TypeVar("S", bound=msgspec.Struct)

_PATH = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)


def checked(struct: S, name: str) -> S:
    """*struct*, if every field holds what it is declared to hold.

    Raises:
        InvalidConfig: one does not; it is named, as part of *name*.
    """
    try:
        return msgspec.msgpack.decode(msgspec.msgpack.encode(struct), type=type(struct))
    except (msgspec.ValidationError, TypeError) as error:
        found = _PATH.match(str(error))
        assert found
        raise InvalidConfig(name + (found["path"] or ""), found["problem"]) from None
