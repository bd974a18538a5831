"""Failed requests: tried again by policy, ended with all that was complete, asked again by Retry."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    USE,
    answered,
    asked,
    effects,
    emitted,
    ends,
    failed,
    history_lines,
    in_state,
    only,
    partial,
    received,
    refused,
    returned,
)

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.usage import Usage, estimated
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import RetryPolicy, SessionConfig
from rayconteur.runtime.api.errors import NothingToRetry, SessionBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do

HALF = partial("half an ans", usage=Usage(input=estimated(10), output=estimated(3)))


def trying(policy: RetryPolicy) -> SessionConfig:
    return msgspec.structs.replace(DISCARD, retry=policy)


def test_a_failed_request_ends_the_turn_with_what_the_provider_said() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(failed(1))

    assert emitted(instructions) == [
        msg.Failed(turn=1, code="overloaded", message="too much to do", retryable=False, partial_text="")
    ]
    assert conversation.state is State.IDLE


def test_a_failure_drops_the_unfinished_answer_and_keeps_everything_before_it() -> None:
    conversation = in_state(State.REQUESTING)

    [end] = ends(conversation.handle(failed(1, partial=HALF)))

    assert isinstance(end, msg.Failed)
    assert end.partial_text == "half an ans"
    assert history_lines(conversation.history) == ["user: hi"]


def test_a_failure_in_the_middle_of_a_turn_keeps_its_tools_and_their_results() -> None:
    conversation = in_state(State.TOOLS_OUT)
    conversation.handle(returned("a"))

    conversation.handle(failed(2, partial=HALF))

    assert history_lines(conversation.history) == ["user: hi", "assistant: <look a>", "user: a=seen"]


def test_what_waits_goes_on_after_a_failure() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(asked("next"))

    instructions = conversation.handle(failed(1))

    assert [type(event) for event in emitted(instructions)] == [msg.Failed, msg.TurnStarted]
    assert history_lines(only(do.SendRequest, instructions).messages) == ["user: hi", "user: next"]


def test_a_failure_that_may_pass_is_tried_again_after_a_pause() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(failed(1, retryable=True))

    assert effects(instructions) == [
        do.Emit(msg.Retrying(turn=1, attempt=1, delay_s=0.5, code="overloaded", message="too much to do")),
        do.StartBackoff(request=1, delay_s=0.5),
    ]


def test_the_next_attempt_is_a_request_of_its_own_with_the_same_history() -> None:
    conversation = in_state(State.RETRYING)

    sent = only(do.SendRequest, conversation.handle(ev.BackoffEnded(request=1)))

    assert (sent.number, sent.turn, sent.attempt) == (2, 1, 2)
    assert history_lines(sent.messages) == ["user: hi"]


def test_the_turn_fails_when_all_attempts_have() -> None:
    conversation = in_state(State.REQUESTING, trying(RetryPolicy(max_attempts=2)))
    conversation.handle(failed(1, retryable=True))
    conversation.handle(ev.BackoffEnded(request=1))

    [end] = ends(conversation.handle(failed(2, retryable=True)))

    assert isinstance(end, msg.Failed)
    assert end.retryable


def test_each_answer_of_a_turn_has_its_attempts_anew() -> None:
    conversation = in_state(State.REQUESTING, trying(RetryPolicy(max_attempts=2)))
    conversation.handle(failed(1, retryable=True))
    conversation.handle(ev.BackoffEnded(request=1))
    conversation.handle(answered(2, USE))

    sent = only(do.SendRequest, conversation.handle(returned("a")))
    conversation.handle(failed(3, retryable=True))

    assert sent.attempt == 1
    assert conversation.state is State.RETRYING


def test_an_answer_that_broke_off_in_mid_text_is_not_said_twice() -> None:
    conversation = in_state(State.REQUESTING)

    [end] = ends(conversation.handle(failed(1, retryable=True, partial=HALF)))

    assert isinstance(end, msg.Failed)


def test_an_answer_that_broke_off_is_said_again_where_the_policy_allows_it() -> None:
    conversation = in_state(State.REQUESTING, trying(RetryPolicy(after_output=True)))

    conversation.handle(failed(1, retryable=True, partial=HALF))

    assert conversation.state is State.RETRYING
    assert history_lines(conversation.history) == ["user: hi"]


def test_the_end_of_an_earlier_pause_begins_nothing() -> None:
    conversation = in_state(State.RETRYING)
    conversation.handle(ev.BackoffEnded(request=1))
    conversation.handle(failed(2, retryable=True))

    assert conversation.handle(ev.BackoffEnded(request=1)) == []
    assert conversation.state is State.RETRYING


def test_retry_asks_again_in_a_turn_of_its_own() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(failed(1))

    instructions = conversation.handle(received(msg.Retry()))

    assert emitted(instructions) == [msg.TurnStarted(turn=2)]
    assert history_lines(only(do.SendRequest, instructions).messages) == ["user: hi"]
    assert conversation.turns == 2


def test_retry_after_a_retry_asks_once_more() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(failed(1))
    conversation.handle(received(msg.Retry()))
    conversation.handle(failed(2))

    conversation.handle(received(msg.Retry()))
    conversation.handle(answered(3, "at last"))

    assert history_lines(conversation.history) == ["user: hi", "assistant: at last"]


def test_a_new_message_goes_on_from_a_failed_turn() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(failed(1))

    sent = only(do.SendRequest, conversation.handle(asked("are you there?")))

    assert history_lines(sent.messages) == ["user: hi", "user: are you there?"]


@pytest.mark.parametrize("state", [State.REQUESTING, State.RETRYING, State.TOOLS_OUT])
def test_retry_is_refused_while_a_turn_runs(state: State) -> None:
    conversation = in_state(state)

    with refused(conversation, SessionBusy):
        conversation.handle(received(msg.Retry()))


def test_retry_is_refused_where_nothing_was_asked() -> None:
    conversation = in_state(State.IDLE)

    with refused(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_retry_is_refused_where_everything_is_answered() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, "hello"))

    with refused(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_retry_is_refused_where_the_history_was_cleared() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(failed(1))
    conversation.handle(received(msg.Clear()))

    with refused(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_an_empty_answer_may_be_asked_for_again() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1))

    assert only(do.SendRequest, conversation.handle(received(msg.Retry()))).messages[0].content == (Text("hi"),)
