"""What the rules for Anthropic let pass and what they find."""

from typing import Any

import pytest
from validators.anthropic import violations

Json = dict[str, Any]

HI: Json = {"role": "user", "content": "Hi"}
CAW: Json = {"type": "text", "text": "Caw"}
SIGNED: Json = {"type": "thinking", "thinking": "Shiny", "signature": "s"}
FLY: Json = {"type": "tool_use", "id": "t1", "name": "fly", "input": {}}
SIT: Json = {"type": "tool_use", "id": "t2", "name": "sit", "input": {}}
FLOWN: Json = {"type": "tool_result", "tool_use_id": "t1", "content": "done"}
SAT: Json = {"type": "tool_result", "tool_use_id": "t2", "content": [CAW]}
TOOL: Json = {"name": "fly", "input_schema": {"type": "object"}}
THINKING: Json = {"type": "enabled", "budget_tokens": 1024}


MARK: Json = {"cache_control": {"type": "ephemeral"}}


def said(*blocks: Json) -> Json:
    return {"role": "assistant", "content": [*blocks]}


def asked(*blocks: Json) -> Json:
    return {"role": "user", "content": [*blocks]}


def body(*messages: Json, **more: object) -> Json:
    return {"model": "claude-sonnet-4-5", "max_tokens": 2048, "messages": [*messages] or [HI], **more}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body(HI, said(CAW), HI),
        body(HI, said(SIGNED, CAW, FLY, SIT), asked(FLOWN, SAT, CAW)),
        body(HI, said(FLY, SIT), asked(SAT, FLOWN)),
        body(HI, said({"type": "redacted_thinking", "data": "x"}, FLY), asked(FLOWN), thinking=THINKING),
        body(HI, said({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}}, CAW), HI),
        body(HI, said({"type": "web_search_tool_result", "tool_use_id": "s1", "content": []}, CAW), HI),
        body(HI, {"role": "assistant", "content": "The answer is"}),
        body(asked(CAW, {"type": "image", "source": {"type": "url", "url": "https://example.com/raven.png"}})),
        body(
            asked({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "eA=="}})
        ),
        body(HI, said(FLY), asked(FLOWN | {"is_error": True, "content": "no wind"})),
        body(HI, said(FLY), asked({"type": "tool_result", "tool_use_id": "t1"})),
        body(system=[CAW | MARK], stream=True, stop_sequences=["Nevermore"]),
        body(asked(CAW, CAW | MARK), said(FLY | MARK), asked(FLOWN | MARK), system=[CAW | MARK]),
        body(thinking=THINKING, top_p=0.95, tools=[TOOL], tool_choice={"type": "none"}),
        body(tools=[TOOL], tool_choice={"type": "tool", "name": "fly", "disable_parallel_tool_use": True}),
        body(tools=[TOOL], tool_choice={"type": "auto"}, thinking=THINKING, temperature=1.0),
    ],
)
def test_a_valid_request_has_no_violations(good: Json) -> None:
    assert violations(good) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (body(said(CAW)), "first message"),
        (body(asked(*[CAW | MARK] * 4), system=[CAW | MARK]), "maximum of 4"),
        (body(HI, said(SIGNED | MARK, CAW), HI), "cache_control"),
        (body(thinking=THINKING, top_k=5), "top_k"),
        (body(thinking=THINKING, top_p=0.9), "top_p"),
        (body(HI, HI), "alternate"),
        (body(HI, said(CAW), said(CAW), HI), "alternate"),
        (body(HI, {"role": "system", "content": "Be a raven"}), "role"),
        (body(HI, said(), HI), "length >= 1"),
        (body({"role": "user", "content": ""}), "regex"),
        (body(asked({"type": "text", "text": " \n"})), "regex"),
        (body(HI, said({"type": "text", "text": ""}), HI), "regex"),
        (body(HI, said(FLY), HI), "no tool_result for the tool_use 't1'"),
        (body(HI, said(FLY)), "no tool_result"),
        (body(HI, said(FLY, SIT), asked(FLOWN)), "no tool_result for the tool_use 't2'"),
        (body(HI, said(FLY), asked(CAW), said(CAW), asked(FLOWN)), "'t1', which the message before does not ask for"),
        (body(asked(FLOWN)), "'t1', which"),
        (body(HI, said(FLY), asked(FLOWN, FLOWN)), "a single result"),
        (body(HI, said(FLY), asked(CAW, FLOWN)), "before all else"),
        (body(HI, said(FLY), asked(FLOWN), said(FLY), asked(FLOWN)), "unique"),
        (body(HI, said(FLY, FLY), asked(FLOWN)), "unique"),
        (body(HI, said(FLOWN), HI), "tool_result"),
        (body(asked(FLY), said(CAW), HI), "tool_use"),
        (body(HI, said(FLY | {"id": "call:1"}), asked(FLOWN)), "regex"),
        (body(HI, said(FLY | {"id": ""}), asked(FLOWN)), "regex"),
        (body(HI, said(FLY | {"input": "{}"}), asked(FLOWN)), "input"),
        (body(HI, said(FLY), asked(FLOWN | {"content": "", "is_error": True})), "cannot be empty"),
        (
            body(
                HI,
                said(FLY),
                asked(
                    FLOWN
                    | {
                        "is_error": True,
                        "content": [{"type": "image", "source": {"type": "url", "url": "https://example.com"}}],
                    }
                ),
            ),
            "type `text`",
        ),
        (body(HI, said(FLY, SIGNED), asked(FLOWN)), "before tool_use"),
        (body(HI, said({"type": "thinking", "thinking": "Shiny"}, CAW), HI), "signature"),
        (body(HI, said(SIGNED | {"signature": ""}, CAW), HI), "signature"),
        (body(HI, said(CAW, FLY), asked(FLOWN), thinking=THINKING), "start with a thinking block"),
        (body(HI, {"role": "assistant", "content": "The answer is "}), "trailing whitespace"),
        (body(HI, said({"type": "text", "text": "The answer is\n"})), "trailing whitespace"),
        (body(max_tokens=0), "max_tokens"),
        ({"model": "claude", "messages": [HI]}, "max_tokens"),
        ({"max_tokens": 1, "messages": [HI]}, "model"),
        ({"model": "claude", "max_tokens": 1, "messages": []}, "length >= 1"),
        (body(system=""), "system"),
        (body(tools=[TOOL, TOOL]), "unique"),
        (body(tools=[TOOL | {"name": "fly away"}]), "regex"),
        (body(tools=[TOOL | {"name": "f" * 129}]), "regex"),
        (body(tools=[TOOL | {"input_schema": {"type": "array"}}]), "array"),
        (body(tool_choice={"type": "auto"}), "only be specified while providing tools"),
        (body(tools=[TOOL], tool_choice={"type": "tool", "name": "sit"}), "no tool 'sit'"),
        (body(tools=[TOOL], tool_choice={"type": "required"}), "tool_choice"),
        (body(tools=[TOOL], tool_choice={"type": "any"}, thinking=THINKING), "forces tool use"),
        (body(thinking=THINKING, max_tokens=1024), "budget_tokens"),
        (body(thinking=THINKING | {"budget_tokens": 1023}), "budget_tokens"),
        (body(thinking=THINKING, temperature=0.5), "temperature"),
        (body(temperature=1.5), "temperature"),
        (body(n=2), "unknown field `n`"),
        (body(asked(CAW | {"turn": 1})), "unknown field `turn`"),
    ],
)
def test_an_invalid_request_has_its_violation(bad: Json, problem: str) -> None:
    found = violations(bad)

    assert any(problem in violation for violation in found), found
