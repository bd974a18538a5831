"""Phases and their transitions, and the events that only some phases accept."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    answered,
    conversation_in,
    effects,
    emitted_events,
    only_one,
    opened_conversation,
    received,
    request_failed,
    user_message,
)

from rayconteur.compaction.config import Layered
from rayconteur.providers.schema.errors import ContextOverflow
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.compact_reason import CompactReason
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import InvalidRecord
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Cancel, Emit, StartCompaction
from rayconteur.runtime.core.phases import STATES, TRANSITIONS, Backoff, Compacting, Idle, Requesting
from rayconteur.runtime.core.state import ConversationState

NARROW = SessionConfig(
    provider=Scripted(facts=ModelFacts(context_limit_tokens=1_000)), compaction=Layered(), compact_eagerly=True
)


def test_every_phase_has_a_state_and_its_transitions() -> None:
    phases = set(STATES)

    assert set(TRANSITIONS) == phases
    assert {target for moves in TRANSITIONS.values() for targets in moves.values() for target in targets} < phases


def test_a_transition_that_is_not_in_the_table_fails_at_once() -> None:
    state = ConversationState()

    with pytest.raises(AssertionError, match="does not lead"):
        state.enter(Idle())


@pytest.mark.parametrize(
    "event", [user_message(), answered(1), ev.TaskCancelled()], ids=lambda event: type(event).__name__
)
def test_no_event_comes_before_opened(event: ev.Event) -> None:
    with pytest.raises(InvalidRecord, match="Opened comes first"):
        Conversation().handle(event)


def test_a_conversation_is_opened_once() -> None:
    with pytest.raises(InvalidRecord, match="only once"):
        opened_conversation().handle(ev.Opened(config=DISCARD, created_at=0.0))


def test_a_cancelled_request_fails_its_turn() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(ev.TaskCancelled())

    assert only_one(out.Failed, emitted_events(instructions)).code == "internal"
    assert conversation.state is State.IDLE


def test_a_cancelled_compaction_ends_with_a_problem() -> None:
    conversation = conversation_in(State.COMPACTING)

    instructions = conversation.handle(ev.TaskCancelled())

    assert only_one(out.Compacted, emitted_events(instructions)).problem
    assert conversation.state is State.IDLE


@pytest.mark.parametrize("state", [State.IDLE, State.RETRYING, State.TOOLS_OUT, State.CLOSED])
def test_a_cancelled_task_that_nothing_waits_for_is_ignored(state: State) -> None:
    assert conversation_in(state).handle(ev.TaskCancelled()) == []


NEARLY_FULL = Usage(input=reported(430), output=reported(10))
"""Of the 1,000 tokens of NARROW, 500 are reserved for the answer; an eager compaction starts at 80 % of the rest."""


def compacting_eagerly() -> Conversation:
    """An idle conversation that compacts its history because the window is nearly full."""
    conversation = opened_conversation(NARROW)
    conversation.handle(user_message())
    conversation.handle(answered(1, "hello", usage=NEARLY_FULL))
    assert isinstance(conversation.phase, Compacting)
    assert conversation.phase.reason is CompactReason.EAGER
    return conversation


@pytest.mark.parametrize(
    "message",
    [
        msg.UserMessage.of("hi"),
        msg.Compact(),
        msg.Clear(),
        msg.Configure(system="be brief", next="turn"),
        msg.Close(drain=True),
        msg.Interrupt(),
        msg.Close(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_cancels_an_eager_compaction(message: msg.ToLLM) -> None:
    conversation = compacting_eagerly()

    instructions = conversation.handle(received(message))

    assert effects(instructions)[0] == Cancel()


def test_opening_starts_no_eager_compaction_however_long_the_settings_are() -> None:
    conversation = opened_conversation(msgspec.structs.replace(NARROW, system="word " * 1_000))

    assert isinstance(conversation.phase, Idle)


def test_a_retry_cancels_an_eager_compaction() -> None:
    conversation = opened_conversation(NARROW)
    conversation.handle(user_message())
    conversation.handle(answered(1, usage=NEARLY_FULL))  # an empty answer leaves the message unanswered
    assert isinstance(conversation.phase, Compacting)

    instructions = conversation.handle(received(msg.Retry()))

    assert effects(instructions)[:2] == [Cancel(), Emit(out.TurnStarted(turn=2))]


def test_a_retried_request_passes_the_gates_again() -> None:
    conversation = opened_conversation(NARROW)
    conversation.handle(user_message("They hide food and remember where. " * 30))
    conversation.handle(request_failed(1, retryable=True))
    assert isinstance(conversation.phase, Backoff)
    smaller = Scripted(facts=ModelFacts(context_limit_tokens=200))
    conversation.handle(received(msg.Configure(provider=smaller)))

    instructions = conversation.handle(ev.BackoffEnded(request=1))

    assert isinstance(conversation.phase, Compacting)
    assert only_one(StartCompaction, instructions).running_turn == 1


def test_a_request_after_a_compaction_passes_the_gates_and_is_not_compacted_twice() -> None:
    conversation = opened_conversation(NARROW)
    conversation.handle(user_message("They hide food and remember where. " * 300))
    assert isinstance(conversation.phase, Compacting)

    conversation.handle(ev.CompactionEnded(compaction=1, problem="nothing to remove"))

    assert isinstance(conversation.phase, Requesting)


def test_a_request_that_was_too_long_is_retried_if_its_compaction_is_cancelled() -> None:
    conversation = opened_conversation(NARROW)
    conversation.handle(user_message())
    failure = ev.Failure(code=ContextOverflow.code, message="too long", retryable=True)
    conversation.handle(ev.RequestFailed(request=1, failure=failure))
    assert isinstance(conversation.phase, Compacting)

    conversation.handle(ev.TaskCancelled())

    assert isinstance(conversation.phase, Backoff)


@pytest.mark.parametrize("message", [msg.Interrupt(), msg.UserMessage.of("urgent"), msg.Close()])
def test_a_backoff_ends_with_its_turn(message: msg.ToLLM) -> None:
    conversation = conversation_in(State.RETRYING, msgspec.structs.replace(DISCARD, when_busy=WhenBusy.INTERRUPT))

    instructions = conversation.handle(received(message))

    assert effects(instructions)[:2] == [Cancel(), Emit(out.Interrupted(turn=1))]
