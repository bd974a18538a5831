"""Validation of structs made in Python: msgspec validates only what it decodes."""

from typing import TypeVar, cast, get_args

import msgspec

from ...providers.registry import ProviderConfig
from ...providers.schema.checks.field_checks import invalid_config as invalid_config
from ...providers.schema.checks.shown import shown
from ...providers.schema.errors import InvalidConfig, UnknownProvider

S = TypeVar("S", bound=msgspec.Struct)

# What msgspec raises for a value that it cannot encode, and Python for a lone surrogate.
_ENCODING_ERRORS = (TypeError, ValueError, OverflowError, RecursionError)

_encoder = msgspec.msgpack.Encoder()


def validated_struct(struct: S, kinds: tuple[type[S], ...], name: str) -> S:
    """*struct*, if it is an instance of one of *kinds* and every field has a value of its declared type.

    Raises:
        InvalidConfig: it is not; the message names the field, with *name* for the struct.
    """
    if not isinstance(struct, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise InvalidConfig(name, f"give a {expected}, not a {type(struct).__name__}")
    try:
        return msgspec.msgpack.decode(encode_for_transfer(struct, name), type=type(struct))
    except msgspec.ValidationError as error:
        raise invalid_config(error, name) from None


def validated_provider(provider: object) -> ProviderConfig:
    """*provider*, if it is the config of a registered provider.

    Raises:
        UnknownProvider: it is not; the message lists the configs.
    """
    if not isinstance(provider, ProviderConfig):
        names = ", ".join(kind.__name__ for kind in get_args(ProviderConfig))
        given = f"the class {provider.__name__}" if isinstance(provider, type) else f"a {type(provider).__name__}"
        raise UnknownProvider(f"{given} is not the config of a provider; give one of: {names}")  # it may hold a key
    return provider


def encode_for_transfer(value: object, name: str) -> bytes:
    """*value* in MessagePack, in which it crosses process boundaries.

    Raises:
        InvalidConfig: a part of it cannot be encoded; the message names that part, with *name* for the whole.
    """
    try:
        return _encoder.encode(value)
    except _ENCODING_ERRORS as error:
        for part, field in _parts(value):
            encode_for_transfer(part, name + field)
        raise InvalidConfig(name, shown(str(error), quoted=False)) from None


def _parts(value: object) -> list[tuple[object, str]]:
    if isinstance(value, msgspec.Struct):
        fields = [(getattr(value, field), f".{field}") for field in value.__struct_fields__]
        return [(part, field) for part, field in fields if part is not msgspec.UNSET]  # which no message holds
    if isinstance(value, tuple):
        return [(part, f"[{number}]") for number, part in enumerate(cast(tuple[object, ...], value))]
    return []
