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


@pytest.mark.parametrize(
    ("model", "asked", "problem"),
    [
        ("gpt-4o", {"reasoning_effort": "low"}, "'reasoning.effort' does not support 'low'"),
        ("gpt-5", {"reasoning_effort": "none"}, "'reasoning.effort' does not support 'none'"),
        ("gpt-5.6", {"reasoning_effort": "max"}, "'reasoning.effort' does not support 'max'"),
        ("gpt-6-astra", {"reasoning_effort": "none"}, "'reasoning.effort' does not support 'none'"),
        ("gpt-5", {"temperature": 0.2}, "'temperature' does not support 0.2"),
        ("gpt-5.5", {"temperature": 0.2}, "'temperature' does not support 0.2"),
        ("gpt-5.2", {"top_p": 0.2, "reasoning_effort": "low"}, "'top_p' does not support 0.2"),
        ("gpt-5.1", {"stop": ["END"]}, "'stop' is not supported"),
        ("gpt-6-sol", {"presence_penalty": 0.5, "reasoning_effort": "none"}, "penalties are not supported"),
        ("gpt-5.4", {"tools": [TOOL], "reasoning_effort": "low"}, "Function tools with reasoning_effort"),
        ("gpt-5.6-terra", {"tools": [TOOL]}, "Function tools with reasoning_effort"),
        ("gpt-6.2-sol", {"tools": [TOOL]}, "Function tools with reasoning_effort"),
        ("gpt-5-pro", {}, "not a chat model"),
        ("gpt-4.1", {"verbosity": "low"}, "'verbosity' does not support 'low'"),
        ("gpt-5.5", {"prompt_cache_options": {"ttl": "30m"}}, "'prompt_cache_options' is not supported"),
        ("gpt-6-luna", {"metadata": {"a": "b"}}, "'store' is enabled"),
    ],
)
def test_a_request_that_its_model_rejects_has_its_violation(model: str, asked: Json, problem: str) -> None:
    broken = violations(body(model=model, **asked))

    assert any(problem in violation for violation in broken), broken


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-4o", {"temperature": 0.2, "stop": ["END"], "seed": 7, "tools": [TOOL]}),
        ("gpt-5", {"temperature": 1, "top_p": 1, "presence_penalty": 0, "reasoning_effort": "minimal"}),
        ("gpt-5.1", {"temperature": 0.2, "tools": [TOOL]}),
        ("gpt-5.4-mini-2026-03-17", {"tools": [TOOL], "temperature": 0.2}),
        ("gpt-6-luna", {"tools": [TOOL], "reasoning_effort": "none", "top_p": 0.5}),
        ("gpt-6-luna", {"metadata": {"a": "b"}, "store": True, "verbosity": "low"}),
        ("gpt-6.2-sol", {"reasoning_effort": "xhigh", "seed": 7}),
        ("a-deployment", {"temperature": 0.2, "stop": ["END"], "tools": [TOOL], "reasoning_effort": "max"}),
    ],
)
def test_a_request_that_its_model_accepts_has_no_violations(model: str, asked: Json) -> None:
    assert violations(body(model=model, **asked)) == []


def test_a_deployment_has_the_rules_of_its_model() -> None:
    assert violations(body(model="prod", stop=["END"]), deployed_model="gpt-5.1") != []


def test_custom_calls_and_allowed_tools_are_known() -> None:
    shell = {"type": "custom", "custom": {"name": "shell"}}
    call = {"id": "t1", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    allowed = {"mode": "required", "tools": [{"type": "custom", "custom": {"name": "shell"}}]}

    assert violations(body(HI, calls(call), FLOWN, tools=[shell])) == []
    assert violations(body(tools=[shell], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})) == []
    assert violations(body(tools=[TOOL], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})) != []


def test_a_deployment_s_model_is_in_its_url() -> None:
    assert violations({"messages": [HI]}, model_in_path=True) == []
