"""Refused turns: they stay in the history, or leave it."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    TOOL_USE,
    USAGE,
    answered,
    history_lines,
    only_one,
    opened_conversation,
    received,
    replayed,
    request_failed,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.stop_reasons import StopDetails, StopReason
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import NothingToRetry
from rayconteur.runtime.api.settings.policies import OnRefusal
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest

LEAVES = msgspec.structs.replace(DISCARD, on_refusal=OnRefusal.DISCARD)
DETAILS = StopDetails(category="cyber", explanation="This may help an attack.", vendor={"type": "refusal"})


def refused(request: int, *content: str, stop: StopReason = StopReason.REFUSAL) -> ev.Answered:
    event = answered(request, *content, stop=stop)
    return msgspec.structs.replace(event, answer=msgspec.structs.replace(event.answer, stop_details=DETAILS))


def filtered(request: int) -> ev.RequestFailed:
    failure = ev.Failure(code="invalid_request", message="the prompt was filtered", details=DETAILS)
    return ev.RequestFailed(request=request, failure=failure)


def in_second_turn(config: SessionConfig) -> Conversation:
    conversation = opened_conversation(config)
    conversation.handle(user_message())
    conversation.handle(answered(1, "hello"))
    conversation.handle(user_message("attack"))
    return conversation


@pytest.mark.parametrize("stop", [StopReason.REFUSAL, StopReason.CONTENT_FILTER])
def test_a_refused_turn_leaves_the_history_if_it_should(stop: StopReason) -> None:
    conversation = in_second_turn(LEAVES)

    [end] = turn_ends(conversation.handle(refused(2, "I can't", stop=stop)))

    assert isinstance(end, out.Completed)
    assert (end.stop_reason, end.stop_details, end.usage) == (stop, DETAILS, USAGE)
    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]
    assert history_lines(conversation.full_history) == ["user: hi", "assistant: hello"]
    assert conversation.usage == USAGE + USAGE


def test_a_refused_turn_stays_by_default() -> None:
    conversation = in_second_turn(DISCARD)
    conversation.handle(refused(2, "I can't"))

    assert history_lines(conversation.history)[2:] == ["user: attack", "assistant: I can't"]


def test_other_turns_stay() -> None:
    conversation = in_second_turn(LEAVES)
    conversation.handle(answered(2, "fine", stop=StopReason.MAX_TOKENS))

    assert history_lines(conversation.history)[2:] == ["user: attack", "assistant: fine"]


def test_the_steps_of_a_refused_turn_leave_with_it_and_the_context_is_what_it_was() -> None:
    conversation = in_second_turn(LEAVES)
    before = conversation.fill
    conversation.handle(answered(2, TOOL_USE))
    conversation.handle(tool_results("a"))
    conversation.handle(refused(3))

    assert len(conversation.history) == 2
    assert conversation.fill.messages == before.messages


def test_tools_of_a_refused_answer_do_not_run() -> None:
    conversation = in_second_turn(LEAVES)
    event = answered(2, TOOL_USE, stop=StopReason.REFUSAL)

    instructions = conversation.handle(event)

    assert [type(end) for end in turn_ends(instructions)] == [out.Completed]
    assert conversation.open_tool_uses == ()


def test_a_turn_that_asked_again_leaves_with_the_message_that_it_asked_again_for() -> None:
    conversation = in_second_turn(LEAVES)
    conversation.handle(request_failed(2))
    conversation.handle(received(msg.Retry()))
    conversation.handle(refused(3, "I can't"))

    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]


def test_an_earlier_message_without_an_answer_stays() -> None:
    conversation = in_second_turn(LEAVES)
    conversation.handle(request_failed(2))
    conversation.handle(user_message("attack again"))
    conversation.handle(refused(3, "I can't"))

    assert history_lines(conversation.history)[2:] == ["user: attack"]


def test_a_failed_turn_carries_what_the_provider_says_about_its_content() -> None:
    [end] = turn_ends(in_second_turn(DISCARD).handle(filtered(2)))

    assert isinstance(end, out.Failed)
    assert end.details == DETAILS


def test_a_turn_whose_request_was_rejected_for_its_content_leaves_too() -> None:
    conversation = in_second_turn(LEAVES)
    conversation.handle(filtered(2))

    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]
    with pytest.raises(NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_a_turn_that_failed_for_another_reason_stays() -> None:
    conversation = in_second_turn(LEAVES)
    conversation.handle(request_failed(2))

    assert history_lines(conversation.history)[2:] == ["user: attack"]


def test_the_next_turn_goes_on_without_the_refused_one() -> None:
    conversation = in_second_turn(LEAVES)
    conversation.handle(refused(2, "I can't"))

    sent = only_one(SendRequest, conversation.handle(user_message("ravens")))

    assert history_lines(sent.messages) == ["user: hi", "assistant: hello", "user: ravens"]


def test_a_replay_leaves_the_refused_turn_out() -> None:
    conversation = opened_conversation(LEAVES)
    records: list[ev.Record] = [ev.Record(1, ev.Opened(config=LEAVES, created_at=0.0))]
    events = (user_message(), answered(1, "hello"), user_message("attack"), refused(2, "I can't"))
    records += [only_one(ev.Record, conversation.handle(event)) for event in events]

    assert replayed(records) == conversation
