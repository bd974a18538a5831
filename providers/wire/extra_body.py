"""``extra_body`` and ``extra_headers``: members and headers of requests that this package does not know."""

from collections.abc import Collection, Mapping
from typing import Any, cast

import msgspec

from ..schema.checks.shown import shown
from ..schema.config import HTTPConfig
from ..schema.errors import InvalidConfig

_Object = dict[str, Any]

_OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "api-key",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "x-api-key",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
        "x-goog-api-key",
    }
)
_HEADER_NAME_CHARS = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


def check_extras(config: HTTPConfig, own_members: Collection[str], lists: Collection[str] = ()) -> None:
    """Check *config*'s extra members and headers. *own_members* are the members that the package may set itself.

    A nested member is named by its path, such as ``generationConfig.seed``: then other members of that object are free.
    *lists* are the members to which the package may add entries of its own.

    Raises:
        InvalidConfig: a member or a header is one of the package's own, or can't be sent.
    """
    for path, value in _leaves(config.extra_body or {}):
        parts = path.split(".")
        prefixes = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        nested = any(name.startswith(f"{path}.") for name in own_members)
        if nested or not prefixes.isdisjoint(own_members):
            raise InvalidConfig(
                f"provider.extra_body.{path}", "this member is set by the session's settings; use those instead"
            )
        if path in lists and not isinstance(value, list | tuple):
            raise InvalidConfig(f"provider.extra_body.{path}", "give a list")
    try:
        msgspec.json.encode(config.extra_body)
    except (TypeError, ValueError) as problem:
        raise InvalidConfig("provider.extra_body", f"it can't be written as JSON: {problem}") from None
    check_headers(config)


def check_headers(config: HTTPConfig) -> None:
    """Check *config*'s extra headers.

    Raises:
        InvalidConfig: one is the package's own, or can't be sent.
    """
    for name, value in (config.extra_headers or {}).items():
        _check_header(name, value)


def merged(head: _Object, extra: Mapping[str, Any] | None) -> _Object:
    """*head* with the members of *extra*; objects that are in both are merged."""
    if not extra:
        return head
    result = dict(head)
    for name, value in extra.items():
        own = result.get(name)
        both = isinstance(own, dict) and isinstance(value, Mapping)
        result[name] = merged(cast(_Object, own), cast("Mapping[str, Any]", value)) if both else value
    return result


def _leaves(extra: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The paths and values of all members of *extra* that are not objects themselves."""
    leaves: list[tuple[str, Any]] = []
    for name, value in extra.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            leaves += _leaves(cast("Mapping[str, Any]", value), f"{path}.")
        else:
            leaves.append((path, extra[name]))
    return leaves


def _check_header(name: str, value: str) -> None:
    field = f"provider.extra_headers[{shown(name)}]"
    if name.lower() in _OWN_HEADERS:
        raise InvalidConfig(field, "this header is set by the package; use the fields of the config instead")
    if not name or not set(name.lower()) <= _HEADER_NAME_CHARS:
        raise InvalidConfig(field, "give the name of an HTTP header")
    if not (value.isascii() and value.isprintable()):
        raise InvalidConfig(field, "its value contains characters that an HTTP header can't contain")
