"""Tools that start while the answer is still streamed: none runs twice, out of order, or for an answer that fails."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    answered,
    assert_rejected,
    conversation_in,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    partial,
    received,
    request_failed,
    tool_results,
    tool_use,
    user_message,
)

from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Approval, Tool, ToolStart
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import UnknownToolUse
from rayconteur.runtime.api.settings.policies import OnMaxSteps, OnRefusal
from rayconteur.runtime.api.status import State
from rayconteur.runtime.api.tools.builtins import ASK_USER
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.handlers.early_tools import WITHDRAWN
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.phases import ToolsOut

LOOK, CAREFUL = Tool(name="look"), Tool(name="careful", approve=Approval.ALWAYS)
LATE = Tool(name="late", start=ToolStart.COMPLETE)
TOOLS = (LOOK, CAREFUL, LATE, ASK_USER)
STREAMING = msgspec.structs.replace(DISCARD, tools=TOOLS, start_tools=ToolStart.STREAMING)
KEEPS = msgspec.structs.replace(KEEP, tools=TOOLS, start_tools=ToolStart.STREAMING)


def ready(use_id: str, name: str = "look", request: int = 1) -> ev.ToolUseReady:
    return ev.ToolUseReady(request=request, use=use(use_id, name))


def use(use_id: str, name: str = "look") -> ToolUse:
    return ToolUse(id=use_id, name=name, input={"at": 1})


def streaming(*ready_ids: str, config: SessionConfig = STREAMING) -> Conversation:
    """A conversation whose first answer has had tool uses so far, which run."""
    conversation = conversation_in(State.REQUESTING, config)
    for each in ready_ids:
        assert emitted_events(conversation.handle(ready(each))) == [out.ToolBatch(turn=1, uses=(use(each),), step=1)]
    return conversation


def withdrawn(use_id: str) -> out.ToolFailed:
    return out.ToolFailed(turn=1, tool_use_id=use_id, name="look", message=WITHDRAWN)


def test_a_tool_runs_once_although_its_answer_asks_for_it_again_at_its_end() -> None:
    conversation = streaming("a")
    conversation.handle(received(msg.ToolUpdate(started=("a",))))
    conversation.handle(tool_results("a"))

    at_the_end = emitted_events(conversation.handle(answered(1, "I look.", use("a"), use("b"))))
    step, sent = conversation.handle(tool_results("b"))[-2:]

    assert at_the_end[1:] == [out.ToolBatch(turn=1, uses=(use("b"),), step=1)]
    assert emitted_events([step])[0].uses == (use("a"), use("b"))  # type: ignore[union-attr]
    assert isinstance(sent, SendRequest)
    assert history_lines(sent.messages) == ["user: hi", "assistant: I look. <look a> <look b>", "user: a=seen b=seen"]


def test_the_tools_of_a_late_request_of_a_long_conversation_run() -> None:
    conversation = opened_conversation(STREAMING)
    for request in range(1, 300):
        conversation.handle(user_message("hi"))
        conversation.handle(answered(request, "yes"))
    conversation.handle(user_message("look"))

    assert emitted_events(conversation.handle(ready("a", request=300)))
    assert only_one(SendRequest, conversation.handle(answered(300, use("a"))) + conversation.handle(tool_results("a")))


def test_an_answer_whose_tools_have_all_run_leads_to_the_next_request_at_once() -> None:
    conversation = streaming("a")
    conversation.handle(tool_results("a"))

    instructions = conversation.handle(answered(1, use("a")))

    assert only_one(SendRequest, instructions).number == 2
    assert [type(event) for event in emitted_events(instructions)] == [out.TokenUpdate, out.StepCompleted]


@pytest.mark.parametrize(
    ("own", "session", "starts"),
    [
        (None, ToolStart.COMPLETE, False),
        (None, ToolStart.STREAMING, True),
        (ToolStart.STREAMING, ToolStart.COMPLETE, True),
        (ToolStart.COMPLETE, ToolStart.STREAMING, False),
    ],
)
def test_a_tool_says_for_itself_when_it_starts(own: ToolStart | None, session: ToolStart, starts: bool) -> None:
    config = msgspec.structs.replace(DISCARD, tools=(Tool(name="look", start=own),), start_tools=session)
    conversation = opened_conversation(config)

    sent = only_one(SendRequest, conversation.handle(user_message()))

    assert sent.early_tools is starts
    assert bool(emitted_events(conversation.handle(ready("a")))) is starts


def test_no_tool_starts_early_in_an_answer_that_is_not_streamed_or_may_use_none() -> None:
    whole = msgspec.structs.replace(STREAMING, streaming=False)
    last = msgspec.structs.replace(STREAMING, max_steps=1, on_max_steps=OnMaxSteps.ANSWER)
    conversation = conversation_in(State.REQUESTING, last)
    conversation.handle(answered(1, use("a")))

    assert not only_one(SendRequest, conversation.handle(tool_results("a"))).early_tools
    assert not only_one(SendRequest, opened_conversation(whole).handle(user_message())).early_tools


def test_one_that_waits_for_the_end_of_the_answer_holds_up_those_after_it() -> None:
    conversation = streaming("a")

    assert emitted_events(conversation.handle(ready("b", "late"))) == []
    assert conversation.handle(ready("c")) == []
    [_, batch] = emitted_events(conversation.handle(answered(1, use("a"), use("b", "late"), use("c"))))

    assert batch == out.ToolBatch(turn=1, uses=(use("b", "late"), use("c")), step=1)


def test_what_is_approved_or_answered_first_waits_and_holds_up_nothing() -> None:
    conversation = conversation_in(State.REQUESTING, STREAMING)
    asks = ToolUse(id="q", name="ask_user", input={"question": "Which?"})
    wrong = tool_use("w", malformed="{")

    for each in (use("c", "careful"), asks, wrong):
        assert emitted_events(conversation.handle(ev.ToolUseReady(request=1, use=each))) == []
    assert emitted_events(conversation.handle(ready("a"))) == [out.ToolBatch(turn=1, uses=(use("a"),), step=1)]
    [_, batch, approval, *_] = emitted_events(
        conversation.handle(answered(1, use("c", "careful"), asks, wrong, use("a")))
    )

    assert batch == out.ToolBatch(turn=1, uses=(), refused=(wrong,), step=1)
    assert approval == out.ApprovalRequested(turn=1, uses=(use("c", "careful"),), step=1)
    assert [each.id for each in conversation.open_tool_uses] == ["c", "q", "a"]


def test_a_program_may_ask_for_approval_before_the_answer_is_complete() -> None:
    conversation = streaming("a")

    asked = emitted_events(conversation.handle(received(msg.RequestApproval(tool_use_ids=("a",)))))
    approved = emitted_events(conversation.handle(received(msg.Approve(inputs={"a": {"at": 2}}))))
    conversation.handle(answered(1, use("a")))
    sent = only_one(SendRequest, conversation.handle(tool_results("a")))

    assert asked == [out.ApprovalRequested(turn=1, uses=(use("a"),), step=1)]
    assert approved == [out.ToolBatch(turn=1, uses=(ToolUse("a", "look", {"at": 2}),), step=1)]
    assert 'changed its input to {\\"at\\":2}' in msgspec.json.encode(sent.messages[-1]).decode()


def test_a_use_that_nobody_has_approved_before_the_end_of_the_answer_waits_on() -> None:
    conversation = streaming("a")
    conversation.handle(received(msg.RequestApproval(tool_use_ids=("a",))))

    at_the_end = emitted_events(conversation.handle(answered(1, use("a"))))

    assert [type(event) for event in at_the_end] == [out.TokenUpdate]
    assert [each.id for each in conversation.unapproved_tool_uses] == ["a"]


def test_results_of_an_answer_that_failed_are_not_those_of_the_next_one_even_if_that_asks_for_the_same() -> None:
    conversation = streaming("a", "b")
    conversation.handle(tool_results("a"))

    failed = emitted_events(conversation.handle(request_failed(1, retryable=True)))
    conversation.handle(ev.BackoffEnded(request=1))
    with assert_rejected(conversation, UnknownToolUse):
        conversation.handle(tool_results("b"))
    [batch] = emitted_events(conversation.handle(ready("b", request=2)))
    with assert_rejected(conversation, UnknownToolUse):
        conversation.handle(tool_results("b"))
    conversation.handle(answered(2, use("a"), use("b")))

    assert failed[0] == withdrawn("b")  # the other one has had its end
    assert isinstance(failed[1], out.Retrying)
    assert batch == out.ToolBatch(turn=1, uses=(use("b-2"),), step=1)
    assert [each.id for each in conversation.open_tool_uses] == ["a-2", "b-2"]


@pytest.mark.parametrize(
    "event",
    [request_failed(1), ev.TaskCancelled(), ev.Recovered(), answered(1, "no")],
    ids=lambda event: type(event).__name__,
)
def test_the_end_of_a_tool_use_that_no_answer_asks_for_is_told(event: ev.Event) -> None:
    conversation = streaming("a")

    emitted = emitted_events(conversation.handle(event))

    assert withdrawn("a") in emitted
    assert not any("look" in line for line in history_lines(conversation.history))


def test_a_refused_answer_takes_its_tools_with_it() -> None:
    config = msgspec.structs.replace(STREAMING, on_refusal=OnRefusal.DISCARD)
    conversation = streaming("a", config=config)

    emitted = emitted_events(conversation.handle(answered(1, use("a"), stop=StopReason.REFUSAL)))

    assert [type(event) for event in emitted] == [out.TokenUpdate, out.ToolFailed, out.Completed]
    assert conversation.history == ()


def test_a_use_whose_input_is_another_one_at_the_end_starts_anew() -> None:
    conversation = streaming("a")
    conversation.handle(tool_results("a"))
    cut_off = msgspec.structs.replace(tool_use("a", malformed="{"), cut_off=StopReason.MAX_TOKENS)

    conversation.handle(answered(1, cut_off, stop=StopReason.MAX_TOKENS))

    assert history_lines(conversation.history)[-1] == "user: a-2!"


def test_an_interrupt_keeps_the_results_that_there_are_if_the_turn_stays() -> None:
    conversation = streaming("a", "b", config=KEEPS)
    conversation.handle(tool_results("a"))

    conversation.handle(received(msg.Interrupt(), partial(use("a"), use("b"))))

    assert history_lines(conversation.history) == ["user: hi", "assistant: <look a> <look b>", "user: a=seen b!"]


def test_a_late_result_of_an_interrupted_turn_is_not_taken_for_that_of_the_next_one() -> None:
    conversation = streaming("a")
    conversation.handle(received(msg.Interrupt()))
    conversation.handle(user_message())

    [batch] = emitted_events(conversation.handle(ready("a", request=2)))

    assert batch == out.ToolBatch(turn=2, uses=(use("a-2"),), step=1)
    with assert_rejected(conversation, UnknownToolUse):
        conversation.handle(tool_results("a"))


def test_time_limits_begin_with_the_end_of_the_answer() -> None:
    conversation = streaming("a", config=msgspec.structs.replace(STREAMING, results_timeout_s=60.0))
    conversation.handle(received(msg.ToolUpdate(started=("a",))))

    conversation.handle(answered(1, use("a")))

    assert isinstance(conversation.phase, ToolsOut)
    assert conversation.phase.batch.timer


def test_a_long_result_of_an_answer_that_failed_is_not_kept() -> None:
    conversation = streaming("a")
    conversation.handle(received(msg.ToolResults(results=(_long_result("a"),), max_result_bytes=3)))
    held = conversation.history_size.held_bytes

    conversation.handle(request_failed(1, retryable=True))

    assert conversation.history_size.held_bytes < held


def _long_result(use_id: str) -> ToolResult:
    return ToolResult(use_id, (Text("many ravens"),))
