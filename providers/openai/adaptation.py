"""What a server turns out to want when it rejects a request: the request is repeated at once, and it is remembered."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import msgspec

from ..schema.errors import InvalidRequest, ProviderError
from .dialect import Dialect

_BAD_REQUEST = (400, 422)
STREAM_OPTIONS = ("stream_options", "include_usage")
"""The names by which a server refuses the member. vLLM before 0.4.3 and Fireworks: "Extra inputs are not permitted";
Azure before 2024-09-01-preview: "Unrecognized request argument supplied: stream_options"."""

_json = msgspec.json.Decoder().decode


def adapted(dialect: Dialect, error: ProviderError) -> Dialect | None:
    """*dialect* as the server wants it, by the *error* that it answered with; ``None`` if that says nothing of it."""
    if not isinstance(error, InvalidRequest) or error.status not in _BAD_REQUEST:
        return None
    given = "stream_options" in (dialect.extra_body or {})
    if dialect.stream_options and not given and any(name in error.message for name in STREAM_OPTIONS):
        return replace(dialect, stream_options=False)
    return None


def refused_member(status: int, body: bytes) -> str | None:
    """The one of ``STREAM_OPTIONS`` that *body* names as the place of its error, in ``param`` or in ``loc``."""
    if status not in _BAD_REQUEST:
        return None
    try:
        places = set(_places(_json(body), depth=5))
    except (ValueError, RecursionError):
        return None
    return next((name for name in STREAM_OPTIONS if name in places), None)


def _places(part: object, depth: int) -> list[str]:
    """The names in *part* of a body that say where an error is, as OpenAI's and FastAPI's errors do."""
    if not depth:
        return []
    if isinstance(part, list):
        return [name for item in cast("list[object]", part) for name in _places(item, depth - 1)]
    if not isinstance(part, dict):
        return []
    members = cast("Mapping[str, object]", part)
    named = [members.get("param"), *_items(members.get("loc"))]
    inner = (members.get(name) for name in ("error", "detail", "message", "errors"))
    names = [name for each in named if isinstance(each, str) for name in each.split(".")]
    return [*names, *(name for each in inner for name in _places(each, depth - 1))]


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]
