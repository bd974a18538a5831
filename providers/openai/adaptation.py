"""What a server turns out to want when it rejects a request: the request is repeated at once, and it is remembered."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import msgspec

from ..schema.errors import InvalidRequest, ProviderError
from .dialect import Dialect, Needs

_BAD_REQUEST = (400, 422)
STREAM_OPTIONS = ("stream_options", "include_usage")
"""The names by which a server refuses the member.

Mistral (a 422), vLLM before 0.4.3 and Fireworks: "Extra inputs are not permitted"
(https://github.com/openai/openai-agents-python/issues/442); Azure before 2024-09-01-preview: "Unrecognized request
argument supplied: stream_options".
"""

_json = msgspec.json.Decoder().decode


# In lower case. DeepSeek: "The `reasoning_content` in the thinking mode must be passed back to the API", "Missing
# `reasoning_content` field in the assistant message"; Kimi: "reasoning_content is missing in assistant tool call
# message".
_wants_thinking = re.compile(
    "reasoning_content.*(must be passed back|missing)|missing.*reasoning_content", re.DOTALL
).search

# Gemini: "Function call is missing a thought_signature in functionCall parts".
_wants_signatures = re.compile("missing a thought_signature").search

# Mistral: "Unexpected role 'user' after role 'tool'"; the templates of its models: "conversation roles must alternate".
_wants_answers = re.compile("role '?user'? after role '?tool|roles must alternate").search


def adapted(sent: Dialect, known: Dialect, error: ProviderError) -> Dialect | None:
    """*known*, changed by what the *error* says that *sent* got wrong; ``None`` if that is nothing.

    Each thing is learned once, so a request is repeated a few times at most.
    """
    if error.status is None:
        return None
    message = error.message.lower()
    if isinstance(error, InvalidRequest) and error.status in _BAD_REQUEST and sent.stream_options:
        given = "stream_options" in (sent.extra_body or {})
        if not given and any(name in message for name in STREAM_OPTIONS):
            return replace(known, stream_options=False)
    if sent.own or sent.api != "chat":
        return None
    learned = Needs(
        thinking=bool(_wants_thinking(message)),
        signatures=bool(_wants_signatures(message)),
        answers=bool(_wants_answers(message)),
    )
    if sent.needs.and_also(learned) == sent.needs:
        return None
    return replace(known, needs=known.needs.and_also(learned))


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
