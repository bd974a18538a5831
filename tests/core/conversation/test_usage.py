"""Token usage: per request, turn and session, each count with its provenance."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    TOOL_USE,
    USAGE,
    answered,
    conversation_in,
    emitted_events,
    only_one,
    opened_conversation,
    partial,
    received,
    request_failed,
    tool_results,
    user_message,
)

from rayconteur.providers.schema.draft import Partial
from rayconteur.providers.schema.errors import ContextOverflow
from rayconteur.providers.schema.usage import NONE_YET, UNAVAILABLE, Count, Provenance, Usage, estimated, reported
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import RetryPolicy, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev

FULL_USAGE = Usage(
    input=reported(100), output=reported(20), cache_read=reported(60), cache_write=reported(30), reasoning=reported(5)
)
ESTIMATED_USAGE = Usage(input=estimated(7), output=estimated(1))


def test_a_new_session_reports_zero_tokens() -> None:
    conversation = opened_conversation(DISCARD)

    assert conversation.usage == NONE_YET
    assert conversation.context == reported(0)


def test_token_update_reports_each_count_per_request_turn_and_session() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(answered(1, "hello", usage=FULL_USAGE))

    assert only_one(out.TokenUpdate, emitted_events(instructions)) == out.TokenUpdate(
        turn=1, request=FULL_USAGE, of_turn=FULL_USAGE, of_session=FULL_USAGE
    )


def test_token_update_sums_the_requests_of_the_turn_and_of_the_session() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, TOOL_USE, usage=FULL_USAGE))
    conversation.handle(tool_results("a"))
    conversation.handle(answered(2, "done", usage=FULL_USAGE))
    conversation.handle(user_message("again"))

    update = only_one(out.TokenUpdate, emitted_events(conversation.handle(answered(3, "done", usage=FULL_USAGE))))

    assert update.of_turn == FULL_USAGE
    assert update.of_session == FULL_USAGE + FULL_USAGE + FULL_USAGE == conversation.usage


def test_completed_reports_the_total_usage_of_its_requests() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, TOOL_USE, usage=FULL_USAGE))
    conversation.handle(tool_results("a"))

    end = only_one(out.Completed, emitted_events(conversation.handle(answered(2, "done", usage=FULL_USAGE))))

    assert end.usage == FULL_USAGE + FULL_USAGE
    assert end.requests == 2


def test_the_context_is_the_usage_of_the_last_request_and_its_answer() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello", usage=FULL_USAGE))
    conversation.handle(user_message("again"))

    conversation.handle(answered(2, "hello", usage=USAGE))

    assert conversation.context == reported(12)


@pytest.mark.parametrize("config", [DISCARD, KEEP], ids=lambda config: str(config.on_interrupt))
def test_an_interrupted_request_counts_its_estimated_usage(config: SessionConfig) -> None:
    conversation = conversation_in(State.REQUESTING, config)

    instructions = conversation.handle(received(msg.Interrupt(), partial("half", usage=ESTIMATED_USAGE)))

    assert [type(event) for event in emitted_events(instructions)] == [out.TokenUpdate, out.Interrupted]
    assert conversation.usage.output == estimated(1)
    assert conversation.usage.cache_read.provenance is Provenance.UNAVAILABLE


@pytest.mark.parametrize(
    "ending", [user_message("next"), received(msg.Close())], ids=lambda event: type(event).__name__
)
def test_the_estimated_usage_counts_when_another_message_ends_the_request(ending: ev.Received) -> None:
    conversation = conversation_in(State.REQUESTING, msgspec.structs.replace(DISCARD, when_busy=WhenBusy.INTERRUPT))

    conversation.handle(msgspec.structs.replace(ending, partial=partial("half", usage=ESTIMATED_USAGE)))

    assert conversation.usage == NONE_YET + ESTIMATED_USAGE


def test_the_usage_of_a_discarded_turn_still_counts() -> None:
    conversation = conversation_in(State.TOOLS_OUT)

    conversation.handle(received(msg.Interrupt()))

    assert conversation.usage == NONE_YET + USAGE
    assert conversation.context == reported(0)


def test_discarding_a_turn_restores_the_context_unless_the_history_was_compacted_in_it() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello", usage=FULL_USAGE))
    conversation.handle(user_message("again"))
    too_long = ev.Failure(code=ContextOverflow.code, message="too long")
    conversation.handle(ev.RequestFailed(request=2, failure=too_long))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=conversation.history[-1:]))

    conversation.handle(received(msg.Interrupt()))

    assert conversation.history == ()
    assert conversation.context == reported(0)


def test_a_turn_counts_the_failed_attempt_and_the_retry() -> None:
    conversation = conversation_in(
        State.REQUESTING, msgspec.structs.replace(DISCARD, retry=RetryPolicy(after_output=True))
    )
    conversation.handle(request_failed(1, retryable=True, partial=partial("half", usage=ESTIMATED_USAGE)))
    conversation.handle(ev.BackoffEnded(request=1))

    end = only_one(out.Completed, emitted_events(conversation.handle(answered(2, "whole", usage=USAGE))))

    assert end.usage.input == estimated(17)
    assert end.requests == 2


@pytest.mark.parametrize(
    "event", [request_failed(1), received(msg.Interrupt())], ids=lambda event: type(event).__name__
)
def test_a_request_whose_answer_never_started_counts_nothing(event: ev.Event) -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(event)

    assert conversation.usage == NONE_YET
    assert not [event for event in emitted_events(instructions) if isinstance(event, out.TokenUpdate)]


@pytest.mark.parametrize(
    "event",
    [
        answered(1, "hello", usage=Usage()),
        request_failed(1, partial=partial("half", usage=Usage())),
        request_failed(1, partial=Partial(message_id="m", model="scripted")),
        received(msg.Interrupt(), partial("half", usage=Usage())),
    ],
)
def test_unknown_usage_is_unavailable_instead_of_zero(event: ev.Event) -> None:
    conversation = conversation_in(State.REQUESTING)

    update = only_one(out.TokenUpdate, emitted_events(conversation.handle(event)))

    assert update.request == Usage()
    assert conversation.usage.input == UNAVAILABLE
    assert conversation.usage.output == UNAVAILABLE


def test_a_total_with_an_unavailable_part_is_marked_unavailable() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello", usage=FULL_USAGE))
    conversation.handle(user_message("again"))

    conversation.handle(answered(2, "hello", usage=Usage(output=reported(5))))

    assert conversation.usage.output == reported(25)
    assert conversation.usage.input == Count(tokens=100, provenance=Provenance.UNAVAILABLE)


def test_the_usage_of_a_late_answer_is_not_counted() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(msg.Interrupt(), partial("half", usage=ESTIMATED_USAGE)))
    usage = conversation.usage

    conversation.handle(answered(1, "hello", usage=FULL_USAGE))

    assert conversation.usage == usage


def test_clear_resets_the_context_but_not_the_totals() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello", usage=FULL_USAGE))

    conversation.handle(received(msg.Clear()))

    assert conversation.context == reported(0)
    assert conversation.usage == FULL_USAGE
    assert (conversation.turns, conversation.requests) == (1, 1)
