"""Tool batches: handed out whole, answered in any order, never guessed."""

import pytest
from builders.conversation import (
    DISCARD,
    answered,
    effects,
    emitted,
    ends,
    failed,
    history_lines,
    in_state,
    only,
    received,
    refused,
    result,
    returned,
    use,
)

from rayconteur.providers.schema.content import ToolResult, ToolUse
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import Limits, SessionConfig
from rayconteur.runtime.api.errors import (
    EmptyMessage,
    MessageTooLarge,
    MissingToolResults,
    ToolUseAnswered,
    UnknownToolUse,
)
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.tool_batch import MALFORMED
from rayconteur.runtime.core.turn import MAX_REFUSED_BATCHES


def waiting_for(*ids: str) -> Conversation:
    """A conversation in turn 1 whose tool uses *ids* are out."""
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, *map(use, ids)))
    return conversation


def test_all_tool_uses_of_an_answer_are_handed_out_at_once_and_in_order() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(answered(1, "let me look", use("b"), use("a")))

    assert emitted(instructions)[-1] == msg.ToolBatch(turn=1, uses=(use("b"), use("a")))
    assert conversation.state is State.TOOLS_OUT
    assert conversation.open_tool_uses == (use("b"), use("a"))
    assert not ends(instructions)


def test_results_sent_together_go_out_in_the_order_of_the_uses() -> None:
    conversation = waiting_for("a", "b", "c")

    instructions = conversation.handle(returned("c", "a", "b"))

    assert history_lines(only(do.SendRequest, instructions).messages) == [
        "user: hi",
        "assistant: <look a> <look b> <look c>",
        "user: a=seen b=seen c=seen",
    ]


def test_the_next_request_goes_out_when_the_last_result_is_in() -> None:
    conversation = waiting_for("a", "b")

    assert effects(conversation.handle(returned("b"))) == []
    assert conversation.open_tool_uses == (use("a"),)
    assert only(do.SendRequest, conversation.handle(returned("a"))).number == 2
    assert not conversation.open_tool_uses


def test_a_turn_goes_on_from_batch_to_batch_until_the_model_is_done() -> None:
    conversation = waiting_for("a")
    conversation.handle(returned("a"))
    conversation.handle(answered(2, use("b")))
    conversation.handle(returned("b"))

    [end] = ends(conversation.handle(answered(3, "done")))

    assert isinstance(end, msg.Completed)
    assert (end.turn, end.requests) == (1, 3)
    assert {message.turn for message in conversation.history} == {1}


def test_a_result_may_be_an_error_and_hold_nothing() -> None:
    conversation = waiting_for("a")

    conversation.handle(received(msg.ToolResults(results=(ToolResult(tool_use_id="a", is_error=True),))))

    assert history_lines(conversation.history)[-1] == "user: a!"


def test_a_result_for_an_unknown_use_is_refused_with_all_that_came_with_it() -> None:
    conversation = waiting_for("a", "b")

    with refused(conversation, UnknownToolUse):
        conversation.handle(returned("a", "x"))


def test_a_second_result_for_a_use_is_refused() -> None:
    conversation = waiting_for("a", "b")
    conversation.handle(returned("a"))

    with refused(conversation, ToolUseAnswered):
        conversation.handle(returned("a"))


def test_two_results_for_one_use_in_one_message_are_refused() -> None:
    conversation = waiting_for("a", "b")

    with refused(conversation, ToolUseAnswered):
        conversation.handle(returned("a", "a"))


def test_last_results_that_leave_a_use_open_are_refused() -> None:
    conversation = waiting_for("a", "b")

    with refused(conversation, MissingToolResults):
        conversation.handle(returned("a", last=True))


def test_last_results_may_complete_what_came_before() -> None:
    conversation = waiting_for("a", "b")
    conversation.handle(returned("a"))

    instructions = conversation.handle(returned("b", last=True))

    assert only(do.SendRequest, instructions).number == 2


def test_no_results_at_all_are_refused() -> None:
    conversation = waiting_for("a")

    with refused(conversation, EmptyMessage):
        conversation.handle(returned())


