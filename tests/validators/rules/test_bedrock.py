"""The validator of requests to Bedrock."""

from typing import Any

import pytest
from validators.bedrock import violations

Json = dict[str, Any]

CAW: Json = {"text": "Caw"}
HI: Json = {"role": "user", "content": [{"text": "Hi"}]}
SIGNED: Json = {"reasoningContent": {"reasoningText": {"text": "Shiny", "signature": "s"}}}
FLY: Json = {"toolUse": {"toolUseId": "t1", "name": "fly", "input": {}}}
FLOWN: Json = {"toolResult": {"toolUseId": "t1", "content": [{"text": "done"}], "status": "success"}}
SERVER_TOOL_USE: Json = {"toolUse": {"toolUseId": "t9", "name": "search", "input": {}, "type": "server_tool_use"}}
SERVER_TOOL_RESULT: Json = {"toolResult": {"toolUseId": "t9", "content": []}}
TOOLS: Json = {"tools": [{"toolSpec": {"name": "fly", "inputSchema": {"json": {"type": "object"}}}}]}
PDF: Json = {"document": {"format": "pdf", "name": "Ravens (2)", "source": {"bytes": "eA=="}}}
PNG: Json = {"image": {"format": "png", "source": {"bytes": "eA=="}}}
MARK: Json = {"cachePoint": {"type": "default"}}
HOUR: Json = {"cachePoint": {"type": "default", "ttl": "1h"}}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": [*blocks]}


def strict(name: str) -> Json:
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}, "strict": True}}


def fields(**own: object) -> Json:
    return body(additionalModelRequestFields=own)


def named_document(name: str) -> Json:
    return {"document": PDF["document"] | {"name": name}}


def body(*messages: Json, **more: object) -> Json:
    return {"messages": [*messages] or [HI], **more}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body(HI, assistant(CAW), HI),
        body(HI, assistant(SIGNED, CAW, FLY), user(FLOWN, CAW), toolConfig=TOOLS),
        body(HI, assistant(SERVER_TOOL_USE, SERVER_TOOL_RESULT, CAW), HI, toolConfig=TOOLS),
        body(user(CAW, PDF, PNG, named_document("Crows")), system=[CAW, MARK]),
        body(user(CAW, MARK), inferenceConfig={"maxTokens": 5, "temperature": 0.5, "stopSequences": ["END"]}),
        body(toolConfig=TOOLS | {"toolChoice": {"tool": {"name": "fly"}}}),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (body(max_tokens=5), "Unknown parameter"),
        (body(inferenceConfig={"maxTokens": 0}), "min value: 1"),
        (body(user(CAW | PNG)), "tagged union"),
        (body(user(CAW, {"image": PNG["image"] | {"format": "bmp"}})), "not one of png"),
        (body(HI, assistant({"toolUse": FLY["toolUse"] | {"toolUseId": "a b"}})), "does not match"),
        (body(assistant(CAW)), "start with a user message"),
        (body(HI, HI), "alternate"),
        (body(user()), "empty"),
        (body(user({"text": " "})), "blank"),
        (body(user({"text": "\ufeff"})), "blank"),
        (body(user(PDF)), "needs a text"),
        (body(HI, assistant(CAW, PNG)), "only user messages"),
        (body(user(SIGNED)), "User messages cannot"),
        (body(user(CAW, *[PNG] * 21)), "too many"),
        (body(user(CAW, *[named_document(f"{number}") for number in range(6)])), "too many"),
        (body(HI, assistant(FLY), toolConfig=TOOLS), "have no results"),
        (body(HI, assistant(FLY), HI, toolConfig=TOOLS), "right before"),
        (body(HI, assistant(FLY), user(FLOWN, FLOWN), toolConfig=TOOLS), "right before"),
        (body(HI, assistant(FLY), user(FLOWN), assistant(FLY), user(FLOWN), toolConfig=TOOLS), "unique"),
        (body(HI, assistant(FLY), user(FLOWN)), "toolConfig field must be defined"),
        (body(user(CAW, PDF, PDF)), "names must be unique"),
        (body(user(CAW, named_document("a_b"))), "invalid characters"),
        (body(user(CAW, named_document("a  b"))), "invalid characters"),
        (body(toolConfig={"tools": TOOLS["tools"] * 2}), "names must be unique"),
        (body(toolConfig=TOOLS | {"toolChoice": {"tool": {"name": "sit"}}}), "no tool 'sit'"),
        (body(user(MARK, CAW)), "nothing available"),
        (body(HI, assistant(SIGNED, MARK, CAW), HI), "after reasoningContent"),
        (body(user(CAW, PDF, MARK)), "after document"),
        (body(*[user(CAW, MARK), assistant(CAW)] * 5), "at most 4"),
        (body(user(CAW, MARK, CAW, HOUR)), "1h must not come after"),
        (body(HI, assistant(CAW, SIGNED), HI), "final block"),
        (body(guardrailConfig={"guardrailIdentifier": "abc"}), "a version are required"),
        (body(guardrailConfig={"guardrailIdentifier": "A", "guardrailVersion": "1"}), "does not match"),
        (body(serviceTier={"type": "auto"}), "not one of priority"),
        (body(requestMetadata={"ü": ""}), "does not match"),
        (body(requestMetadata={f"k{number}": "" for number in range(17)}), "at most 16"),
        (body(toolConfig={"tools": [strict(f"fly{number}") for number in range(21)]}), "at most 20 strict"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken


OPUS_4_5 = "us.anthropic.claude-opus-4-5-20251101-v1:0"
OPUS_4_7, OPUS_5_5 = "us.anthropic.claude-opus-4-7", "global.anthropic.claude-opus-5-5"
NOVA_1, NOVA_2 = "us.amazon.nova-lite-v1:0", "us.amazon.nova-2-lite-v1:0"
ANY: Json = {"any": {}}
FORCED: Json = body(toolConfig={**TOOLS, "toolChoice": ANY})
SCHEMA: Json = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}}
BETA = ["effort-2025-11-24"]


