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
    partial,
    returned,
)

from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.usage import NONE_YET, UNAVAILABLE, Count, Provenance, Usage, estimated, reported
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import RetryPolicy, SessionConfig, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation

ALL = Usage(
    input=reported(100), output=reported(20), cache_read=reported(60), cache_write=reported(30), reasoning=reported(5)
)
GUESS = Usage(input=estimated(7), output=estimated(1))


def test_a_session_that_asked_nothing_has_a_true_zero() -> None:
    talk = Conversation(DISCARD)

    assert talk.usage == NONE_YET
    assert talk.context == reported(0)


def test_every_count_of_an_answer_is_told_per_request_turn_and_session() -> None:
    talk = in_state(State.REQUESTING)

    instructions = talk.handle(answered(1, "hello", usage=ALL))

    assert only(say.TokenUpdate, emitted(instructions)) == say.TokenUpdate(
        turn=1, request=ALL, of_turn=ALL, of_session=ALL
    )


def test_a_turn_sums_its_requests_and_a_session_its_turns() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1, USE, usage=ALL))
    talk.handle(returned("a"))
    talk.handle(answered(2, "done", usage=ALL))
    talk.handle(asked("again"))

    told = only(say.TokenUpdate, emitted(talk.handle(answered(3, "done", usage=ALL))))

    assert told.of_turn == ALL
    assert told.of_session == ALL + ALL + ALL == talk.usage


def test_the_end_of_a_turn_tells_the_sum_of_its_requests() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1, USE, usage=ALL))
    talk.handle(returned("a"))

    end = only(say.Completed, emitted(talk.handle(answered(2, "done", usage=ALL))))

    assert end.usage == ALL + ALL
    assert end.requests == 2


def test_the_context_is_what_the_last_request_and_its_answer_took() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1, "hello", usage=ALL))
    talk.handle(asked("again"))

    talk.handle(answered(2, "hello", usage=SOME))

    assert talk.context == reported(12)


@pytest.mark.parametrize("config", [DISCARD, KEEP], ids=lambda config: str(config.on_interrupt))
def test_an_aborted_request_counts_as_far_as_it_is_known(config: SessionConfig) -> None:
    talk = in_state(State.STREAMING, config)

    instructions = talk.handle(ev.InterruptAsked(partial=partial("half", usage=GUESS)))

    assert [type(event) for event in emitted(instructions)] == [say.TokenUpdate, say.Interrupted]
    assert talk.usage.output == estimated(1)
    assert talk.usage.cache_read.provenance is Provenance.UNAVAILABLE


@pytest.mark.parametrize("end", [asked("next"), ev.CloseAsked()], ids=lambda event: type(event).__name__)
def test_an_estimate_counts_however_the_request_was_aborted(end: ev.Asked | ev.CloseAsked) -> None:
    talk = in_state(State.STREAMING, msgspec.structs.replace(DISCARD, when_busy=WhenBusy.INTERRUPT))

    talk.handle(msgspec.structs.replace(end, partial=partial("half", usage=GUESS)))

    assert talk.usage == NONE_YET + GUESS


def test_a_request_counts_though_its_turn_is_discarded() -> None:
    talk = in_state(State.TOOLS_OUT)

    talk.handle(ev.InterruptAsked())

    assert talk.usage == NONE_YET + SOME
    assert talk.context == reported(0)


def test_a_failed_attempt_counts_and_so_does_the_next_one() -> None:
    talk = in_state(State.STREAMING, msgspec.structs.replace(DISCARD, retry=RetryPolicy(after_output=True)))
    talk.handle(failed(1, retryable=True, partial=partial("half", usage=GUESS)))
    talk.handle(ev.BackoffEnded(request=1))

    end = only(say.Completed, emitted(talk.handle(answered(2, "whole", usage=SOME))))

    assert end.usage.input == estimated(17)
    assert end.requests == 2


@pytest.mark.parametrize("over", [failed(1), ev.InterruptAsked()], ids=lambda event: type(event).__name__)
def test_a_request_that_the_provider_never_began_to_answer_costs_nothing(over: ev.Event) -> None:
    talk = in_state(State.REQUESTING)

    instructions = talk.handle(over)

    assert talk.usage == NONE_YET
    assert not [event for event in emitted(instructions) if isinstance(event, say.TokenUpdate)]


@pytest.mark.parametrize(
    "over",
    [
        answered(1, "hello", usage=Usage()),
        failed(1, partial=partial("half", usage=Usage())),
        failed(1, partial=Partial(message_id="m", model="scripted")),
        ev.InterruptAsked(partial=partial("half", usage=Usage())),
    ],
)
def test_an_answer_whose_usage_nobody_knows_is_no_silent_zero(over: ev.Event) -> None:
    talk = in_state(State.STREAMING)

    told = only(say.TokenUpdate, emitted(talk.handle(over)))

    assert told.request == Usage()
    assert talk.usage.input == UNAVAILABLE
    assert talk.usage.output == UNAVAILABLE


def test_a_sum_keeps_what_is_known_and_says_that_some_is_missing() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1, "hello", usage=ALL))
    talk.handle(asked("again"))

    talk.handle(answered(2, "hello", usage=Usage(output=reported(5))))

    assert talk.usage.output == reported(25)
    assert talk.usage.input == Count(tokens=100, provenance=Provenance.UNAVAILABLE)


def test_an_answer_that_comes_late_is_not_counted() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(ev.InterruptAsked(partial=partial("half", usage=GUESS)))
    usage = talk.usage

    talk.handle(answered(1, "hello", usage=ALL))

    assert talk.usage == usage


def test_clearing_empties_the_context_and_leaves_the_sums() -> None:
    talk = in_state(State.REQUESTING)
    talk.handle(answered(1, "hello", usage=ALL))

    talk.handle(ev.ClearAsked())

    assert talk.context == reported(0)
    assert talk.usage == ALL
    assert (talk.turns, talk.requests) == (1, 1)
