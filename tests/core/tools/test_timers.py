"""The wait for tools is limited: what nobody answers or approves in time gets an error result."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    emitted_events,
    only_one,
    opened_conversation,
    received,
    tool_results,
    tool_use,
    user_message,
)

from rayconteur.providers.schema.content import Text, ToolResult
from rayconteur.providers.schema.tools import Approval
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest, StartToolTimer
from rayconteur.runtime.core.tools.batch import NOBODY_ANSWERED, NOBODY_APPROVED

LIMITED = msgspec.structs.replace(DISCARD, results_timeout_s=60.0, approval_timeout_s=600.0)
CAREFUL = msgspec.structs.replace(LIMITED, approve=Approval.ALWAYS)


def started(config: SessionConfig) -> tuple[Conversation, StartToolTimer]:
    """A conversation that waits for the tool uses ``a`` and ``b``, and the timer that it started."""
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    return conversation, only_one(StartToolTimer, conversation.handle(answered(1, tool_use("a"), tool_use("b"))))


def texts(step: out.StepCompleted) -> list[str]:
    return ["".join(block.text for block in result.content if isinstance(block, Text)) for result in step.results]


def test_a_use_that_nobody_answers_in_time_gets_an_error_result() -> None:
    conversation, timer = started(LIMITED)
    assert (timer.delay_s, timer.approval) == (60.0, False)
    restarted = only_one(StartToolTimer, conversation.handle(tool_results("a")))

    assert conversation.handle(ev.ToolsTimedOut(timer=timer.timer)) == []
    instructions = conversation.handle(ev.ToolsTimedOut(timer=restarted.timer))

    failed, step = emitted_events(instructions)
    assert isinstance(failed, out.ToolFailed)
    assert failed.tool_use_id == "b"
    assert isinstance(step, out.StepCompleted)
    assert texts(step) == ["seen", NOBODY_ANSWERED]
    assert only_one(SendRequest, instructions).number == 2


def test_a_use_that_nobody_approves_in_time_is_not_run() -> None:
    conversation, timer = started(CAREFUL)
    assert (timer.delay_s, timer.approval) == (600.0, True)
    approved = only_one(StartToolTimer, conversation.handle(received(msg.Approve(tool_use_ids=("a",)))))
    assert (approved.delay_s, approved.approval) == (60.0, False)

    conversation.handle(ev.ToolsTimedOut(timer=timer.timer, approval=True))
    [_, step] = emitted_events(conversation.handle(tool_results("a")))

    assert isinstance(step, out.StepCompleted)
    assert texts(step) == ["seen", NOBODY_APPROVED]


@pytest.mark.parametrize("message", [msg.ToolUpdate(started=("a",)), msg.RequestApproval(tool_use_ids=("a",))])
def test_each_sign_of_life_starts_the_wait_anew(message: msg.ToLLM) -> None:
    conversation, timer = started(LIMITED)

    timers = [each for each in conversation.handle(received(message)) if isinstance(each, StartToolTimer)]

    assert [each.delay_s for each in timers] == [60.0, 600.0][: len(timers)]
    assert conversation.handle(ev.ToolsTimedOut(timer=timer.timer)) == []
    assert conversation.state is State.TOOLS_OUT


def test_no_timer_runs_where_there_is_no_limit() -> None:
    unlimited = msgspec.structs.replace(CAREFUL, results_timeout_s=None, approval_timeout_s=None)
    conversation = opened_conversation(unlimited)
    conversation.handle(user_message("hi"))

    instructions = [
        *conversation.handle(answered(1, tool_use("a"))),
        *conversation.handle(received(msg.Approve())),
    ]

    assert not [each for each in instructions if isinstance(each, StartToolTimer)]


def test_an_interrupted_turn_is_not_reached_by_its_timer() -> None:
    conversation, timer = started(LIMITED)
    conversation.handle(received(msg.Interrupt()))

    assert conversation.handle(ev.ToolsTimedOut(timer=timer.timer)) == []


def test_a_step_tells_how_long_it_took_with_its_tools() -> None:
    conversation = opened_conversation()

    def at(second: float, event: ev.Event) -> list[out.FromLLM]:
        return emitted_events(conversation.handle(msgspec.structs.replace(event, at=second)))

    at(10, user_message("hi"))
    at(12, answered(1, tool_use("a")))
    first = at(15, tool_results("a"))
    at(16, answered(2, tool_use("b")))
    second = at(20, tool_results("b"))

    steps = [only_one(out.StepCompleted, events) for events in (first, second)]
    assert [step.duration_s for step in steps] == [5, 5]


def test_what_a_tool_took_and_that_it_started_is_in_its_events() -> None:
    conversation, _ = started(LIMITED)
    [start, progress] = emitted_events(
        conversation.handle(received(msg.ToolUpdate(started=("a",), progress={"a": "half" * 5_000})))
    )
    assert start == out.ToolStarted(turn=1, tool_use_id="a", name="look")
    assert progress == out.ToolProgress(turn=1, tool_use_id="a", name="look", text="half" * 500)

    results = (ToolResult("a"), ToolResult("b", (Text("no"),), is_error=True))
    instructions = conversation.handle(received(msg.ToolResults(results=results, durations_s={"a": 0.5, "b": 2.0})))

    assert emitted_events(instructions)[:3] == [
        out.ToolStarted(turn=1, tool_use_id="b", name="look"),
        out.ToolCompleted(turn=1, tool_use_id="a", name="look", duration_s=0.5),
        out.ToolFailed(turn=1, tool_use_id="b", name="look", message="no", duration_s=2.0),
    ]
