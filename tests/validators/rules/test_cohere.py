"""The validator of requests to Cohere's v2 chat."""

from typing import Any

import pytest
from validators.cohere import violations

Json = dict[str, Any]

HI: Json = {"role": "user", "content": "Hi"}
CAW: Json = {"role": "assistant", "content": "Caw"}
FLY: Json = {"id": "t1", "type": "function", "function": {"name": "fly", "arguments": "{}"}}
SIT: Json = {"id": "t2", "type": "function", "function": {"name": "sit", "arguments": '{"where":"oak"}'}}
FLOWN: Json = {"role": "tool", "tool_call_id": "t1", "content": "done"}
SAT: Json = {"role": "tool", "tool_call_id": "t2", "content": [{"type": "document", "document": {"data": {"a": 1}}}]}
TOOL: Json = {"type": "function", "function": {"name": "fly", "parameters": {"type": "object"}}}
STRICT: Json = {
    "type": "function",
    "function": {"name": "fly", "parameters": {"properties": {"to": {}}, "required": ["to"]}},
}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://example.com/raven.png"}}
JSON: Json = {"type": "json_object", "json_schema": {"type": "object"}}


def calls(*tool_calls: Json, **more: object) -> Json:
    return {"role": "assistant", "tool_calls": [*tool_calls], **more}


def body(*messages: Json, model: str = "command-x", **more: object) -> Json:
    return {"model": model, "messages": [*messages] or [HI], **more}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body({"role": "system", "content": "Be a raven"}, HI, CAW, HI),
        body(HI, calls(FLY, SIT, tool_plan="Off I go"), FLOWN, SAT),
        body(HI, calls(FLY, content=[{"type": "text", "text": ""}]), FLOWN, CAW, HI, HI),
        body(HI, {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm"}]}, HI),
        body({"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]}),
        body(tools=[TOOL], tool_choice="NONE", seed=0, p=0.5, k=0, stream=True),
        body(response_format=JSON, thinking={"type": "enabled", "token_budget": 9}, frequency_penalty=1.0),
        body(documents=["Ravens fly.", {"id": "d1", "data": {"text": "Ravens play."}}], priority=3),
        body(citation_options={"mode": "ACCURATE"}, safety_mode="STRICT"),
        body(tools=[STRICT], strict_tools=True),
        body({"role": "user", "content": [IMAGE | {"image_url": IMAGE["image_url"] | {"detail": "low"}}]}),
        body(model="command-a-plus-05-2026", thinking={"type": "disabled"}, max_tokens=64_000),
        body(model="command-a-reasoning-08-2025", thinking={"type": "enabled"}),
        body(model="command-a-03-2025", citation_options={"mode": "OFF"}),
        body(model="command-r-08-2024", safety_mode="OFF"),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (body(HI, {"role": "system", "content": "Be a raven"}), "must be the first"),
        (body({"role": "system", "content": "Be a raven"}), "there must be a user message"),
        (body(HI, CAW), "the last message must be"),
        (body({"role": "raven", "content": "Caw"}), "role"),
        (body({"role": "user", "content": ""}), "length >= 1"),
        (body({"role": "user", "content": " \n"}), "must not be empty"),
        (body({"role": "user", "content": [{"type": "text", "text": " "}]}), "must not be empty"),
        (body({"role": "user", "content": [IMAGE | {"image_url": {"url": "raven.png"}}]}), "regex"),
        (body({"role": "user", "content": [{"type": "thinking", "thinking": "Hm"}]}), "thinking"),
        (body(HI, {"role": "assistant"}, HI), "must not be empty"),
        (body(HI, CAW | {"tool_plan": "Fly"}, HI), "needs tool_calls"),
        (body(HI, calls(), HI), "length >= 1"),
        (body(HI, calls(FLY), HI), "no results: ['t1']"),
        (body(HI, calls(FLY, SIT), FLOWN), "no results: ['t2']"),
        (body(HI, FLOWN), "right before"),
        (body(HI, calls(FLY), FLOWN, FLOWN), "right before"),
        (body(HI, calls(FLY), FLOWN, calls(FLY), FLOWN), "must differ"),
        (body(HI, calls(FLY | {"function": {"name": "fly", "arguments": "{"}}), FLOWN), "must be a JSON object"),
        (body(HI, calls(FLY | {"function": {"name": "fly", "arguments": "[]"}}), FLOWN), "must be a JSON object"),
        (body(HI, calls(FLY), FLOWN | {"content": ""}), "length >= 1"),
        (body(HI, calls(FLY), FLOWN | {"content": [IMAGE]}), "image_url"),
        (body(tools=[]), "length >= 1"),
        (body(tools=[TOOL, TOOL]), "must differ"),
        (body(tools=[TOOL], tool_choice="auto"), "auto"),
        (body(tool_choice="NONE"), "only allowed with tools"),
        (body(tools=[TOOL], response_format=JSON), "not supported"),
        (body(frequency_penalty=0.5, presence_penalty=0.5), "cannot specify both"),
        (body(presence_penalty=-0.5), "presence_penalty"),
        (body(stop_sequences=["a", "b", "c", "d", "e", "f"]), "length <= 5"),
        (body(p=1.0), "p`"),
        (body(k=501), "k`"),
        (body(thinking={"type": "enabled", "token_budget": 0}), "token_budget"),
        (body(citation_options={"mode": "fast"}), "enum"),
        (body(documents=[{"text": "Ravens fly."}]), "documents"),
        (body(priority=-1), "priority"),
        (body(tools=[TOOL], safety_mode="STRICT"), "not yet configurable"),
        (body(tools=[TOOL], strict_tools=True), "at least one required parameter"),
        (body(strict_tools=True), "only allowed with tools"),
        (body(model="command-a-03-2025", thinking={"type": "enabled"}), "thinking is not supported"),
        (body(model="command-r-plus-08-2024", tools=[TOOL], tool_choice="NONE"), "tool_choice is not supported"),
        (body(model="command-a-03-2025", citation_options={"mode": "ACCURATE"}), "the mode ACCURATE"),
        (body(model="command-a-plus-05-2026", safety_mode="OFF"), "CONTEXTUAL and STRICT"),
        (body({"role": "user", "content": [IMAGE]}, model="command-r7b-12-2024"), "image inputs"),
        (body(model="command-r7b-12-2024", max_tokens=4_097), "less than or equal to 4096"),
        ({"messages": [HI]}, "model"),
        (body(max_completion_tokens=5), "unknown field"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken
