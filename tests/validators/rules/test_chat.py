"""The validator of requests to Chat Completions."""

from typing import Any

import pytest
from validators.chat import violations

Json = dict[str, Any]

HI: Json = {"role": "user", "content": "Hi"}
CAW: Json = {"role": "assistant", "content": "Caw"}
FLY: Json = {"id": "t1", "type": "function", "function": {"name": "fly", "arguments": "{}"}}
SIT: Json = {"id": "t2", "type": "function", "function": {"name": "sit", "arguments": ""}}
FLOWN: Json = {"role": "tool", "tool_call_id": "t1", "content": "done"}
SAT: Json = {"role": "tool", "tool_call_id": "t2", "content": ""}
TOOL: Json = {"type": "function", "function": {"name": "fly", "parameters": {"type": "object"}}}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://example.com/raven.png"}}


def calls(*tool_calls: Json, **more: object) -> Json:
    return {"role": "assistant", "tool_calls": [*tool_calls], **more}


def called(name: str, arguments: object) -> Json:
    return calls(FLY | {"function": {"name": name, "arguments": arguments}})


def tool(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def body(*messages: Json, **more: object) -> Json:
    return {"model": "gpt-5", "messages": [*messages] or [HI], **more}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body({"role": "system", "content": "Be a raven"}, {"role": "developer", "content": "Caw"}, HI, CAW, HI),
        body(HI, calls(FLY, SIT, content=None), FLOWN, SAT),
        body(HI, calls(FLY, SIT, content="Off I go"), SAT, FLOWN, HI),
        body(HI, calls(FLY), FLOWN, CAW, HI),
        body(HI, HI),
        body({"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]}),
        body({"role": "user", "content": [{"type": "file", "file": {"file_data": "data:x", "filename": "a.pdf"}}]}),
        body(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "fly"}}, parallel_tool_calls=False),
        body(
            model="gpt-4.1",
            stream=True,
            stream_options={"include_usage": True},
            max_completion_tokens=9,
            stop=["Nevermore"],
        ),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (body(CAW, HI), "must be the user's"),
        (body({"role": "system", "content": "Be a raven"}), "must be the user's"),
        (body(HI, {"role": "system", "content": "Be a raven"}), "must come first"),
        (body({"role": "raven", "content": "Caw"}), "role"),
        (body({"role": "user", "content": ""}), "length >= 1"),
        (body({"role": "user", "content": []}), "length >= 1"),
        (body({"role": "user"}), "content"),
        (body({"role": "user", "content": [{"type": "text", "text": ""}]}), "length >= 1"),
        (body({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "raven.png"}}]}), "regex"),
        (body(HI, {"role": "assistant", "content": ""}), "needs content or tool_calls"),
        (body(HI, {"role": "assistant", "content": None}), "needs content or tool_calls"),
        (body(HI, calls()), "length >= 1"),
        (body(HI, calls(FLY), HI), "did not have response messages: ['t1']"),
        (body(HI, calls(FLY, SIT), FLOWN, HI), "did not have response messages: ['t2']"),
        (body(HI, calls(FLY)), "did not have response messages"),
        (body(HI, calls(FLY), HI, FLOWN), "right before"),
        (body(HI, calls(FLY), FLOWN, FLOWN), "right before"),
        (body(HI, FLOWN), "right before"),
        (body(HI, calls(FLY, FLY), FLOWN), "must differ"),
        (body(HI, calls(FLY), FLOWN, calls(FLY), FLOWN), "must differ"),
        (body(HI, calls(FLY | {"id": "t" * 41}), FLOWN), "length <= 40"),
        (body(HI, called("fly", {}), FLOWN), "arguments"),
        (body(HI, called("fly away", "{}"), FLOWN), "regex"),
        (body(HI, calls(FLY), FLOWN | {"content": [IMAGE]}), "image_url"),
        (body(HI, calls(FLY), FLOWN | {"content": None}), "content"),
        (body(tools=[]), "length >= 1"),
        (body(tools=[TOOL, TOOL]), "must differ"),
        (body(tools=[tool("f" * 65)]), "regex"),
        (body(tools=[TOOL], tool_choice="any"), "any"),
        (body(tools=[TOOL], tool_choice=tool("sit")), "no tool 'sit'"),
        (body(tool_choice="auto"), "'tool_choice' is only allowed"),
        (body(parallel_tool_calls=True), "'parallel_tool_calls' is only allowed"),
        (body(stream_options={"include_usage": True}), "stream_options"),
        (body(max_tokens=1, max_completion_tokens=1), "cannot both be set"),
        (body(stop=["a", "b", "c", "d", "e"]), "length <= 4"),
        (body(temperature=2.5), "temperature"),
        ({"messages": [HI]}, "model"),
        ({"model": "gpt-5", "messages": []}, "length >= 1"),
        (body(thinking={}), "unknown field `thinking`"),
        (body(HI | {"turn": 1}), "unknown field `turn`"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken


def test_a_deployment_s_model_is_in_its_url() -> None:
    assert violations({"messages": [HI]}, model_in_path=True) == []
