"""Tool batches: emitted as a whole, answered in any order; malformed input is never guessed."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    USAGE,
    answered,
    assert_rejected,
    conversation_in,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    received,
    request_failed,
    tool_result,
    tool_results,
    tool_use,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.content import Text, ToolResult, ToolUse
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool, ToolChoice
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import (
    EmptyMessage,
    MessageTooLarge,
    MissingToolResults,
    ToolUseAnswered,
    UnknownToolUse,
)
from rayconteur.runtime.api.settings.policies import Limits, OnMaxSteps
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest
from rayconteur.runtime.core.tools.batch import MALFORMED, NO_MORE
from rayconteur.runtime.core.turn import MAX_REFUSED_BATCHES


def conversation_with_open_tool_uses(*ids: str) -> Conversation:
    """A conversation in turn 1 that waits for the results of the tool uses *ids*."""
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, *map(tool_use, ids)))
    return conversation


def test_a_tool_batch_has_all_tool_uses_of_an_answer_in_order() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(answered(1, "let me look", tool_use("b"), tool_use("a")))

    assert emitted_events(instructions)[-1] == out.ToolBatch(turn=1, uses=(tool_use("b"), tool_use("a")), step=1)
    assert conversation.state is State.TOOLS_OUT
    assert conversation.open_tool_uses == (tool_use("b"), tool_use("a"))
    assert not turn_ends(instructions)


def test_results_are_sent_in_the_order_of_the_tool_uses() -> None:
    conversation = conversation_with_open_tool_uses("a", "b", "c")

    instructions = conversation.handle(tool_results("c", "a", "b"))

    assert history_lines(only_one(SendRequest, instructions).messages) == [
        "user: hi",
        "assistant: <look a> <look b> <look c>",
        "user: a=seen b=seen c=seen",
    ]


def test_the_next_request_is_sent_when_the_last_result_arrives() -> None:
    conversation = conversation_with_open_tool_uses("a", "b")

    first = conversation.handle(tool_results("b"))
    assert emitted_events(first) == [out.ToolCompleted(turn=1, tool_use_id="b", name="look")]
    assert not [each for each in first if isinstance(each, SendRequest)]
    assert conversation.open_tool_uses == (tool_use("a"),)
    assert only_one(SendRequest, conversation.handle(tool_results("a"))).number == 2
    assert not conversation.open_tool_uses


def test_a_turn_continues_through_tool_batches_until_the_model_is_done() -> None:
    conversation = conversation_with_open_tool_uses("a")
    conversation.handle(tool_results("a"))
    conversation.handle(answered(2, tool_use("b")))
    conversation.handle(tool_results("b"))

    [end] = turn_ends(conversation.handle(answered(3, "done")))

    assert isinstance(end, out.Completed)
    assert (end.turn, end.requests) == (1, 3)
    assert {message.turn for message in conversation.history} == {1}


def test_a_turn_ends_with_the_results_of_its_last_step_and_goes_on_when_it_is_retried() -> None:
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, max_steps=2))
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, tool_use("a")))
    assert only_one(SendRequest, conversation.handle(tool_results("a"))).number == 2
    conversation.handle(answered(2, tool_use("b")))

    [end] = turn_ends(conversation.handle(tool_results("b")))

    assert isinstance(end, out.Completed)
    assert (end.stop_reason, end.requests, end.usage) == (StopReason.MAX_STEPS, 2, USAGE + USAGE)
    assert history_lines(conversation.history)[-1] == "user: b=seen"
    assert only_one(SendRequest, conversation.handle(received(msg.Retry()))).number == 3


def test_steps_without_a_valid_input_count_too() -> None:
    conversation = opened_conversation(msgspec.structs.replace(DISCARD, max_steps=1))
    conversation.handle(user_message("hi"))

    [end] = turn_ends(conversation.handle(answered(1, tool_use("a", malformed="{"))))

    assert isinstance(end, out.Completed)
    assert end.stop_reason is StopReason.MAX_STEPS


def test_a_result_may_be_an_error_without_content() -> None:
    conversation = conversation_with_open_tool_uses("a")

    conversation.handle(received(msg.ToolResults(results=(ToolResult(tool_use_id="a", is_error=True),))))

    assert history_lines(conversation.history)[-1] == "user: a!"


def test_a_result_for_an_unknown_tool_use_rejects_the_whole_message() -> None:
    conversation = conversation_with_open_tool_uses("a", "b")

    with assert_rejected(conversation, UnknownToolUse):
        conversation.handle(tool_results("a", "x"))


def test_a_second_result_for_a_tool_use_is_rejected() -> None:
    conversation = conversation_with_open_tool_uses("a", "b")
    conversation.handle(tool_results("a"))

    with assert_rejected(conversation, ToolUseAnswered):
        conversation.handle(tool_results("a"))


def test_two_results_for_one_tool_use_in_one_message_are_rejected() -> None:
    conversation = conversation_with_open_tool_uses("a", "b")

    with assert_rejected(conversation, ToolUseAnswered):
        conversation.handle(tool_results("a", "a"))


def test_last_results_that_leave_a_tool_use_open_are_rejected() -> None:
    conversation = conversation_with_open_tool_uses("a", "b")

    with assert_rejected(conversation, MissingToolResults):
        conversation.handle(tool_results("a", last=True))


def test_last_results_may_complete_earlier_ones() -> None:
    conversation = conversation_with_open_tool_uses("a", "b")
    conversation.handle(tool_results("a"))

    instructions = conversation.handle(tool_results("b", last=True))

    assert only_one(SendRequest, instructions).number == 2


def test_a_message_without_results_is_rejected() -> None:
    conversation = conversation_with_open_tool_uses("a")

    with assert_rejected(conversation, EmptyMessage):
        conversation.handle(tool_results())


def test_results_that_are_too_large_are_rejected() -> None:
    conversation = conversation_in(
        State.TOOLS_OUT, SessionConfig(provider=DISCARD.provider, limits=Limits(message_bytes=100))
    )

    with assert_rejected(conversation, MessageTooLarge):
        conversation.handle(received(msg.ToolResults(results=(tool_result("a"),)), size_bytes=101))


@pytest.mark.parametrize("state", [State.IDLE, State.REQUESTING, State.RETRYING, State.COMPACTING])
def test_results_are_rejected_when_no_tool_use_is_open(state: State) -> None:
    conversation = conversation_in(state)

    with assert_rejected(conversation, UnknownToolUse):
        conversation.handle(tool_results("a"))


def test_results_repeated_after_the_batch_are_rejected_as_answered() -> None:
    conversation = conversation_with_open_tool_uses("a")
    conversation.handle(tool_results("a"))

    with assert_rejected(conversation, ToolUseAnswered):
        conversation.handle(tool_results("a"))


def test_a_tool_use_with_malformed_input_gets_an_error_result_in_its_position() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(answered(1, tool_use("a"), tool_use("b", malformed="{"), tool_use("c")))
    conversation.handle(tool_results("c", "a"))

    assert emitted_events(instructions)[-1] == out.ToolBatch(
        turn=1, uses=(tool_use("a"), tool_use("c")), refused=(tool_use("b", malformed="{"),), step=1
    )
    assert history_lines(conversation.history)[-1] == "user: a=seen b! c=seen"


def test_a_result_for_a_tool_use_with_malformed_input_is_rejected() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, tool_use("a"), tool_use("b", malformed="{")))

    with assert_rejected(conversation, ToolUseAnswered):
        conversation.handle(tool_results("a", "b"))


def test_a_batch_without_valid_input_is_returned_to_the_model_at_once() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(answered(1, tool_use("a", malformed="[1]"), tool_use("b", malformed="")))

    messages = only_one(SendRequest, instructions).messages
    assert history_lines(messages)[-1] == "user: a! b!"
    assert MALFORMED in str(messages[-1].content)


def test_repeated_batches_without_valid_input_fail_the_turn_and_retry_continues() -> None:
    conversation = conversation_in(State.REQUESTING)
    for request in range(1, MAX_REFUSED_BATCHES):
        assert not turn_ends(conversation.handle(answered(request, tool_use("a", malformed="{"))))

    [end] = turn_ends(conversation.handle(answered(MAX_REFUSED_BATCHES, tool_use("a", malformed="{"))))

    assert isinstance(end, out.Failed)
    assert (end.code, end.retryable) == ("malformed_tool_input", True)
    assert only_one(SendRequest, conversation.handle(received(msg.Retry()))).messages == conversation.history


def test_one_valid_input_resets_the_count_of_malformed_batches() -> None:
    conversation = conversation_in(State.REQUESTING)
    for _ in range(MAX_REFUSED_BATCHES):
        conversation.handle(answered(conversation.requests, tool_use("a", malformed="{")))
        conversation.handle(answered(conversation.requests, tool_use("b")))
        conversation.handle(tool_results(conversation.open_tool_uses[0].id))

    assert conversation.state is State.REQUESTING


def test_a_repeated_tool_use_id_is_made_unique() -> None:
    conversation = conversation_with_open_tool_uses("call_0")
    conversation.handle(tool_results("call_0"))

    instructions = conversation.handle(answered(2, tool_use("call_0")))
    conversation.handle(tool_results("call_0-2"))

    assert only_one(out.ToolBatch, emitted_events(instructions)).uses == (tool_use("call_0-2"),)
    assert history_lines(conversation.history)[-2:] == ["assistant: <look call_0-2>", "user: call_0-2=seen"]


def test_a_tool_use_without_an_id_gets_one() -> None:
    conversation = conversation_in(State.REQUESTING)

    conversation.handle(answered(1, ToolUse(id="", name="look", input={})))

    assert conversation.open_tool_uses[0].id


def test_a_retry_after_tool_results_sends_them_again() -> None:
    conversation = conversation_with_open_tool_uses("a")
    conversation.handle(tool_results("a"))
    conversation.handle(request_failed(2))

    sent = only_one(SendRequest, conversation.handle(received(msg.Retry())))

    assert history_lines(sent.messages) == ["user: hi", "assistant: <look a>", "user: a=seen"]
    assert sent.turn == 2


def test_a_tool_that_ends_the_turn_does_so_unless_its_result_is_an_error() -> None:
    config = msgspec.structs.replace(DISCARD, tools=(Tool(name="look", ends_turn=True),))
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, tool_use("a")))

    failed = msg.ToolResults(results=(ToolResult("a", is_error=True),))
    assert only_one(SendRequest, conversation.handle(received(failed))).number == 2
    conversation.handle(answered(2, tool_use("b"), tool_use("c")))
    conversation.handle(tool_results("c"))
    [end] = turn_ends(conversation.handle(tool_results("b")))

    assert isinstance(end, out.Completed)
    assert (end.stop_reason, end.requests) == (StopReason.ENDED_BY_TOOL, 2)
    assert history_lines(conversation.history)[-1] == "user: b=seen c=seen"
    assert conversation.state is State.IDLE


def conversation_after_its_last_step() -> tuple[Conversation, SendRequest]:
    """A conversation whose model is asked for a last answer, and the request for it."""
    config = msgspec.structs.replace(DISCARD, tools=(Tool(name="look"),), max_steps=1, on_max_steps=OnMaxSteps.ANSWER)
    conversation = opened_conversation(config)
    conversation.handle(user_message("hi"))
    conversation.handle(answered(1, tool_use("a")))
    return conversation, only_one(SendRequest, conversation.handle(tool_results("a")))


def test_after_the_last_step_the_model_may_answer_without_tools() -> None:
    conversation, last = conversation_after_its_last_step()

    [end] = turn_ends(conversation.handle(answered(2, "done")))
    later = only_one(SendRequest, conversation.handle(user_message("and now?")))

    assert last.config.tool_choice == ToolChoice(mode="none")
    assert isinstance(end, out.Completed)
    assert end.stop_reason is StopReason.END_TURN
    assert later.config.tool_choice is None


def test_a_model_that_asks_for_tools_when_it_may_use_none_ends_the_turn() -> None:
    conversation, _ = conversation_after_its_last_step()

    instructions = conversation.handle(answered(2, tool_use("b")))

    [end] = turn_ends(instructions)
    assert isinstance(end, out.Completed)
    assert end.stop_reason is StopReason.MAX_STEPS
    assert not [event for event in emitted_events(instructions) if isinstance(event, out.ToolBatch)]
    assert history_lines(conversation.history)[-1] == "user: b!"
    [result] = conversation.history[-1].content
    assert isinstance(result, ToolResult)
    assert (result.tool_use_id, result.is_error, result.content) == ("b", True, (Text(NO_MORE),))
