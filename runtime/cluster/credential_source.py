"""Where the credentials come from that provider configs leave out: the environment, or a function of the program."""

import asyncio
import os
from collections import ChainMap
from collections.abc import Mapping
from importlib import import_module

import msgspec

from ...providers.schema.errors import InvalidConfig
from ..api.options import ENVIRONMENT

_FIELD = "credentials"


async def environ_of(source: str) -> Mapping[str, str]:
    """The environment variables, with those that *source* adds or has instead.

    A function is called in a thread of its own each time: it may ask a service, and a secret may change.

    Raises:
        InvalidConfig: there is no such function, it raises, or it returns something else.
    """
    return os.environ if source == ENVIRONMENT else await asyncio.to_thread(_called, source)


def _called(source: str) -> Mapping[str, str]:
    module, _, name = source.partition(":")
    try:
        found: object = getattr(import_module(module), name)()
    except Exception as error:
        raise InvalidConfig(
            _FIELD, f"{source} raised {type(error).__name__}, which is the cause of this error"
        ) from error
    try:
        return ChainMap(msgspec.convert(found, dict[str, str]), os.environ)
    except msgspec.ValidationError:
        kind = type(found).__name__
        problem = f"{source} must return the values of environment variables by name, not a {kind}"
        raise InvalidConfig(_FIELD, problem) from None
