"""Tool batches: handed out whole, answered in any order, never guessed."""

import pytest
from builders.conversation import (
    DISCARD,
    answered,
    emitted,
    ends,
    failed,
    in_state,
    only,
    refused,
    result,
    returned,
    said,
    use,
)

from rayconteur.providers.schema.content import ToolResult, ToolUse
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import Limits, SessionConfig
from rayconteur.runtime.api.errors import (
    EmptyMessage,
    MessageTooLarge,
    MissingToolResults,
    ToolUseAnswered,
    UnknownToolUse,
)
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.tool_batch import MALFORMED
from rayconteur.runtime.core.turn import REFUSED_BATCHES


def waiting_for(*ids: str) -> Conversation:
    """A conversation in turn 1 whose tool uses *ids* are out."""
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1, *map(use, ids)))
    return talk


def test_all_tool_uses_of_an_answer_are_handed_out_at_once_and_in_order() -> None:
    talk = in_state(State.STREAMING)

    instructions = talk.handle(answered(1, "let me look", use("b"), use("a")))

    assert emitted(instructions)[-1] == say.ToolBatch(turn=1, uses=(use("b"), use("a")))
    assert talk.state is State.TOOLS_OUT
    assert talk.open_tool_uses == (use("b"), use("a"))
    assert not ends(instructions)


def test_results_sent_together_go_out_in_the_order_of_the_uses() -> None:
    talk = waiting_for("a", "b", "c")

    instructions = talk.handle(returned("c", "a", "b"))

    assert said(only(do.Send, instructions).messages) == [
        "user: hi",
        "assistant: <look a> <look b> <look c>",
        "user: a=seen b=seen c=seen",
    ]


def test_the_next_request_goes_out_when_the_last_result_is_in() -> None:
    talk = waiting_for("a", "b")

    assert talk.handle(returned("b")) == [do.Record(returned("b"))]
    assert talk.open_tool_uses == (use("a"),)
    assert only(do.Send, talk.handle(returned("a"))).number == 2
    assert not talk.open_tool_uses


def test_a_turn_goes_on_from_batch_to_batch_until_the_model_is_done() -> None:
    talk = waiting_for("a")
    talk.handle(returned("a"))
    talk.handle(answered(2, use("b")))
    talk.handle(returned("b"))

    [end] = ends(talk.handle(answered(3, "done")))

    assert isinstance(end, say.Completed)
    assert (end.turn, end.requests) == (1, 3)
    assert {message.turn for message in talk.history} == {1}


def test_a_result_may_be_an_error_and_hold_nothing() -> None:
    talk = waiting_for("a")

    talk.handle(ev.ToolsReturned(results=(ToolResult(tool_use_id="a", is_error=True),)))

    assert said(talk.history)[-1] == "user: a!"


def test_a_result_for_an_unknown_use_is_refused_with_all_that_came_with_it() -> None:
    talk = waiting_for("a", "b")

    with refused(talk, UnknownToolUse):
        talk.handle(returned("a", "x"))


def test_a_second_result_for_a_use_is_refused() -> None:
    talk = waiting_for("a", "b")
    talk.handle(returned("a"))

    with refused(talk, ToolUseAnswered):
        talk.handle(returned("a"))


def test_two_results_for_one_use_in_one_message_are_refused() -> None:
    talk = waiting_for("a", "b")

    with refused(talk, ToolUseAnswered):
        talk.handle(returned("a", "a"))


def test_last_results_that_leave_a_use_open_are_refused() -> None:
    talk = waiting_for("a", "b")

    with refused(talk, MissingToolResults):
        talk.handle(returned("a", last=True))


def test_last_results_may_complete_what_came_before() -> None:
    talk = waiting_for("a", "b")
    talk.handle(returned("a"))

    instructions = talk.handle(returned("b", last=True))

    assert only(do.Send, instructions).number == 2


def test_no_results_at_all_are_refused() -> None:
    talk = waiting_for("a")

    with refused(talk, EmptyMessage):
        talk.handle(returned())


