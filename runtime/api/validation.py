"""Checking structs that were made in Python, where msgspec checks nothing."""

import re
from typing import TypeVar, cast, get_args

import msgspec

from ...providers.registry import ProviderConfig
from ...providers.schema.errors import InvalidConfig, UnknownProvider

S = TypeVar("S", bound=msgspec.Struct)

_PATH = re.compile(r"^(?P<problem>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_UNFIT = (TypeError, ValueError, OverflowError, RecursionError)  # what msgspec raises, and Python for a lone surrogate

_encoder = msgspec.msgpack.Encoder()


def checked(struct: S, kinds: tuple[type[S], ...], name: str) -> S:
    """*struct*, if it is of one of *kinds* and every field holds what it is declared to hold.

    Raises:
        InvalidConfig: it is not, or one does not; it is named, as part of *name*.
    """
    if not isinstance(struct, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise InvalidConfig(name, f"give a {wanted}, not a {type(struct).__name__}")
    try:
        return msgspec.msgpack.decode(encoded(struct, name), type=type(struct))
    except msgspec.ValidationError as error:
        raise misfit(error, name) from None


def known(provider: object) -> ProviderConfig:
    """*provider*, if it is one of ours.

    Raises:
        UnknownProvider: it is not.
    """
    if not isinstance(provider, ProviderConfig):
        names = ", ".join(kind.__name__ for kind in get_args(ProviderConfig))
        raise UnknownProvider(f"{provider!r} is no provider; give the config of one: {names}")
    return provider


def encoded(value: object, name: str) -> bytes:
    """*value* as it crosses processes.

    Raises:
        InvalidConfig: a part of it can't be encoded; it is named, as part of *name*.
    """
    try:
        return _encoder.encode(value)
    except _UNFIT as error:
        for part, field in _parts(value):
            encoded(part, name + field)
        raise InvalidConfig(name, str(error)) from None


def misfit(error: msgspec.ValidationError, name: str) -> InvalidConfig:
    """What msgspec found wrong with the part that it names, as part of *name*."""
    found = _PATH.match(str(error))
    assert found
    return InvalidConfig(name + (found["path"] or ""), found["problem"])


def _parts(value: object) -> list[tuple[object, str]]:
    if isinstance(value, msgspec.Struct):
        return [(getattr(value, field), f".{field}") for field in value.__struct_fields__]
    if isinstance(value, tuple):
        return [(part, f"[{number}]") for number, part in enumerate(cast(tuple[object, ...], value))]
    return []
