"""The validator of requests to Anthropic: compaction on demand, and fallbacks."""

from typing import Any

import pytest
from validators.anthropic import violations
from validators.betas.anthropic import COMPACTION_BETA, FALLBACK_BETA

Json = dict[str, Any]

HI: Json = {"role": "user", "content": "Hi"}
CAW: Json = {"type": "text", "text": "Caw"}
SUMMARY: Json = {"type": "compaction", "content": "They greeted.", "signature": "s"}
SIGNED: Json = {"type": "thinking", "thinking": "Shiny", "signature": "s"}
FLY: Json = {"type": "tool_use", "id": "t1", "name": "fly", "input": {}}
FLOWN: Json = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "done"}]}
FELL_BACK: Json = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "b"}, "trigger": {"type": "refusal"}}
TOOL: Json = {"name": "fly", "input_schema": {"type": "object"}}
SUMMARIZE: Json = {"compaction": {"type": "summarize"}}
HEADERS = {"anthropic-beta": f"{COMPACTION_BETA},{FALLBACK_BETA}"}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def body(*messages: Json, **more: object) -> Json:
    return {"model": "claude-sonnet-4-6", "max_tokens": 2048, "messages": [*messages], **more}


@pytest.mark.parametrize(
    "good",
    [
        body(HI, **SUMMARIZE),
        body(HI, assistant(CAW), compaction={"type": "summarize", "instructions": "Keep the names."}),
        body(HI, **SUMMARIZE, tools=[TOOL], tool_choice={"type": "none"}),
        body(assistant(SUMMARY), HI),
        body(assistant(SUMMARY), assistant(CAW), HI),
        body({"role": "user", "content": [CAW]}, fallbacks="default"),
        body(HI, fallbacks=[{"model": "claude-opus-5", "max_tokens": 10}]),
        body(HI, assistant(CAW, FELL_BACK, SIGNED, FLY), FLOWN),
        body(HI, assistant(CAW, FELL_BACK, CAW, FELL_BACK, CAW), HI),
    ],
)
def test_a_valid_request_has_no_violations_but_needs_its_beta(good: Json) -> None:
    assert violations(good, HEADERS) == []

    uses_beta = "compaction" in str(good) or "fallback" in str(good)
    assert bool(violations(good)) is uses_beta


@pytest.mark.parametrize(
    "bad",
    [
        body(HI, assistant(SUMMARY), HI),
        body(assistant(CAW, SUMMARY), HI),
        body(assistant(SUMMARY), assistant(SUMMARY), HI),
        body(assistant(SUMMARY | {"citations": None}), HI),
        body(assistant({"type": "compaction", "content": "Unsigned."}), HI),
        body(HI, **SUMMARIZE, stop_sequences=["x"]),
        body(HI, **SUMMARIZE, output_config={"format": {"type": "json_schema", "schema": {}}}),
        body(HI, **SUMMARIZE, tools=[TOOL], tool_choice={"type": "any"}),
        body(HI, compaction={"type": "summarize", "instructions": "x" * 16_385}),
        body(HI, compaction={"type": "delete"}),
        body(HI, fallbacks=[]),
        body(HI, fallbacks=["claude-opus-5"]),
        body(HI, fallbacks=[{"model": "claude-opus-5", "temperature": 1}]),
        body(HI, assistant(SIGNED, FELL_BACK, CAW), HI),
        body(HI, assistant(CAW, FELL_BACK, SIGNED, FELL_BACK, CAW), HI),
        body(HI, assistant(FLY, FELL_BACK, CAW), FLOWN),
    ],
)
def test_each_rule_is_checked(bad: Json) -> None:
    assert violations(bad, HEADERS) != []
