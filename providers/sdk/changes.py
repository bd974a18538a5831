"""Tells a change in an SDK from a bug of this package, and from an SDK that is not installed.

This package uses parts of SDKs that are private, undocumented or new. When such a part moves, Python raises an
``AttributeError``, ``TypeError``, ``ImportError``, ``NameError`` or ``NotImplementedError``. A bug of ours does so as
well; the traceback tells which it is.
"""

import re
from collections.abc import Callable
from traceback import walk_tb
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TypeVar, cast

from ..schema.errors import IncompatibleSDK, MissingExtra
from .versions import MODULES, SDK_OF_EXTRA, TESTED, distribution_of, installed_version, requires, top_module

SIGNS = (AttributeError, TypeError, ImportError, NameError, NotImplementedError)
"""The errors of code that calls something that has changed."""

_OWN = __name__.partition(".")[0]
_PROBLEM_CHARS = 300
# google-auth decodes tokens by itself, and what it does to malformed ones looks like a change: a TypeError.
_TOKEN_READERS = ("google.auth.", "google.oauth2.")
_imported_name = re.compile(r"cannot import name '(\w+)'").match  # Python 3.11 has it in the text only
_USERS: dict[CodeType, str] = {}
F = TypeVar("F", bound=Callable[..., object])


def uses(distribution: str) -> Callable[[F], F]:
    """Mark a function as one that calls *distribution* directly.

    A call that doesn't fit what is called fails in the caller: in a function so marked, it is the SDK that has changed.
    """

    def mark(function: F) -> F:
        _USERS[cast(FunctionType, function).__code__] = distribution
        return function

    return mark


def request_error(error: Exception, provider: str) -> IncompatibleSDK | None:
    """The error for *error* of making a request; ``None`` if it is no sign of a changed SDK.

    A bug of this package, which an SDK may have wrapped, is raised as it is.
    """
    sign = _sign_in(error)
    if sign is None or _innermost_module(sign).startswith(_TOKEN_READERS):
        return None
    if incompatible := _incompatible(_changed(sign), sign, provider):
        return incompatible
    raise sign from None


def opening_error(error: Exception, provider: str, extra: str) -> MissingExtra | IncompatibleSDK | None:
    """The error for *error*, one of ``SIGNS``, of opening a client, whose SDK *extra* installs.

    ``None`` if it is a bug of this package.
    """
    missing = _missing_module(error)
    if missing and not _is_installed(missing):
        sdk = _without_library(SDK_OF_EXTRA.get(extra), distribution_of(missing))
        return _incompatible(sdk, error, provider) or MissingExtra(provider, extra)
    return _incompatible(_changed(error), error, provider)


def _sign_in(error: BaseException | None) -> Exception | None:
    """The first of ``SIGNS`` in *error* and its causes: SDKs wrap what their transport raises."""
    while error is not None and not isinstance(error, SIGNS):
        error = error.__cause__
    return error


def _missing_module(error: Exception) -> str | None:
    """The module that *error* says was not found, if it may be that.

    ``from google import genai`` raises no ``ModuleNotFoundError`` where another distribution, such as protobuf, has
    made the namespace ``google``.
    """
    if isinstance(error, ModuleNotFoundError):
        return error.name
    name = _imported_name(str(error)) if isinstance(error, ImportError) else None
    module = f"{error.name}.{name[1]}" if isinstance(error, ImportError) and name else ""
    return module if module in MODULES else None


def _without_library(sdk: str | None, library: str | None) -> str | None:
    """*sdk* if it is installed but has come to do without *library*, which only an SDK brings."""
    if sdk is None or library in (None, sdk) or installed_version(sdk) is None:
        return None
    return None if requires(sdk, library) or requires(_OWN, library) else sdk


def _is_installed(module: str) -> bool:
    """True if the top module above *module*, which itself can't be found, can be found."""
    from importlib.util import find_spec

    try:
        return find_spec(top_module(module)) is not None
    except ModuleNotFoundError:  # not even the namespace that it is in
        return False


def _incompatible(distribution: str | None, error: Exception, provider: str) -> IncompatibleSDK | None:
    if distribution is None:
        return None
    problem = f"{type(error).__name__}: {error}"[:_PROBLEM_CHARS]
    installed = installed_version(distribution) or "of an unknown version"
    return IncompatibleSDK(provider, distribution, installed, TESTED[distribution], problem)


def _changed(error: Exception) -> str | None:
    """The distribution whose change raised *error*.

    It is raised in the innermost frame that belongs to an SDK or to this package: libraries further in, the standard
    one included, do what they are told.
    """
    if isinstance(error, ImportError) and error.name:
        if _is_own(error.name):
            return None
        if distribution := distribution_of(error.name):
            return distribution
    for frame in _frames(error):
        module = _module_of(frame)
        if distribution := distribution_of(module):
            return distribution
        if _is_own(module):
            return _changed_for_us(error, _USERS.get(frame.f_code))
    return None


def _changed_for_us(error: Exception, used: str | None) -> str | None:
    """The distribution whose change raised *error* in a function of ours, which uses the distribution *used*."""
    match error:
        case AttributeError(obj=object() as value):
            module = _origin(value)
            return distribution_of(module) or (None if _is_own(module) else used)
        case NameError():
            return None
        case _:
            return used


def _origin(value: object) -> str:
    """The module that *value* is, or that it or its class is defined in."""
    if isinstance(value, ModuleType):
        return value.__name__
    return value.__module__ if isinstance(value, type) else type(value).__module__


def _is_own(module: str) -> bool:
    return module == _OWN or module.startswith(f"{_OWN}.")


def _innermost_module(error: Exception) -> str:
    return next((_module_of(frame) for frame in _frames(error)), "")


def _frames(error: Exception) -> list[FrameType]:
    """The frames of *error*, the one that raised it first."""
    return [frame for frame, _ in walk_tb(error.__traceback__)][::-1]


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__"))
