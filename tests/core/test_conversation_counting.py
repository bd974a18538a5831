"""Counters: per request, turn and session, each with its provenance."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    SOME,
    USE,
    answered,
    asked,
    emitted,
    failed,
    in_state,
    only,
    opened,
    partial,
    received,
    returned,
)

from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.usage import NONE_YET, UNAVAILABLE, Count, Provenance, Usage, estimated, reported
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import RetryPolicy, SessionConfig, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev

ALL = Usage(
    input=reported(100), output=reported(20), cache_read=reported(60), cache_write=reported(30), reasoning=reported(5)
)
GUESS = Usage(input=estimated(7), output=estimated(1))


def test_a_session_that_asked_nothing_has_a_true_zero() -> None:
    conversation = opened(DISCARD)

    assert conversation.usage == NONE_YET
    assert conversation.context == reported(0)


def test_every_count_of_an_answer_is_told_per_request_turn_and_session() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(answered(1, "hello", usage=ALL))

    assert only(msg.TokenUpdate, emitted(instructions)) == msg.TokenUpdate(
        turn=1, request=ALL, of_turn=ALL, of_session=ALL
    )


def test_a_turn_sums_its_requests_and_a_session_its_turns() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, USE, usage=ALL))
    conversation.handle(returned("a"))
    conversation.handle(answered(2, "done", usage=ALL))
    conversation.handle(asked("again"))

    told = only(msg.TokenUpdate, emitted(conversation.handle(answered(3, "done", usage=ALL))))

    assert told.of_turn == ALL
    assert told.of_session == ALL + ALL + ALL == conversation.usage


def test_the_end_of_a_turn_tells_the_sum_of_its_requests() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, USE, usage=ALL))
    conversation.handle(returned("a"))

    end = only(msg.Completed, emitted(conversation.handle(answered(2, "done", usage=ALL))))

    assert end.usage == ALL + ALL
    assert end.requests == 2


def test_the_context_is_what_the_last_request_and_its_answer_took() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, "hello", usage=ALL))
    conversation.handle(asked("again"))

    conversation.handle(answered(2, "hello", usage=SOME))

    assert conversation.context == reported(12)


@pytest.mark.parametrize("config", [DISCARD, KEEP], ids=lambda config: str(config.on_interrupt))
def test_an_aborted_request_counts_as_far_as_it_is_known(config: SessionConfig) -> None:
    conversation = in_state(State.REQUESTING, config)

    instructions = conversation.handle(received(msg.Interrupt(), partial("half", usage=GUESS)))

    assert [type(event) for event in emitted(instructions)] == [msg.TokenUpdate, msg.Interrupted]
    assert conversation.usage.output == estimated(1)
    assert conversation.usage.cache_read.provenance is Provenance.UNAVAILABLE


@pytest.mark.parametrize("end", [asked("next"), received(msg.Close())], ids=lambda event: type(event).__name__)
def test_an_estimate_counts_however_the_request_was_aborted(end: ev.Received) -> None:
    conversation = in_state(State.REQUESTING, msgspec.structs.replace(DISCARD, when_busy=WhenBusy.INTERRUPT))

    conversation.handle(msgspec.structs.replace(end, partial=partial("half", usage=GUESS)))

    assert conversation.usage == NONE_YET + GUESS


def test_a_request_counts_though_its_turn_is_discarded() -> None:
    conversation = in_state(State.TOOLS_OUT)

    conversation.handle(received(msg.Interrupt()))

    assert conversation.usage == NONE_YET + SOME
    assert conversation.context == reported(0)


def test_a_failed_attempt_counts_and_so_does_the_next_one() -> None:
    conversation = in_state(State.REQUESTING, msgspec.structs.replace(DISCARD, retry=RetryPolicy(after_output=True)))
    conversation.handle(failed(1, retryable=True, partial=partial("half", usage=GUESS)))
    conversation.handle(ev.BackoffEnded(request=1))

    end = only(msg.Completed, emitted(conversation.handle(answered(2, "whole", usage=SOME))))

    assert end.usage.input == estimated(17)
    assert end.requests == 2


@pytest.mark.parametrize("over", [failed(1), received(msg.Interrupt())], ids=lambda event: type(event).__name__)
def test_a_request_that_the_provider_never_began_to_answer_costs_nothing(over: ev.Event) -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(over)

    assert conversation.usage == NONE_YET
    assert not [event for event in emitted(instructions) if isinstance(event, msg.TokenUpdate)]


@pytest.mark.parametrize(
    "over",
    [
        answered(1, "hello", usage=Usage()),
        failed(1, partial=partial("half", usage=Usage())),
        failed(1, partial=Partial(message_id="m", model="scripted")),
        received(msg.Interrupt(), partial("half", usage=Usage())),
    ],
)
def test_an_answer_whose_usage_nobody_knows_is_no_silent_zero(over: ev.Event) -> None:
    conversation = in_state(State.REQUESTING)

    told = only(msg.TokenUpdate, emitted(conversation.handle(over)))

    assert told.request == Usage()
    assert conversation.usage.input == UNAVAILABLE
    assert conversation.usage.output == UNAVAILABLE


def test_a_sum_keeps_what_is_known_and_says_that_some_is_missing() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, "hello", usage=ALL))
    conversation.handle(asked("again"))

    conversation.handle(answered(2, "hello", usage=Usage(output=reported(5))))

    assert conversation.usage.output == reported(25)
    assert conversation.usage.input == Count(tokens=100, provenance=Provenance.UNAVAILABLE)


def test_an_answer_that_comes_late_is_not_counted() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(received(msg.Interrupt(), partial("half", usage=GUESS)))
    usage = conversation.usage

    conversation.handle(answered(1, "hello", usage=ALL))

    assert conversation.usage == usage


def test_clearing_empties_the_context_and_leaves_the_sums() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, "hello", usage=ALL))

    conversation.handle(received(msg.Clear()))

    assert conversation.context == reported(0)
    assert conversation.usage == ALL
    assert (conversation.turns, conversation.requests) == (1, 1)
