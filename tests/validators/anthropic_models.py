"""Anthropic's rules by model: one row for each model that its documentation names.

From "Models overview", "Adaptive thinking", "Effort", "Troubleshooting thinking", "Mid-conversation system messages"
and the migration guides up to Opus 5.5, Sonnet 5.5, Haiku 5.5 and Fable 5.2.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Json = Mapping[str, Any]


class Rules(NamedTuple):
    """What a model accepts.

    *thinking* are the types of thinking; *sampling* is ``none``, ``one`` of temperature and top_p, or ``both``;
    *forced* is about a tool choice that leaves no choice.
    """

    thinking: str
    efforts: str
    sampling: str
    forced: bool
    output: int
    prefill: bool = False
    schemas: bool = True
    system_messages: bool = True


_THREE = "low medium high"
_FOUR = f"{_THREE} max"
_FIVE = f"{_THREE} xhigh max"
_FABLE_5 = Rules("adaptive", _FIVE, "none", True, 128_000)
_PRESERVING = Rules("adaptive", _FIVE, "none", False, 128_000)
_FOUR_SIX = Rules("adaptive enabled disabled", _FOUR, "one", True, 128_000, prefill=False, system_messages=False)
_FOUR_FIVE = Rules("enabled disabled", "", "one", True, 64_000, prefill=True, system_messages=False)

MODELS = {
    "claude-fable-5-2": _PRESERVING,
    "claude-mythos-5-2": _PRESERVING,
    "claude-fable-5-1": _PRESERVING,
    "claude-mythos-5-1": _PRESERVING,
    "claude-opus-5-5": _PRESERVING,
    "claude-sonnet-5-5": _PRESERVING._replace(thinking="adaptive between_tools"),
    "claude-haiku-5-5": _PRESERVING._replace(thinking="adaptive disabled", forced=True),
    "claude-fable-5": _FABLE_5,
    "claude-mythos-5": _FABLE_5,
    "claude-opus-5": _FABLE_5._replace(thinking="adaptive disabled"),
    "claude-sonnet-5": _FABLE_5._replace(thinking="adaptive disabled", system_messages=False),
    "claude-opus-4-8": _FABLE_5._replace(thinking="adaptive disabled"),
    "claude-opus-4-7": Rules("adaptive disabled", _FIVE, "none", True, 128_000, system_messages=False),
    "claude-opus-4-6": _FOUR_SIX,
    "claude-sonnet-4-6": _FOUR_SIX,
    "claude-opus-4-5": _FOUR_FIVE._replace(efforts=_THREE),
    "claude-haiku-4-5": _FOUR_FIVE,
    "claude-sonnet-4-5": _FOUR_FIVE,
    "claude-opus-4-1": _FOUR_FIVE._replace(output=32_000),
    "claude-opus-4-0": _FOUR_FIVE._replace(output=32_000, sampling="both", schemas=False),
    "claude-sonnet-4-0": _FOUR_FIVE._replace(sampling="both", schemas=False),
    "claude-3-5-haiku-20241022": Rules("", "", "both", True, 8_192, prefill=True, schemas=False, system_messages=False),
}
_LIMITED_WHEN_OFF = ("claude-opus-5", "claude-sonnet-5-5", "claude-haiku-5-5")
"""With thinking off, these take no effort above high."""
_SAMPLING = ("temperature", "top_p", "top_k")


def model_violations(body: Json) -> Iterator[str]:
    """The rules of its model that *body* breaks; none for a model that is not in the documents."""
    rules = MODELS.get(body["model"])
    if rules is None:
        return
    yield from _thinking(body, rules)
    yield from _sampling(body, rules)
    if body.get("tool_choice", {}).get("type") in ("any", "tool") and not rules.forced:
        yield 'tool_choice: type "tool" and "any" are not supported for this model.'
    if body["max_tokens"] > rules.output:
        yield f"max_tokens: {body['max_tokens']} > {rules.output}, which is the maximum allowed for {body['model']}"
    if _is_prefilled(body) and not rules.prefill:
        yield "This model does not support assistant message prefill. The conversation must end with a user message."
    if any(message["role"] == "system" for message in body["messages"]) and not rules.system_messages:
        yield "role 'system' is not supported on this model"
    strict = any(tool.get("strict") for tool in body.get("tools", ()))
    if (strict or "format" in body.get("output_config", {})) and not rules.schemas:
        yield "structured outputs are not supported on this model"


def _thinking(body: Json, rules: Rules) -> Iterator[str]:
    kind = body.get("thinking", {}).get("type")
    if kind is not None and kind not in rules.thinking.split():
        yield f'"thinking.type.{kind}" is not supported for this model.'
    effort = body.get("output_config", {}).get("effort")
    if effort is not None and effort not in rules.efforts.split():
        yield f"output_config.effort: {effort!r} is not supported for this model"
    is_off = kind in ("disabled", "between_tools")
    if is_off and effort in ("xhigh", "max") and body["model"] in _LIMITED_WHEN_OFF:
        yield f"output_config.effort: {effort!r} requires thinking"


def _sampling(body: Json, rules: Rules) -> Iterator[str]:
    given = [name for name in _SAMPLING if name in body]
    if given and rules.sampling == "none":
        yield f"`{given[0]}` is deprecated for this model"
    if rules.sampling == "one" and {"temperature", "top_p"} <= body.keys():
        yield "`temperature` and `top_p` cannot both be specified for this model. Please use only one."


def _is_prefilled(body: Json) -> bool:
    """True if the answer would continue a message of the assistant. A compaction may follow its turn."""
    last = body["messages"][-1]
    return last["role"] == "assistant" and "compaction" not in body and not _is_paused(last)


def _is_paused(message: Json) -> bool:
    """True if the turn ends in a tool that the provider runs itself."""
    content: str | list[Json] = message["content"]
    last: Json = content[-1] if isinstance(content, list) else {}
    return str(last.get("type")).endswith("_tool_result") or last.get("type") == "server_tool_use"
