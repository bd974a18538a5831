"""A compaction that a ``Compact`` asks for has a number: in its receipt, its event, and the interrupt that ends it."""

import pytest
from builders.conversation import (
    answered,
    conversation_in,
    copy_of,
    effects,
    emitted_events,
    only_one,
    received,
    replayed,
    user_message,
)

from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.compact_reason import CompactReason
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge, Cancel, Emit, StartCompaction


def interrupted(compaction: int, messages: int = 0) -> out.Compacted:
    return out.Compacted(
        messages_before=messages, messages_after=messages, problem="interrupted", compaction=compaction
    )


def acknowledged(conversation: Conversation, message: msg.ToLLM) -> Acknowledge:
    _, acknowledgement, *_ = conversation.handle(received(message))
    assert isinstance(acknowledgement, Acknowledge)
    return acknowledgement


def test_each_request_for_a_compaction_is_acknowledged_with_a_number_of_its_own() -> None:
    conversation = conversation_in(State.REQUESTING)

    assert [acknowledged(conversation, msg.Compact()) for _ in range(2)] == [Acknowledge(None, 1), Acknowledge(None, 2)]


def test_the_event_has_the_number_of_the_request() -> None:
    conversation = conversation_in(State.COMPACTING)
    conversation.handle(received(msg.Compact()))

    first = emitted_events(conversation.handle(ev.CompactionEnded(compaction=1)))
    second = emitted_events(conversation.handle(ev.CompactionEnded(compaction=2)))

    assert [event.compaction for event in (*first, *second) if isinstance(event, out.Compacted)] == [1, 2]


def test_an_interrupt_ends_the_compaction_that_it_names() -> None:
    conversation = conversation_in(State.COMPACTING)

    acknowledge, *instructions = conversation.handle(received(msg.Interrupt(compaction=1)))[1:]

    assert acknowledge == Acknowledge(None, 1)
    assert instructions == [Cancel(), Emit(interrupted(1))]
    assert conversation.state is State.IDLE


def test_an_interrupt_withdraws_the_compaction_that_is_queued_and_no_other() -> None:
    conversation = conversation_in(State.REQUESTING)
    for message in (msg.Compact(), msg.UserMessage.of("next"), msg.Compact()):
        conversation.handle(received(message))

    instructions = conversation.handle(received(msg.Interrupt(compaction=1)))

    assert effects(instructions) == [Emit(interrupted(1, messages=1))]
    assert [type(queued.message) for queued in conversation.queue] == [msg.UserMessage, msg.Compact]
    assert conversation.state is State.REQUESTING


@pytest.mark.parametrize("compaction", [-1, 0, 1, 3])
@pytest.mark.parametrize("state", [State.REQUESTING, State.TOOLS_OUT, State.IDLE])
def test_an_interrupt_of_a_compaction_that_is_over_or_unknown_ends_nothing(state: State, compaction: int) -> None:
    conversation = conversation_in(state)

    assert effects(conversation.handle(received(msg.Interrupt(compaction=compaction)))) == []
    assert conversation.state is state


def test_an_interrupt_of_another_compaction_leaves_the_running_one_alone() -> None:
    conversation = conversation_in(State.COMPACTING)

    conversation.handle(received(msg.Interrupt(compaction=2)))

    assert conversation.state is State.COMPACTING


def test_an_interrupt_may_name_a_turn_and_a_compaction() -> None:
    conversation = conversation_in(State.COMPACTING)
    conversation.handle(user_message("queued"))

    instructions = conversation.handle(received(msg.Interrupt(turn=1, compaction=1)))

    assert emitted_events(instructions) == [interrupted(1), out.Interrupted(turn=1)]
    assert conversation.state is State.IDLE


def test_a_compaction_that_nobody_asked_for_has_no_number() -> None:
    conversation = conversation_in(State.COMPACTING)
    assert acknowledged(conversation, msg.Interrupt()).compaction == 1
    urgent = msg.UserMessage(content=msg.UserMessage.of("hi").content, when_busy=WhenBusy.INTERRUPT)

    assert acknowledged(conversation, urgent) == Acknowledge(1)
    overflow = ev.RequestFailed(request=1, failure=ev.Failure(code="context_overflow", message="too long"))
    conversation.handle(overflow)
    conversation.handle(received(msg.Interrupt(compaction=2)))

    [compacted] = [
        event
        for event in emitted_events(conversation.handle(ev.CompactionEnded(compaction=2)))
        if isinstance(event, out.Compacted)
    ]
    assert (compacted.reason, compacted.compaction) == (CompactReason.OVERFLOW, 0)


def test_an_asked_compaction_leaves_recent_turns_alone_that_an_overflow_would_not() -> None:
    conversation = conversation_in(State.REQUESTING)
    overflow = ev.RequestFailed(request=1, failure=ev.Failure(code="context_overflow", message="too long"))
    overflown = only_one(StartCompaction, copy_of(conversation).handle(overflow))
    conversation.handle(answered(1, "hello"))

    asked = only_one(StartCompaction, conversation.handle(received(msg.Compact())))

    assert asked.recent_budget_tokens > 1_000 * max(1, asked.budget_tokens)
    assert overflown.recent_budget_tokens == overflown.budget_tokens


def test_the_numbers_go_on_after_a_restart() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(msg.Compact()))

    restored = Conversation.restore(copy_of(conversation).snapshot())

    assert acknowledged(restored, msg.Compact()) == Acknowledge(None, 2)
    assert effects(restored.handle(received(msg.Interrupt(compaction=1)))) == [Emit(interrupted(1, messages=1))]


def test_records_of_before_there_were_numbers_are_replayed() -> None:
    conversation = Conversation()
    events: list[ev.Event] = [
        ev.Opened(config=conversation_in(State.IDLE).config, created_at=0.0),
        user_message(),
        received(msg.Compact()),
        ev.RequestFailed(request=1, failure=ev.Failure(code="context_overflow", message="too long")),
        ev.CompactionEnded(compaction=1),  # that of the overflow, though the other one was asked for before
    ]

    records = [step for event in events for step in conversation.handle(event) if isinstance(step, ev.Record)]

    assert len(records) == len(events)
    assert replayed(records) == conversation


def test_a_queued_compaction_runs_after_the_turn_with_its_number() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(msg.Compact()))
    conversation.handle(answered(1, "hello"))

    assert emitted_events(conversation.handle(received(msg.Interrupt(compaction=1)))) == [interrupted(1, messages=2)]
