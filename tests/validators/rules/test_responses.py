"""The validator of requests to the Responses API."""

from typing import Any

import pytest
from validators.responses import violations

Json = dict[str, Any]

HI: Json = {"role": "user", "content": "Hi"}
CAW: Json = {"role": "assistant", "content": "Caw"}
FLY: Json = {"type": "function_call", "call_id": "t1", "name": "fly", "arguments": "{}"}
SIT: Json = {"type": "function_call", "call_id": "t2", "name": "sit", "arguments": ""}
FLOWN: Json = {"type": "function_call_output", "call_id": "t1", "output": "done"}
SAT: Json = {"type": "function_call_output", "call_id": "t2", "output": ""}
THOUGHT: Json = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}
SEARCHED: Json = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
TOOL: Json = {"type": "function", "name": "fly", "parameters": {"type": "object"}, "strict": False}
IMAGE: Json = {"type": "input_image", "image_url": "https://example.com/raven.png"}
FILE: Json = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,cGRm"}
SEARCH: Json = {"type": "tool_search"}
ALLOWED: Json = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}


def message(*parts: Json, role: str = "user") -> Json:
    return {"role": role, "content": [*parts]}


def body(*items: Json, **more: object) -> Json:
    return {"model": "gpt-5", "input": [*items] or [HI], "store": False, **more}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        {"model": "gpt-5", "input": "Hi"},
        body(HI, THOUGHT, CAW, HI),
        body(HI, THOUGHT, FLY, SIT, FLOWN, SAT, THOUGHT, CAW, HI),
        body(HI, CAW | {"phase": "commentary"}, FLY, FLOWN),
        body(HI, THOUGHT, SEARCHED, CAW, HI),
        body(message({"type": "input_text", "text": "Hi"}, IMAGE, FILE)),
        body(HI, message({"type": "output_text", "text": "Caw"}, role="assistant"), HI),
        body(HI, FLY, FLOWN | {"output": [{"type": "input_text", "text": "Seen"}, IMAGE]}),
        body(tools=[TOOL], tool_choice={"type": "function", "name": "fly"}, parallel_tool_calls=False),
        body(reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"]),
        body(text={"format": {"type": "json_schema", "name": "answer", "schema": {}, "strict": True}}),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (body(CAW, HI), "must be the user's"),
        (body({"role": "system", "content": "Be a raven"}), "must be the user's"),
        (body({"role": "raven", "content": "Caw"}), "role"),
        (body({"role": "user", "content": ""}), "length >= 1"),
        (body({"role": "user", "content": []}), "length >= 1"),
        (body(message({"type": "input_text", "text": ""})), "length >= 1"),
        (body(message({"type": "text", "text": "Hi"})), "text"),
        (body(message({"type": "output_text", "text": "Hi"})), "of user"),
        (body(HI, message({"type": "input_text", "text": "Caw"}, role="assistant")), "of assistant"),
        (body(message(IMAGE | {"image_url": "raven.png"})), "regex"),
        (body(message(IMAGE | {"file_id": "file-1"})), "image_url or a file_id"),
        (body(message(FILE | {"file_url": "https://example.com/a.pdf"})), "file_data, file_url or a file_id"),
        (
            body(message({"type": "input_file", "filename": "a.pdf", "file_url": "https://example.com/a.pdf"})),
            "exclusive",
        ),
        (body(HI, FLY), "No tool output found"),
        (body(HI, FLY, HI, FLOWN), "No tool output found"),
        (body(HI, FLOWN), "No tool call found"),
        (body(HI, FLY, FLOWN, FLOWN), "No tool call found"),
        (body(HI, FLY, FLOWN, FLY, FLOWN), "Duplicate"),
        (body(HI, FLY | {"call_id": "t" * 65}, FLOWN), "length <= 64"),
        (body(HI, FLY | {"name": "fly away"}, FLOWN), "regex"),
        (body(HI, FLY | {"arguments": {}}, FLOWN), "arguments"),
        (body(HI, FLY | {"id": "call_1"}, FLOWN), "regex"),
        (body(HI, FLY, FLOWN | {"output": []}), "length >= 1"),
        (body(HI, THOUGHT), "required following item"),
        (body(HI, THOUGHT, HI), "required following item"),
        (body(HI, THOUGHT | {"id": "rs_1"}, CAW), "by its id"),
        (body(HI, THOUGHT | {"encrypted_content": ""}, CAW), "length >= 1"),
        (body(HI, {"type": "reasoning", "summary": [], "id": "rs_1"}, CAW), "encrypted_content"),
        (body(HI, THOUGHT | {"content": [{"type": "reasoning_text", "text": "Hm."}]}, CAW), "unknown field `content`"),
        (body(HI, {"type": "thinking", "text": "Hm."}), "thinking"),
        (body(tools=[TOOL, TOOL]), "must differ"),
        (body(tools=[TOOL | {"name": "f" * 65}]), "regex"),
        (body(tools=[{"type": "function", "function": {"name": "fly"}}]), "function"),
        (body(tools=[TOOL], tool_choice={"type": "function", "name": "sit"}), "'sit' not found"),
        (body(tool_choice="required"), "no tools are specified"),
        (body(stop=["a"]), "unknown field `stop`"),
        (body(seed=7), "unknown field `seed`"),
        (body(messages=[HI]), "unknown field `messages`"),
        (body(max_output_tokens=5), ">= 16"),
        (body(HI | {"turn": 1}), "unknown field `turn`"),
        ({"input": "Hi"}, "model"),
        ({"model": "gpt-5", "input": []}, "length >= 1"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken


@pytest.mark.parametrize(
    ("model", "asked", "problem"),
    [
        ("gpt-4o", {"reasoning": {"effort": "low"}}, "'reasoning.effort' does not support 'low'"),
        ("gpt-4o", {"include": ["reasoning.encrypted_content"]}, "Encrypted content is not supported"),
        ("gpt-5.4", {"reasoning": {"effort": "max"}}, "'reasoning.effort' does not support 'max'"),
        ("gpt-6.1-sol", {"reasoning": {"effort": "none"}}, "'reasoning.effort' does not support 'none'"),
        ("gpt-6-luna", {"temperature": 0.2}, "'temperature' does not support 0.2"),
        ("gpt-5.5", {"reasoning": {"mode": "pro"}}, "'reasoning.mode' does not support 'pro'"),
        ("gpt-5.2", {"tools": [TOOL | {"defer_loading": True}, SEARCH]}, "Tool search is not supported"),
        ("gpt-5.4", {"tools": [TOOL | {"defer_loading": True}]}, "needs a tool_search"),
        ("gpt-5.5", {"prompt_cache_options": {"ttl": "12h"}}, "'prompt_cache_options' is not supported"),
        ("gpt-6-luna", {"tools": [TOOL], "tool_choice": {"type": "web_search"}}, "web_search"),
        ("gpt-6-luna", {"tools": [TOOL], "tool_choice": ALLOWED}, "'web_search' not found"),
    ],
)
def test_a_request_that_its_model_rejects_has_its_violation(model: str, asked: Json, problem: str) -> None:
    broken = violations(body(model=model, **asked))

    assert any(problem in violation for violation in broken), broken


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-4o", {"temperature": 0.2, "tools": [TOOL]}),
        ("gpt-5.4", {"temperature": 0.2, "tools": [TOOL | {"defer_loading": True}, SEARCH]}),
        ("gpt-5.5", {"reasoning": {"context": "all_turns"}}),
        ("gpt-6-luna", {"reasoning": {"effort": "max", "mode": "pro"}, "tools": [TOOL]}),
        ("gpt-6-luna", {"tools": [TOOL, {"type": "web_search"}], "tool_choice": ALLOWED}),
        ("gpt-6.2-sol", {"reasoning": {"effort": "low"}, "tools": [TOOL], "temperature": 1}),
        ("a-deployment", {"reasoning": {"effort": "max"}, "temperature": 0.2}),
    ],
)
def test_a_request_that_its_model_accepts_has_no_violations(model: str, asked: Json) -> None:
    assert violations(body(model=model, **asked)) == []


def test_the_result_of_a_custom_call_is_not_that_of_a_function() -> None:
    call = {"type": "custom_tool_call", "call_id": "t1", "name": "shell", "input": "ls"}
    result = {"type": "custom_tool_call_output", "call_id": "t1", "output": "raven.txt"}

    assert violations(body(HI, call, result)) == []
    assert violations(body(HI, call, FLOWN)) != []
    assert violations(body(HI, FLY, result)) != []
