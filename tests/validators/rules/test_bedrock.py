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


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": [*blocks]}


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
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken
