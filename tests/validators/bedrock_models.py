"""Bedrock's rules by model: what goes into ``additionalModelRequestFields`` of a request to Converse, and beside it.

From the model cards and the pages "Adaptive thinking", "Extended thinking in Amazon Nova 2", "Prompt caching" and
"Structured outputs" of AWS's guides, and from what clients report that were run against the service. Claude has the
rules of Anthropic's own API. Models without a row are not judged.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from validators import anthropic_models

Json = Mapping[str, Any]

_MIN_OUTPUT = 16
_LONG_CACHE = re.compile(r"claude-(?:fable|mythos)|claude-(?:opus|sonnet|haiku)-(?:4-[5-9]|[5-9])")
_UNCACHED = re.compile(r"claude-(?:v\d|instant|3-(?:sonnet|haiku|opus)|3-5-sonnet-20240620)")
_UNSTRUCTURED = re.compile(r"claude-(?:3|fable|(?:opus|sonnet)-4-(?:0|1|2025))|nova|llama")
_REGION = r"(?:^|/)(?:(?:us|us-gov|eu|apac|jp|au|ca|in|global)\.)?"


class Rules(NamedTuple):
    """The *fields* of a family with their values, its least *min_output*, and whether it has *sampling* and *tools*."""

    model: str
    fields: Mapping[str, Any]
    sampling: bool = True
    min_output: int = 1
    tools: bool = True


def _effort(*levels: str) -> Mapping[str, Any]:
    return {"reasoning_effort": set(levels)}


_NOVA = {"inferenceConfig": {"topK": range(1, 129)}}
_GPT = {"low", "medium", "high", "xhigh"}
FAMILIES = (
    Rules(
        r"amazon\.nova-2",
        {
            **_NOVA,
            "reasoningConfig": {"type": {"enabled", "disabled"}, "maxReasoningEffort": {"low", "medium", "high"}},
        },
    ),
    Rules(r"amazon\.nova", _NOVA),
    Rules(r"openai\.gpt-oss", _effort("low", "medium", "high")),
    Rules(r"openai\.gpt-6(?:-astra|\.1-sol)", {"reasoning": {"effort": {*_GPT, "max"}}}, False, _MIN_OUTPUT),
    Rules(r"openai\.gpt-5\.[45]", {"reasoning": {"effort": {*_GPT, "none"}}}, False, _MIN_OUTPUT),
    Rules(r"openai\.gpt-", {"reasoning": {"effort": {*_GPT, "none", "max"}}}, False, _MIN_OUTPUT),
    Rules(r"xai\.grok-4\.[67]", {"reasoning": {"effort": _GPT}}, False),
    Rules(r"deepseek\.r1", {}, tools=False),
    Rules(r"deepseek\.v3", _effort("none", "low", "medium", "high")),
    Rules(r"qwen\.qwen3-coder", {}),
    Rules(r"qwen\.qwen3", {"reasoning_config": {"none", "low", "medium", "high"}}),
    Rules(r"zai\.glm-5\.3", _effort("low", "medium", "high", "xhigh", "max")),
    Rules(r"zai\.glm-(?:4\.7|5)", _effort("none", "high")),
    Rules(r"moonshot(?:ai)?\.kimi-k3", _effort("none", "low", "medium", "high", "xhigh", "max")),
    Rules(r"moonshot(?:ai)?\.kimi-k2", _effort("low", "high", "max")),
    Rules(r"meta\.llama", {}),
)
_SAME_RULES = {
    "claude-opus-4": "claude-opus-4-0",
    "claude-sonnet-4": "claude-sonnet-4-0",
    "claude-3-7-sonnet": "claude-sonnet-4-0",
    "claude-3-5-sonnet": "claude-3-5-haiku-20241022",
    "claude-3-5-haiku": "claude-3-5-haiku-20241022",
}
"""The row of Anthropic's own table that a model has the rules of, by its name without a date."""
_CLAUDE_FIELDS = {
    "anthropic_beta",
    "output_config",
    "reasoning_config",  # the former name of thinking
    "thinking",
    "tool_choice",
    "top_k",
}


def model_violations(body: Json, model: str) -> Iterator[str]:
    """The rules of *model*, an id or an ARN with one, that *body* breaks."""
    yield from _caching(body, model)
    if _UNSTRUCTURED.search(model) and (_strict(body) or "textFormat" in body.get("outputConfig", {})):
        yield "structured output is not supported by this model"
    if claude := re.search(r"claude-[\w.-]+?(?=-20\d{6}|-v\d|$)", model):
        yield from _claude(body, claude[0])
        return
    rules = next((row for row in FAMILIES if re.search(_REGION + row.model, model)), None)
    if rules is not None:
        yield from _family(body, rules)


def _family(body: Json, rules: Rules) -> Iterator[str]:
    given: Json = body.get("additionalModelRequestFields", {})
    yield from _unknown(given, rules.fields, "additionalModelRequestFields")
    inference: Json = body.get("inferenceConfig", {})
    if not rules.sampling and (inference.keys() & {"temperature", "topP"} or "top_k" in given):
        yield "sampling settings are not supported by this model"
    if inference.get("maxTokens", rules.min_output) < rules.min_output:
        yield f"maxTokens: at least {rules.min_output}"
    if "toolConfig" in body and not rules.tools:
        yield "This model doesn't support tool use."
    reasoning: Json = given.get("reasoningConfig", {})
    if (reasoning.get("type") == "enabled") != ("maxReasoningEffort" in reasoning):
        yield "reasoningConfig: maxReasoningEffort goes with the type enabled, and only with it"
    if reasoning.get("maxReasoningEffort") == "high" and inference.keys() & {"temperature", "topP", "maxTokens"}:
        yield "inferenceConfig: must be unset with the effort high"
    choice: Json = body.get("toolConfig", {}).get("toolChoice", {})
    own = [tool for tool in body.get("toolConfig", {}).get("tools", ()) if "systemTool" in tool]
    if own and len(own) == len(body["toolConfig"]["tools"]) and choice.keys() & {"any", "tool"}:
        yield "toolChoice: system tools can't be forced"


