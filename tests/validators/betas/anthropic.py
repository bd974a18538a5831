"""Anthropic's rules for what is part of a beta: compaction on demand, and fallbacks after a refusal.

https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand and .../refusals-and-fallback; the names of
fields are those of the SDK's beta parameter types.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

COMPACTION_BETA = "compact-2026-09-04"
FALLBACK_BETA = "server-side-fallback-2026-07-01"

Json = Mapping[str, Any]


class _Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class CompactionBlock(_Strict, tag_field="type", tag="compaction"):
    content: str
    signature: str
    tool_changes: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None
    cache_control: dict[str, Any] | None = None


class _ModelName(_Strict):
    model: Annotated[str, Meta(min_length=1)]


class FallbackBlock(_Strict, tag_field="type", tag="fallback", rename={"from_": "from"}):
    from_: _ModelName
    to: _ModelName
    trigger: dict[str, Any] | None = None


class Compaction(_Strict):
    type: Literal["summarize"]
    instructions: Annotated[str, Meta(max_length=16_384)] | None = None


class Fallback(_ModelName):
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    thinking: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    speed: str | None = None


def beta_violations(body: Json, betas: Sequence[str]) -> Iterator[str]:
    """The reasons for which the API would reject what *body* has of these betas, with the header's *betas*."""
    places = [
        (number, position, block["type"])
        for number, message in enumerate(body["messages"])
        if not isinstance(message["content"], str)
        for position, block in enumerate(message["content"])
    ]
    summaries = [(number, position) for number, position, kind in places if kind == "compaction"]
    if len(summaries) > 1:
        yield "compaction_block_ambiguous"
    if any(place != (0, 0) for place in summaries):
        yield "compaction_block_misplaced"
    if ("compaction" in body or summaries) and COMPACTION_BETA not in betas:
        yield f"requires anthropic-beta: {COMPACTION_BETA}"
    if "compaction" in body:
        yield from _with_compaction(body)
    has_fallback = any(kind == "fallback" for _, _, kind in places)
    if ("fallbacks" in body or has_fallback) and FALLBACK_BETA not in betas:
        yield f"requires anthropic-beta: {FALLBACK_BETA}"
    for number in {number for number, _, kind in places if kind == "fallback"}:
        yield from _before_fallback(number, [kind for place, _, kind in places if place == number])


def _with_compaction(body: Json) -> Iterator[str]:
    for name in ("context_management", "stop_sequences"):
        if body.get(name):
            yield f"compaction: not with {name}"
    if (body.get("output_config") or {}).get("format"):
        yield "compaction: not with output_config.format"
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "compaction: not with a forced tool"


def _before_fallback(number: int, kinds: Sequence[str]) -> Iterator[str]:
    last = len(kinds) - 1 - list(reversed(kinds)).index("fallback")
    for kind in kinds[:last]:
        if kind in ("thinking", "redacted_thinking", "tool_use"):
            yield f"messages.{number}: {kind} from before the last fallback block"
