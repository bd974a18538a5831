"""Why an answer of Bedrock ended."""

from collections.abc import Iterator
from typing import Any, cast

from ..schema.stop_reasons import StopDetails, StopReason
from ..wire.stop_reasons import stop_reason
from .model_families import Family

_REASONS = {
    "end_turn": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "guardrail_intervened": StopReason.CONTENT_FILTER,
    "content_filtered": StopReason.CONTENT_FILTER,
    "malformed_model_output": StopReason.OTHER,
    "malformed_tool_use": StopReason.OTHER,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}
_NOTHING: dict[str, Any] = {}
# AWS's examples for Claude 5.5 (aws-samples, anthropic-on-aws): Converse reports a refusal of Claude so.
_CLAUDE_REASONS = _REASONS | {"content_filtered": StopReason.REFUSAL}


def stop_reason_of(raw: str, family: Family) -> StopReason:
    """The reason *raw*, as a model of *family* means it."""
    return stop_reason(_CLAUDE_REASONS if family is Family.CLAUDE else _REASONS, raw)


def stop_details_of(reason: str, trace: object, maker_fields: object) -> StopDetails | None:
    """What is known about the stop *reason*.

    *trace* has what a guardrail found, if its trace is on; *maker_fields* Claude's own details of a refusal, if the
    request asked for them. https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseTrace.html
    """
    if refusal := _object(maker_fields, "stop_details"):
        category, explanation = _text(refusal.get("category")), _text(refusal.get("explanation"))
        return StopDetails(category=category, explanation=explanation, vendor=refusal)
    guardrail = _object(trace, "guardrail")
    if not guardrail or reason != "guardrail_intervened":
        return None
    blocked = next(_blocked([guardrail.get("inputAssessment"), guardrail.get("outputAssessments")]), _NOTHING)
    category = _text(blocked.get("type")) or _text(blocked.get("name"))
    return StopDetails(category=category, explanation=_text(guardrail.get("actionReason")), vendor=guardrail)


def thinking_tokens_of(maker_fields: object) -> int | None:
    """How many of Claude's output tokens were thinking, if the request asked for its own count."""
    match maker_fields:
        case {"usage": {"output_tokens_details": {"thinking_tokens": int(tokens)}}} if 0 <= tokens < 2**53:
            return tokens
        case _:
            return None


def _blocked(value: object) -> Iterator[dict[str, Any]]:
    """The findings in *value* for which something was blocked, each with a type (``VIOLENCE``) or a name."""
    match value:
        case {"action": "BLOCKED"}:
            yield cast("dict[str, Any]", value)
        case dict():
            yield from _blocked(list(cast("dict[str, object]", value).values()))
        case list():
            for item in cast("list[object]", value):
                yield from _blocked(item)
        case _:
            pass


def _object(value: object, member: str) -> dict[str, Any]:
    """The object *member* of *value*; empty where there is none."""
    inner = cast("dict[str, object]", value).get(member) if isinstance(value, dict) else None
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else _NOTHING


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
