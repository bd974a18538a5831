"""What the rules for our own history let pass and what they find."""

import pytest
from validators.history import violations

from rayconteur.providers.schema.content import Block, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role

CAW = Text(text="Caw")
SHINY = Thinking(text="Shiny", provider="rookery")
FLY = ToolUse(id="t1", name="fly", input={})
SIT = ToolUse(id="t2", name="sit", input={})
FLOWN = ToolResult(tool_use_id="t1")
SAT = ToolResult(tool_use_id="t2", is_error=True)


def user(*blocks: Block, turn: int = 1) -> Message:
    return Message(role=Role.USER, content=blocks, turn=turn)


def model(*blocks: Block, turn: int = 1) -> Message:
    return Message(role=Role.ASSISTANT, content=blocks, turn=turn)


@pytest.mark.parametrize(
    "good",
    [
        [],
        [user(CAW, Image(url="https://example.com/raven.png"))],
        [user(CAW), model(SHINY, CAW), user(CAW, turn=2)],
        [user(CAW), user(CAW, turn=3), user(CAW, turn=2)],
        [user(CAW), model(FLY, Opaque(provider="rookery", type="x", json=b"{}"), SIT), user(FLOWN, SAT), model(CAW)],
        [user(CAW), model(FLY), user(FLOWN), user(CAW, turn=3)],
    ],
)
def test_a_valid_history_has_no_violations(good: list[Message]) -> None:
    assert violations(good) == []


def test_open_tool_uses_are_valid_only_at_the_end_while_tools_run() -> None:
    waiting = [user(CAW), model(FLY)]

    assert violations(waiting, tools_out=True) == []
    assert violations(waiting) != []
    assert violations([*waiting, user(FLOWN)], tools_out=True) != []
    assert violations([*waiting, user(CAW), model(SIT)], tools_out=True) != []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ([model(CAW)], "user speaks first"),
        ([user(CAW), model(), user(CAW)], "1: the message is empty"),
        ([user(Text(text=""))], "a text is empty"),
        ([user(CAW), user(CAW, turn=2), user(CAW)], "2: turn 1 goes on after its end"),
        ([user(SHINY)], "holds a Thinking"),
        ([user(FLY)], "holds a ToolUse"),
        ([user(CAW), model(FLOWN)], "holds a ToolResult"),
        ([user(CAW), model(FLY), user(CAW)], "2: ['t1'] was asked for right before, and [] is answered"),
        ([user(CAW), model(FLY, SIT), user(FLOWN)], "['t1'] is answered"),
        ([user(CAW), model(FLY, SIT), user(FLOWN), user(SAT)], "['t1'] is answered"),
        ([user(CAW), model(FLY, SIT), user(SAT, FLOWN)], "['t2', 't1'] is answered"),
        ([user(CAW), model(FLY), user(FLOWN, FLOWN)], "['t1', 't1'] is answered"),
        ([user(CAW), model(CAW), user(FLOWN)], "[] was asked for"),
        ([user(CAW), model(FLY), user(FLOWN), model(FLY), user(FLOWN)], "3: the ids of tool uses must differ"),
    ],
)
def test_an_invalid_history_has_its_violation(bad: list[Message], problem: str) -> None:
    found = violations(bad)

    assert any(problem in violation for violation in found), found
