"""What the rules for Bedrock let pass and what they find."""

from typing import Any

import pytest
from validators.bedrock import violations

Json = dict[str, Any]

CAW: Json = {"text": "Caw"}
HI: Json = {"role": "user", "content": [{"text": "Hi"}]}
SIGNED: Json = {"reasoningContent": {"reasoningText": {"text": "Shiny", "signature": "s"}}}
FLY: Json = {"toolUse": {"toolUseId": "t1", "name": "fly", "input": {}}}
FLOWN: Json = {"toolResult": {"toolUseId": "t1", "content": [{"text": "done"}], "status": "success"}}
SERVED: Json = {"toolUse": {"toolUseId": "t9", "name": "search", "input": {}, "type": "server_tool_use"}}
FOUND: Json = {"toolResult": {"toolUseId": "t9", "content": []}}
TOOLS: Json = {"tools": [{"toolSpec": {"name": "fly", "inputSchema": {"json": {"type": "object"}}}}]}
PDF: Json = {"document": {"format": "pdf", "name": "Ravens (2)", "source": {"bytes": "eA=="}}}
PNG: Json = {"image": {"format": "png", "source": {"bytes": "eA=="}}}
MARK: Json = {"cachePoint": {"type": "default"}}


def said(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def asked(*blocks: Json) -> Json:
    return {"role": "user", "content": [*blocks]}


def named(name: str) -> Json:
    return {"document": PDF["document"] | {"name": name}}


def body(*messages: Json, **more: object) -> Json:
    return {"messages": [*messages] or [HI], **more}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body(HI, said(CAW), HI),
        body(HI, said(SIGNED, CAW, FLY), asked(FLOWN, CAW), toolConfig=TOOLS),
        body(HI, said(SERVED, FOUND, CAW), HI, toolConfig=TOOLS),
        body(asked(CAW, PDF, PNG, named("Crows")), system=[CAW, MARK]),
        body(asked(CAW, MARK), inferenceConfig={"maxTokens": 5, "temperature": 0.5, "stopSequences": ["END"]}),
        body(toolConfig=TOOLS | {"toolChoice": {"tool": {"name": "fly"}}}),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (body(max_tokens=5), "Unknown parameter"),
        (body(inferenceConfig={"maxTokens": 0}), "min value: 1"),
        (body(asked(CAW | PNG)), "tagged union"),
        (body(asked(CAW, {"image": PNG["image"] | {"format": "bmp"}})), "none of png"),
        (body(HI, said({"toolUse": FLY["toolUse"] | {"toolUseId": "a b"}})), "not of the form"),
        (body(said(CAW)), "start with a user message"),
        (body(HI, HI), "alternate"),
        (body(asked()), "empty"),
        (body(asked({"text": " "})), "blank"),
        (body(asked(PDF)), "wants a text"),
        (body(HI, said(CAW, PNG)), "the user's only"),
        (body(asked(SIGNED)), "User messages cannot"),
        (body(asked(CAW, *[PNG] * 21)), "too many"),
        (body(asked(CAW, *[named(f"{at}") for at in range(6)])), "too many"),
        (body(HI, said(FLY), toolConfig=TOOLS), "not answered"),
        (body(HI, said(FLY), HI, toolConfig=TOOLS), "right before"),
        (body(HI, said(FLY), asked(FLOWN, FLOWN), toolConfig=TOOLS), "right before"),
        (body(HI, said(FLY), asked(FLOWN), said(FLY), asked(FLOWN), toolConfig=TOOLS), "unique"),
        (body(HI, said(FLY), asked(FLOWN)), "toolConfig field must be defined"),
        (body(asked(CAW, PDF, PDF)), "names must be unique"),
        (body(asked(CAW, named("a_b"))), "other characters"),
        (body(asked(CAW, named("a  b"))), "other characters"),
        (body(toolConfig={"tools": TOOLS["tools"] * 2}), "names must be unique"),
        (body(toolConfig=TOOLS | {"toolChoice": {"tool": {"name": "sit"}}}), "no tool 'sit'"),
        (body(asked(MARK, CAW)), "nothing available"),
        (body(HI, said(SIGNED, MARK, CAW), HI), "after reasoningContent"),
        (body(asked(CAW, PDF, MARK)), "after document"),
        (body(*[asked(CAW, MARK), said(CAW)] * 5), "at most 4"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, found: str) -> None:
    assert any(found in problem for problem in violations(bad))
