"""The validator of histories."""

import pytest
from builders.messages import assistant, user
from validators.history import violations

from rayconteur.providers.schema.content import Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message

CAW = Text(text="Caw")
SHINY = Thinking(text="Shiny", provider="rookery")
FLY = ToolUse(id="t1", name="fly", input={})
SIT = ToolUse(id="t2", name="sit", input={})
FLOWN = ToolResult(tool_use_id="t1")
SAT = ToolResult(tool_use_id="t2", is_error=True)


@pytest.mark.parametrize(
    "good",
    [
        [],
        [user(CAW, Image(url="https://example.com/raven.png"))],
        [user(CAW), assistant(SHINY, CAW), user(CAW, turn=2)],
        [user(CAW), user(CAW, turn=3), user(CAW, turn=2)],
        [
            user(CAW),
            assistant(FLY, Opaque(provider="rookery", type="x", json=b"{}"), SIT),
            user(FLOWN, SAT),
            assistant(CAW),
        ],
        [user(CAW), assistant(FLY), user(FLOWN), user(CAW, turn=3)],
    ],
)
def test_a_valid_history_has_no_violations(good: list[Message]) -> None:
    assert violations(good) == []


def test_open_tool_uses_are_valid_only_at_the_end_while_tools_run() -> None:
    running = [user(CAW), assistant(FLY)]

    assert violations(running, tools_out=True) == []
    assert violations(running) != []
    assert violations([*running, user(FLOWN)], tools_out=True) != []
    assert violations([*running, user(CAW), assistant(SIT)], tools_out=True) != []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ([assistant(CAW)], "must be the user's"),
        ([user(CAW), assistant(), user(CAW)], "1: the message is empty"),
        ([user(Text(text=""))], "a text is empty"),
        ([user(CAW), user(CAW, turn=2), user(CAW)], "2: turn 1 continues after its end"),
        ([user(SHINY)], "contains a Thinking"),
        ([user(FLY)], "contains a ToolUse"),
        ([user(CAW), assistant(FLOWN)], "contains a ToolResult"),
        ([user(CAW), assistant(FLY), user(CAW)], "2: results of [] follow the tool uses ['t1']"),
        ([user(CAW), assistant(FLY, SIT), user(FLOWN)], "results of ['t1']"),
        ([user(CAW), assistant(FLY, SIT), user(FLOWN), user(SAT)], "results of ['t1']"),
        ([user(CAW), assistant(FLY, SIT), user(SAT, FLOWN)], "results of ['t2', 't1']"),
        ([user(CAW), assistant(FLY), user(FLOWN, FLOWN)], "results of ['t1', 't1']"),
        ([user(CAW), assistant(CAW), user(FLOWN)], "follow the tool uses []"),
        ([user(CAW), assistant(FLY), user(FLOWN), assistant(FLY), user(FLOWN)], "3: the ids of tool uses must differ"),
    ],
)
def test_an_invalid_history_has_its_violation(bad: list[Message], problem: str) -> None:
    broken = violations(bad)

    assert any(problem in violation for violation in broken), broken