@pytest.mark.parametrize(
    ("good", "model"),
    [
        (fields(thinking={"type": "adaptive", "display": "summarized"}, output_config={"effort": "max"}), OPUS_5_5),
        (fields(output_config={"effort": "low"}, anthropic_beta=BETA), OPUS_4_5),
        (fields(thinking={"type": "enabled", "budget_tokens": 1_024}, top_k=5), "us.meta.unknown"),
        (fields(tool_choice={"type": "none"}) | {"toolConfig": TOOLS}, OPUS_5_5),
        (fields(reasoningConfig={"type": "enabled", "maxReasoningEffort": "high"}), NOVA_2),
        (fields(reasoningConfig={"type": "disabled"}, inferenceConfig={"topK": 5}), NOVA_2),
        (fields(reasoning_effort="low"), "openai.gpt-oss-20b-1:0"),
        (fields(reasoning={"effort": "none"}), "us.openai.gpt-6-sol"),
        (fields(reasoning_config="none"), "qwen.qwen3-32b-v1:0"),
        (FORCED, OPUS_4_7),
        (body(outputConfig=SCHEMA), OPUS_5_5),
        (body(user(CAW, HOUR)), OPUS_5_5),
        (body(user(CAW, MARK)), NOVA_2),
    ],
)
def test_a_request_that_a_model_takes_has_no_violations(good: Json, model: str) -> None:
    assert violations(good, model) == []


@pytest.mark.parametrize(
    ("bad", "model", "problem"),
    [
        (fields(thinking={"type": "enabled", "budget_tokens": 2_000}), OPUS_5_5, "thinking.type.enabled"),
        (fields(thinking={"type": "disabled"}), OPUS_4_7, "thinking.type.disabled"),
        (fields(output_config={"effort": "low"}), OPUS_4_5, "beta"),
        (fields(seed=5), OPUS_5_5, "Extra inputs"),
        (fields(tool_choice={"type": "none"}) | FORCED, OPUS_4_7, "of the model, too"),
        (FORCED, OPUS_5_5, "not supported for this model"),
        (body(inferenceConfig={"temperature": 0.5}), OPUS_5_5, "`temperature`"),
        (fields(top_k=5), OPUS_5_5, "`top_k`"),
        (fields(thinking={"type": "enabled", "budget_tokens": 500}), OPUS_4_5, "1024"),
        (fields(thinking={"type": "enabled", "budget_tokens": 2_000}) | FORCED, OPUS_4_5, "forces tool use"),
        (fields(thinking={"type": "adaptive"}), NOVA_2, "extraneous key"),
        (fields(reasoningConfig={"type": "disabled"}), NOVA_1, "extraneous key"),
        (fields(reasoningConfig={"type": "enabled"}), NOVA_2, "maxReasoningEffort"),
        (fields(reasoningConfig={"type": "enabled", "maxReasoningEffort": "max"}), NOVA_2, "not one of"),
        (
            fields(reasoningConfig={"type": "enabled", "maxReasoningEffort": "high"})
            | {"inferenceConfig": {"maxTokens": 5}},
            NOVA_2,
            "must be unset",
        ),
        (fields(reasoning_effort="none"), "openai.gpt-oss-20b-1:0", "not one of"),
        (fields(reasoning_effort="low"), "us.openai.gpt-6-sol", "extraneous key"),
        (fields(reasoning={"effort": "none"}), "us.openai.gpt-6-astra", "not one of"),
        (body(inferenceConfig={"maxTokens": 5}), "us.openai.gpt-6-sol", "at least 16"),
        (body(inferenceConfig={"topP": 0.5}), "us.xai.grok-4.7", "sampling"),
        (fields(reasoning_effort="low"), "us.deepseek.r1-v1:0", "extraneous key"),
        (body(toolConfig=TOOLS), "us.deepseek.r1-v1:0", "tool use"),
        (body(outputConfig=SCHEMA), NOVA_2, "structured output"),
        (body(outputConfig=SCHEMA), "global.anthropic.claude-fable-5-1", "structured output"),
        (body(toolConfig={"tools": [strict("fly")]}), "meta.llama3-2-1b-instruct-v1:0", "structured output"),
        (body(user(CAW, HOUR)), NOVA_2, "ttl 1h"),
        (body(user(CAW, MARK)), "meta.llama3-2-1b-instruct-v1:0", "prompt caching"),
    ],
)
def test_a_request_that_a_model_rejects_has_its_violation(bad: Json, model: str, problem: str) -> None:
    broken = violations(bad, model)

    assert any(problem in violation for violation in broken), broken
