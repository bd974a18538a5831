"""Failed requests: tried again by policy, ended with all that was complete, asked again by Retry."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    USE,
    answered,
    asked,
    emitted,
    ends,
    failed,
    in_state,
    only,
    partial,
    refused,
    returned,
    said,
)

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.usage import Usage, estimated
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import RetryPolicy, SessionConfig
from rayconteur.runtime.api.errors import NothingToRetry, SessionBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do

HALF = partial("half an ans", usage=Usage(input=estimated(10), output=estimated(3)))


def trying(policy: RetryPolicy) -> SessionConfig:
    return msgspec.structs.replace(DISCARD, retry=policy)


def test_a_failed_request_ends_the_turn_with_what_the_provider_said() -> None:
    talk = in_state(State.REQUESTING)

    instructions = talk.handle(failed(1))

    assert emitted(instructions) == [
        say.Failed(turn=1, code="overloaded", message="too much to do", retryable=False, partial_text="")
    ]
    assert talk.state is State.IDLE


def test_a_failure_drops_the_unfinished_answer_and_keeps_everything_before_it() -> None:
    talk = in_state(State.STREAMING)

    [end] = ends(talk.handle(failed(1, partial=HALF)))

    assert isinstance(end, say.Failed)
    assert end.partial_text == "half an ans"
    assert said(talk.history) == ["user: hi"]


def test_a_failure_in_the_middle_of_a_turn_keeps_its_tools_and_their_results() -> None:
    talk = in_state(State.TOOLS_OUT)
    talk.handle(returned("a"))

    talk.handle(failed(2, partial=HALF))

    assert said(talk.history) == ["user: hi", "assistant: <look a>", "user: a=seen"]


def test_what_waits_goes_on_after_a_failure() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(asked("next"))

    instructions = talk.handle(failed(1))

    assert [type(event) for event in emitted(instructions)] == [say.Failed, say.TurnStarted]
    assert said(only(do.Send, instructions).messages) == ["user: hi", "user: next"]


def test_a_failure_that_may_pass_is_tried_again_after_a_pause() -> None:
    talk = in_state(State.REQUESTING)

    instructions = talk.handle(failed(1, retryable=True))

    assert instructions[1:] == [
        do.Emit(say.Retrying(turn=1, attempt=1, delay_s=0.5, code="overloaded", message="too much to do")),
        do.Backoff(request=1, delay_s=0.5),
    ]


def test_the_next_attempt_is_a_request_of_its_own_with_the_same_history() -> None:
    talk = in_state(State.RETRYING)

    sent = only(do.Send, talk.handle(ev.BackoffEnded(request=1)))

    assert (sent.number, sent.turn, sent.attempt) == (2, 1, 2)
    assert said(sent.messages) == ["user: hi"]


def test_the_turn_fails_when_all_attempts_have() -> None:
    talk = in_state(State.REQUESTING, trying(RetryPolicy(max_attempts=2)))
    talk.handle(failed(1, retryable=True))
    talk.handle(ev.BackoffEnded(request=1))

    [end] = ends(talk.handle(failed(2, retryable=True)))

    assert isinstance(end, say.Failed)
    assert end.retryable


def test_each_answer_of_a_turn_has_its_attempts_anew() -> None:
    talk = in_state(State.REQUESTING, trying(RetryPolicy(max_attempts=2)))
    talk.handle(failed(1, retryable=True))
    talk.handle(ev.BackoffEnded(request=1))
    talk.handle(answered(2, USE))

    sent = only(do.Send, talk.handle(returned("a")))
    talk.handle(failed(3, retryable=True))

    assert sent.attempt == 1
    assert talk.state is State.RETRYING


def test_an_answer_that_broke_off_in_mid_text_is_not_said_twice() -> None:
    talk = in_state(State.STREAMING)

    [end] = ends(talk.handle(failed(1, retryable=True, partial=HALF)))

    assert isinstance(end, say.Failed)


def test_an_answer_that_broke_off_is_said_again_where_the_policy_allows_it() -> None:
    talk = in_state(State.STREAMING, trying(RetryPolicy(after_output=True)))

    talk.handle(failed(1, retryable=True, partial=HALF))

    assert talk.state is State.RETRYING
    assert said(talk.history) == ["user: hi"]


def test_the_end_of_an_earlier_pause_begins_nothing() -> None:
    talk = in_state(State.RETRYING)
    talk.handle(ev.BackoffEnded(request=1))
    talk.handle(failed(2, retryable=True))

    assert talk.handle(ev.BackoffEnded(request=1)) == []
    assert talk.state is State.RETRYING


def test_retry_asks_again_in_a_turn_of_its_own() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(failed(1))

    instructions = talk.handle(ev.RetryAsked())

    assert emitted(instructions) == [say.TurnStarted(turn=2)]
    assert said(only(do.Send, instructions).messages) == ["user: hi"]
    assert talk.turns == 2


def test_retry_after_a_retry_asks_once_more() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(failed(1))
    talk.handle(ev.RetryAsked())
    talk.handle(failed(2))

    talk.handle(ev.RetryAsked())
    talk.handle(answered(3, "at last"))

    assert said(talk.history) == ["user: hi", "assistant: at last"]


def test_a_new_message_goes_on_from_a_failed_turn() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(failed(1))

    sent = only(do.Send, talk.handle(asked("are you there?")))

    assert said(sent.messages) == ["user: hi", "user: are you there?"]


@pytest.mark.parametrize("state", [State.REQUESTING, State.STREAMING, State.RETRYING, State.TOOLS_OUT])
def test_retry_is_refused_while_a_turn_runs(state: State) -> None:
    talk = in_state(state)

    with refused(talk, SessionBusy):
        talk.handle(ev.RetryAsked())


def test_retry_is_refused_where_nothing_was_asked() -> None:
    talk = in_state(State.IDLE)

    with refused(talk, NothingToRetry):
        talk.handle(ev.RetryAsked())


def test_retry_is_refused_where_everything_is_answered() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1, "hello"))

    with refused(talk, NothingToRetry):
        talk.handle(ev.RetryAsked())


def test_retry_is_refused_where_the_history_was_cleared() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(failed(1))
    talk.handle(ev.ClearAsked())

    with refused(talk, NothingToRetry):
        talk.handle(ev.RetryAsked())


def test_an_empty_answer_may_be_asked_for_again() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1))

    assert only(do.Send, talk.handle(ev.RetryAsked())).messages[0].content == (Text("hi"),)
