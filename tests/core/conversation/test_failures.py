"""Failed requests: retried by policy, or the turn fails and ``Retry`` requests the answer again."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    TOOL_USE,
    answered,
    assert_rejected,
    conversation_in,
    effects,
    emitted_events,
    history_lines,
    only_one,
    partial,
    received,
    request_failed,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.usage import Usage, estimated
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import NothingToRetry, SessionBusy
from rayconteur.runtime.api.settings.policies import RetryPolicy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.instructions import Emit, SendRequest, StartBackoff

HALF_ANSWER = partial("half an ans", usage=Usage(input=estimated(10), output=estimated(3)))


def with_retry_policy(policy: RetryPolicy) -> SessionConfig:
    return msgspec.structs.replace(DISCARD, retry=policy)


def test_failed_carries_the_providers_error() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(request_failed(1))

    assert emitted_events(instructions) == [
        out.Failed(turn=1, code="overloaded", message="too much to do", retryable=False, partial_text="")
    ]
    assert conversation.state is State.IDLE


def test_a_failed_request_drops_only_its_unfinished_answer() -> None:
    conversation = conversation_in(State.REQUESTING)

    [end] = turn_ends(conversation.handle(request_failed(1, partial=HALF_ANSWER)))

    assert isinstance(end, out.Failed)
    assert end.partial_text == "half an ans"
    assert history_lines(conversation.history) == ["user: hi"]


def test_a_failure_after_tool_results_keeps_tool_uses_and_results() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(tool_results("a"))

    conversation.handle(request_failed(2, partial=HALF_ANSWER))

    assert history_lines(conversation.history) == ["user: hi", "assistant: <look a>", "user: a=seen"]


def test_queued_messages_run_after_a_failed_turn() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("next"))

    instructions = conversation.handle(request_failed(1))

    assert [type(event) for event in emitted_events(instructions)] == [out.Failed, out.TurnStarted]
    assert history_lines(only_one(SendRequest, instructions).messages) == ["user: hi", "user: next"]


def test_a_retryable_failure_starts_a_backoff() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(request_failed(1, retryable=True))

    assert effects(instructions) == [
        Emit(out.Retrying(turn=1, attempt=1, delay_s=0.5, code="overloaded", message="too much to do")),
        StartBackoff(request=1, delay_s=0.5),
    ]


def test_a_retried_request_has_a_new_number_and_the_same_history() -> None:
    conversation = conversation_in(State.RETRYING)

    sent = only_one(SendRequest, conversation.handle(ev.BackoffEnded(request=1)))

    assert (sent.number, sent.turn, sent.attempt) == (2, 1, 2)
    assert history_lines(sent.messages) == ["user: hi"]


def test_the_turn_fails_after_the_last_attempt() -> None:
    conversation = conversation_in(State.REQUESTING, with_retry_policy(RetryPolicy(max_attempts=2)))
    conversation.handle(request_failed(1, retryable=True))
    conversation.handle(ev.BackoffEnded(request=1))

    [end] = turn_ends(conversation.handle(request_failed(2, retryable=True)))

    assert isinstance(end, out.Failed)
    assert end.retryable


def test_attempts_are_counted_anew_for_each_answer_of_a_turn() -> None:
    conversation = conversation_in(State.REQUESTING, with_retry_policy(RetryPolicy(max_attempts=2)))
    conversation.handle(request_failed(1, retryable=True))
    conversation.handle(ev.BackoffEnded(request=1))
    conversation.handle(answered(2, TOOL_USE))

    sent = only_one(SendRequest, conversation.handle(tool_results("a")))
    conversation.handle(request_failed(3, retryable=True))

    assert sent.attempt == 1
    assert conversation.state is State.RETRYING


def test_an_answer_that_broke_off_after_text_is_not_retried_by_default() -> None:
    conversation = conversation_in(State.REQUESTING)

    [end] = turn_ends(conversation.handle(request_failed(1, retryable=True, partial=HALF_ANSWER)))

    assert isinstance(end, out.Failed)


def test_an_answer_that_broke_off_after_text_is_retried_with_after_output() -> None:
    conversation = conversation_in(State.REQUESTING, with_retry_policy(RetryPolicy(after_output=True)))

    conversation.handle(request_failed(1, retryable=True, partial=HALF_ANSWER))

    assert conversation.state is State.RETRYING
    assert history_lines(conversation.history) == ["user: hi"]


def test_the_end_of_an_earlier_backoff_is_ignored() -> None:
    conversation = conversation_in(State.RETRYING)
    conversation.handle(ev.BackoffEnded(request=1))
    conversation.handle(request_failed(2, retryable=True))

    assert conversation.handle(ev.BackoffEnded(request=1)) == []
    assert conversation.state is State.RETRYING


def test_retry_repeats_the_request_in_a_new_turn() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(request_failed(1))

    instructions = conversation.handle(received(msg.Retry()))

    assert emitted_events(instructions) == [out.TurnStarted(turn=2)]
    assert history_lines(only_one(SendRequest, instructions).messages) == ["user: hi"]
    assert conversation.turns == 2


def test_a_failed_retry_can_be_retried() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(request_failed(1))
    conversation.handle(received(msg.Retry()))
    conversation.handle(request_failed(2))

    conversation.handle(received(msg.Retry()))
    conversation.handle(answered(3, "at last"))

    assert history_lines(conversation.history) == ["user: hi", "assistant: at last"]


def test_a_message_after_a_failed_turn_is_sent_with_the_unanswered_one() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(request_failed(1))

    sent = only_one(SendRequest, conversation.handle(user_message("are you there?")))

    assert history_lines(sent.messages) == ["user: hi", "user: are you there?"]


@pytest.mark.parametrize("state", [State.REQUESTING, State.RETRYING, State.TOOLS_OUT])
def test_retry_is_rejected_while_a_turn_is_running(state: State) -> None:
    conversation = conversation_in(state)

    with assert_rejected(conversation, SessionBusy):
        conversation.handle(received(msg.Retry()))


def test_retry_is_rejected_in_an_empty_history() -> None:
    conversation = conversation_in(State.IDLE)

    with assert_rejected(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_retry_is_rejected_after_a_complete_answer() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello"))

    with assert_rejected(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_retry_is_rejected_after_clear() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(request_failed(1))
    conversation.handle(received(msg.Clear()))

    with assert_rejected(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_an_empty_answer_can_be_retried() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1))

    assert only_one(SendRequest, conversation.handle(received(msg.Retry()))).messages[0].content == (Text("hi"),)


def test_a_failed_turn_says_how_long_to_wait() -> None:
    conversation = conversation_in(State.REQUESTING)
    failure = ev.Failure(code="rate_limited", message="wait", retryable=True, retry_after_s=1_000.0)

    [end] = turn_ends(conversation.handle(ev.RequestFailed(request=1, failure=failure, elapsed_s=0.0)))

    assert isinstance(end, out.Failed)
    assert (end.retryable, end.retry_after_s) == (True, 1_000.0)