def _unknown(given: Json, known: Mapping[str, Any], place: str) -> Iterator[str]:
    for name, value in given.items():
        wanted: Any = known.get(name)
        if wanted is None:
            yield f"{place}: extraneous key [{name}] is not permitted"
        elif isinstance(wanted, Mapping):
            yield from _unknown(value, cast(Json, wanted), f"{place}.{name}")
        elif value not in wanted:
            yield f"{place}.{name}: {value!r} is not one of {sorted(map(str, wanted))}"


def _claude(body: Json, model: str) -> Iterator[str]:
    fields: Json = body.get("additionalModelRequestFields", {})
    for name in fields.keys() - _CLAUDE_FIELDS:
        yield f"{name}: Extra inputs are not permitted"
    if "type" in fields.get("tool_choice", {}) and "toolChoice" in body.get("toolConfig", {}):
        yield "toolChoice: there is a tool_choice of the model, too"
    if fields.get("thinking", {}).get("type") == "disabled" and model == "claude-opus-4-7":
        yield '"thinking.type.disabled" is not supported for this model.'
    betas = fields.get("anthropic_beta", ())
    if model == "claude-opus-4-5" and "effort" in fields.get("output_config", {}) and "effort-2025-11-24" not in betas:
        yield "output_config.effort: needs the beta effort-2025-11-24"
    yield from anthropic_models.model_violations(as_messages_request(body, _SAME_RULES.get(model, model)))
    yield from _budget(fields.get("thinking", {}), body.get("inferenceConfig", {}))
    forced = body.get("toolConfig", {}).get("toolChoice", {}).keys() & {"any", "tool"}
    forced = forced or fields.get("tool_choice", {}).get("type") in ("any", "tool")
    if forced and fields.get("thinking", {}).get("type") == "enabled":
        yield "Thinking may not be enabled when tool_choice forces tool use."
    if "top_k" in fields and fields.get("thinking", {}).get("type") in ("enabled", "adaptive"):
        yield "`top_k` must be unset when thinking is enabled"


def _budget(thinking: Json, inference: Json) -> Iterator[str]:
    budget = thinking.get("budget_tokens")
    if budget is not None and budget < 1_024:
        yield "thinking.budget_tokens: Input should be greater than or equal to 1024"
    if budget is not None and budget >= inference.get("maxTokens", budget + 1):
        yield "`max_tokens` must be greater than `thinking.budget_tokens`"
    if thinking.get("type") in ("enabled", "adaptive"):
        if inference.get("temperature", 1) != 1:
            yield "`temperature` may only be set to 1 when thinking is enabled"
        if inference.get("topP", 1) < 0.95:
            yield "`top_p` must be greater than or equal to 0.95 when thinking is enabled"


def as_messages_request(body: Json, model: str) -> dict[str, Any]:
    """*body* to *model* in the form of Anthropic's own API, as far as its rules by model and its prefix check need it.

    https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-thinking-block-binding.html
    """
    names = {"temperature": "temperature", "topP": "top_p"}
    inference: Json = body.get("inferenceConfig", {})
    tools: Json = body.get("toolConfig", {})
    choice = next(iter(tools.get("toolChoice", {})), None)
    return {
        "model": model,
        "max_tokens": inference.get("maxTokens", 1),
        "system": [block for block in body.get("system", ()) if "text" in block],
        "messages": [
            {
                "role": message["role"],
                "content": [_block(each) for each in message["content"] if "cachePoint" not in each],
            }
            for message in body["messages"]
        ],
        "tools": [tool.get("toolSpec", tool) for tool in tools.get("tools", ()) if "cachePoint" not in tool],
        **({"tool_choice": {"type": choice}} if choice else {}),
        **{theirs: inference[ours] for ours, theirs in names.items() if ours in inference},
        **body.get("additionalModelRequestFields", {}),
    }


def _block(block: Json) -> dict[str, Any]:
    match block:
        case {"text": text}:
            return {"type": "text", "text": text}
        case {"reasoningContent": {"redactedContent": data}}:
            return {"type": "redacted_thinking", "data": data}
        case {"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}}:
            return {"type": "thinking", "thinking": text, "signature": signature}
        case _:
            [(kind, value)] = block.items()
            return {"type": kind, "value": value}


def _caching(body: Json, model: str) -> Iterator[str]:
    lists = [body.get("system", ()), body.get("toolConfig", {}).get("tools", ())]
    lists += [message["content"] for message in body["messages"]]
    marks = [block["cachePoint"] for blocks in lists for block in blocks if "cachePoint" in block]
    caches = "nova" in model or ("claude" in model and not _UNCACHED.search(model))
    if marks and not caches:
        yield "cachePoint: this model does not support prompt caching"
    if any(mark.get("ttl", "5m") != "5m" for mark in marks) and not _LONG_CACHE.search(model):
        yield "cachePoint: the ttl 1h is not supported by this model"


def _strict(body: Json) -> bool:
    tools = body.get("toolConfig", {}).get("tools", ())
    return any(tool.get("toolSpec", {}).get("strict") for tool in tools)