def test_results_too_large_for_one_message_are_refused() -> None:
    talk = in_state(State.TOOLS_OUT, SessionConfig(provider=DISCARD.provider, limits=Limits(message_bytes=100)))

    with refused(talk, MessageTooLarge):
        talk.handle(ev.ToolsReturned(results=(result("a"),), size_bytes=101))


@pytest.mark.parametrize("state", [State.IDLE, State.REQUESTING, State.STREAMING, State.RETRYING, State.COMPACTING])
def test_results_are_refused_where_no_use_is_open(state: State) -> None:
    talk = in_state(state)

    with refused(talk, UnknownToolUse):
        talk.handle(returned("a"))


def test_results_that_come_again_later_are_refused_as_answered() -> None:
    talk = waiting_for("a")
    talk.handle(returned("a"))

    with refused(talk, ToolUseAnswered):
        talk.handle(returned("a"))


def test_malformed_input_is_answered_with_an_error_in_its_place() -> None:
    talk = in_state(State.STREAMING)

    instructions = talk.handle(answered(1, use("a"), use("b", malformed="{"), use("c")))
    talk.handle(returned("c", "a"))

    assert emitted(instructions)[-1] == say.ToolBatch(
        turn=1, uses=(use("a"), use("c")), refused=(use("b", malformed="{"),)
    )
    assert said(talk.history)[-1] == "user: a=seen b! c=seen"


def test_the_driver_cannot_answer_a_use_whose_input_was_malformed() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(answered(1, use("a"), use("b", malformed="{")))

    with refused(talk, ToolUseAnswered):
        talk.handle(returned("a", "b"))


def test_a_model_that_wrote_no_valid_input_at_all_is_told_at_once() -> None:
    talk = in_state(State.STREAMING)

    instructions = talk.handle(answered(1, use("a", malformed="[1]"), use("b", malformed="")))

    messages = only(do.Send, instructions).messages
    assert said(messages)[-1] == "user: a! b!"
    assert MALFORMED in str(messages[-1].content)


def test_a_model_that_never_writes_valid_input_fails_its_turn_and_retry_goes_on_from_there() -> None:
    talk = in_state(State.STREAMING)
    for request in range(1, REFUSED_BATCHES):
        assert not ends(talk.handle(answered(request, use("a", malformed="{"))))

    [end] = ends(talk.handle(answered(REFUSED_BATCHES, use("a", malformed="{"))))

    assert isinstance(end, say.Failed)
    assert end.code == "malformed_tool_input"
    assert only(do.Send, talk.handle(ev.RetryAsked())).messages == tuple(talk.history)


def test_one_valid_input_resets_the_patience_with_malformed_ones() -> None:
    talk = in_state(State.STREAMING)
    for _ in range(REFUSED_BATCHES):
        talk.handle(answered(talk.requests, use("a", malformed="{")))
        talk.handle(answered(talk.requests, use("b")))
        talk.handle(returned(talk.open_tool_uses[0].id))

    assert talk.state is State.REQUESTING


def test_an_id_that_a_model_uses_again_is_told_apart_from_the_one_before() -> None:
    talk = waiting_for("call_0")
    talk.handle(returned("call_0"))

    instructions = talk.handle(answered(2, use("call_0")))
    talk.handle(returned("call_0-2"))

    assert only(say.ToolBatch, emitted(instructions)).uses == (use("call_0-2"),)
    assert said(talk.history)[-2:] == ["assistant: <look call_0-2>", "user: call_0-2=seen"]


def test_a_use_without_an_id_gets_one() -> None:
    talk = in_state(State.STREAMING)

    talk.handle(answered(1, ToolUse(id="", name="look", input={})))

    assert talk.open_tool_uses[0].id


def test_a_failed_request_after_a_batch_keeps_its_results_for_the_retry() -> None:
    talk = waiting_for("a")
    talk.handle(returned("a"))
    talk.handle(failed(2))

    sent = only(do.Send, talk.handle(ev.RetryAsked()))

    assert said(sent.messages) == ["user: hi", "assistant: <look a>", "user: a=seen"]
    assert sent.turn == 2