def test_results_too_large_for_one_message_are_refused() -> None:
    conversation = in_state(State.TOOLS_OUT, SessionConfig(provider=DISCARD.provider, limits=Limits(message_bytes=100)))

    with refused(conversation, MessageTooLarge):
        conversation.handle(received(msg.ToolResults(results=(result("a"),)), size_bytes=101))


@pytest.mark.parametrize("state", [State.IDLE, State.REQUESTING, State.RETRYING, State.COMPACTING])
def test_results_are_refused_where_no_use_is_open(state: State) -> None:
    conversation = in_state(state)

    with refused(conversation, UnknownToolUse):
        conversation.handle(returned("a"))


def test_results_that_come_again_later_are_refused_as_answered() -> None:
    conversation = waiting_for("a")
    conversation.handle(returned("a"))

    with refused(conversation, ToolUseAnswered):
        conversation.handle(returned("a"))


def test_malformed_input_is_answered_with_an_error_in_its_place() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(answered(1, use("a"), use("b", malformed="{"), use("c")))
    conversation.handle(returned("c", "a"))

    assert emitted(instructions)[-1] == msg.ToolBatch(
        turn=1, uses=(use("a"), use("c")), refused=(use("b", malformed="{"),)
    )
    assert history_lines(conversation.history)[-1] == "user: a=seen b! c=seen"


def test_the_driver_cannot_answer_a_use_whose_input_was_malformed() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, use("a"), use("b", malformed="{")))

    with refused(conversation, ToolUseAnswered):
        conversation.handle(returned("a", "b"))


def test_a_model_that_wrote_no_valid_input_at_all_is_told_at_once() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(answered(1, use("a", malformed="[1]"), use("b", malformed="")))

    messages = only(do.SendRequest, instructions).messages
    assert history_lines(messages)[-1] == "user: a! b!"
    assert MALFORMED in str(messages[-1].content)


def test_a_model_that_never_writes_valid_input_fails_its_turn_and_retry_goes_on_from_there() -> None:
    conversation = in_state(State.REQUESTING)
    for request in range(1, MAX_REFUSED_BATCHES):
        assert not ends(conversation.handle(answered(request, use("a", malformed="{"))))

    [end] = ends(conversation.handle(answered(MAX_REFUSED_BATCHES, use("a", malformed="{"))))

    assert isinstance(end, msg.Failed)
    assert end.code == "malformed_tool_input"
    assert only(do.SendRequest, conversation.handle(received(msg.Retry()))).messages == conversation.history


def test_one_valid_input_resets_the_patience_with_malformed_ones() -> None:
    conversation = in_state(State.REQUESTING)
    for _ in range(MAX_REFUSED_BATCHES):
        conversation.handle(answered(conversation.requests, use("a", malformed="{")))
        conversation.handle(answered(conversation.requests, use("b")))
        conversation.handle(returned(conversation.open_tool_uses[0].id))

    assert conversation.state is State.REQUESTING


def test_an_id_that_a_model_uses_again_is_told_apart_from_the_one_before() -> None:
    conversation = waiting_for("call_0")
    conversation.handle(returned("call_0"))

    instructions = conversation.handle(answered(2, use("call_0")))
    conversation.handle(returned("call_0-2"))

    assert only(msg.ToolBatch, emitted(instructions)).uses == (use("call_0-2"),)
    assert history_lines(conversation.history)[-2:] == ["assistant: <look call_0-2>", "user: call_0-2=seen"]


def test_a_use_without_an_id_gets_one() -> None:
    conversation = in_state(State.REQUESTING)

    conversation.handle(answered(1, ToolUse(id="", name="look", input={})))

    assert conversation.open_tool_uses[0].id


def test_a_failed_request_after_a_batch_keeps_its_results_for_the_retry() -> None:
    conversation = waiting_for("a")
    conversation.handle(returned("a"))
    conversation.handle(failed(2))

    sent = only(do.SendRequest, conversation.handle(received(msg.Retry())))

    assert history_lines(sent.messages) == ["user: hi", "assistant: <look a>", "user: a=seen"]
    assert sent.turn == 2
