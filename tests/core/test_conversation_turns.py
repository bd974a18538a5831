"""Turns: their order, their one end, and the records that rebuild them."""

import pytest
from builders.conversation import (
    DISCARD,
    USE,
    answered,
    asked,
    copy_of,
    effects,
    emitted,
    ends,
    failed,
    history_lines,
    in_state,
    only,
    opened,
    queued_turns,
    received,
    refused,
    replayed,
    returned,
)

from rayconteur.providers.schema.content import Image, Opaque, Text, Thinking
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig, WhenBusy
from rayconteur.runtime.api.errors import EmptyMessage, SessionBusy, SessionClosed
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation

BUSY = (State.REQUESTING, State.RETRYING, State.TOOLS_OUT, State.COMPACTING)


def test_a_message_begins_a_turn_and_sends_the_history_with_it() -> None:
    conversation = opened(DISCARD)

    instructions = conversation.handle(asked("hi"))

    assert instructions[:3] == [ev.Record(2, asked("hi")), do.Acknowledge(1), do.Emit(msg.TurnStarted(turn=1))]
    sent = only(do.SendRequest, instructions)
    assert (sent.number, sent.turn, sent.attempt) == (1, 1, 1)
    assert history_lines(sent.messages) == ["user: hi"]


def test_an_answer_ends_the_turn_with_its_usage_and_the_providers_own_stop_reason() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(answered(1, "hello"))

    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]
    assert ends(instructions) == [
        msg.Completed(
            turn=1, stop_reason=StopReason.END_TURN, raw_stop_reason="end_turn", usage=conversation.usage, requests=1
        )
    ]


def test_a_session_goes_idle_before_it_tells_of_the_end() -> None:
    conversation = in_state(State.REQUESTING)

    conversation.handle(answered(1, "hello"))

    assert conversation.state is State.IDLE
    assert conversation.turn is None


@pytest.mark.parametrize("state", BUSY)
def test_messages_that_wait_begin_their_turns_in_the_order_sent(state: State) -> None:
    conversation = in_state(state)
    first = conversation.turns
    for text in ("one", "two"):
        assert effects(conversation.handle(asked(text))) == []

    conversation.handle(received(msg.Interrupt()))
    conversation.handle(answered(conversation.requests, "1"))
    conversation.handle(answered(conversation.requests, "2"))

    assert history_lines(conversation.history) == ["user: one", "assistant: 1", "user: two", "assistant: 2"]
    assert [message.turn for message in conversation.history] == [first + 1, first + 1, first + 2, first + 2]


@pytest.mark.parametrize("state", BUSY)
def test_a_message_that_must_not_wait_is_refused_while_the_session_is_busy(state: State) -> None:
    conversation = in_state(state)

    with refused(conversation, SessionBusy):
        conversation.handle(asked("now or never", when_busy=WhenBusy.REJECT))


@pytest.mark.parametrize("when_busy", list(WhenBusy))
def test_an_idle_session_takes_a_message_whatever_its_rule_for_busy_ones(when_busy: WhenBusy) -> None:
    conversation = in_state(State.IDLE)

    instructions = conversation.handle(asked("hi", when_busy=when_busy))

    assert only(do.SendRequest, instructions).turn == 1


@pytest.mark.parametrize("state", BUSY)
def test_a_message_that_interrupts_goes_before_those_that_wait(state: State) -> None:
    conversation = in_state(state)
    waiting = conversation.turns + 1
    conversation.handle(asked("patient"))

    instructions = conversation.handle(asked("urgent", when_busy=WhenBusy.INTERRUPT))

    assert history_lines(only(do.SendRequest, instructions).messages) == ["user: urgent"]
    assert emitted(instructions)[-1] == msg.TurnStarted(turn=waiting + 1)
    assert queued_turns(conversation) == (waiting,)


def test_a_message_that_interrupts_ends_the_running_turn_before_its_own_begins() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(asked("urgent", when_busy=WhenBusy.INTERRUPT))

    assert effects(instructions)[0] == do.Cancel()
    assert emitted(instructions) == [msg.Interrupted(turn=1), msg.TurnStarted(turn=2)]


def test_the_sessions_own_rule_holds_where_a_message_has_none() -> None:
    conversation = in_state(State.REQUESTING, SessionConfig(provider=Scripted(), when_busy=WhenBusy.REJECT))

    with refused(conversation, SessionBusy):
        conversation.handle(asked("hi"))

    conversation.handle(asked("hi", when_busy=WhenBusy.QUEUE))
    assert len(conversation.queue) == 1


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_a_message_of_blank_text_is_refused(text: str) -> None:
    conversation = in_state(State.IDLE)

    with refused(conversation, EmptyMessage):
        conversation.handle(asked(text))


def test_a_message_without_blocks_is_refused() -> None:
    conversation = in_state(State.TOOLS_OUT)

    with refused(conversation, EmptyMessage):
        conversation.handle(received(msg.UserMessage(content=())))


def test_blank_text_beside_an_image_is_left_out() -> None:
    conversation = in_state(State.IDLE)
    image = Image(url="https://example.org/raven.png")

    conversation.handle(received(msg.UserMessage(content=(Text(" "), image))))

    assert conversation.history[0].content == (image,)


@pytest.mark.parametrize("pieces", [(), ("",), (" \n",), (Thinking(text="hm", provider="anthropic", signature="s"),)])
def test_an_answer_that_says_nothing_ends_its_turn_and_leaves_no_message(pieces: tuple[str, ...]) -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(answered(1, *pieces))

    assert isinstance(ends(instructions)[0], msg.Completed)
    assert history_lines(conversation.history) == ["user: hi"]


def test_thinking_and_opaque_blocks_stay_where_something_goes_with_them() -> None:
    conversation = in_state(State.REQUESTING)
    thought = Thinking(text="hm", provider="anthropic", signature="s")
    searched = Opaque(provider="anthropic", type="server_tool_use", json=b"{}")

    conversation.handle(answered(1, thought, searched, "", "found"))

    assert conversation.history[1].content == (thought, searched, Text("found"))


@pytest.mark.parametrize(
    "late",
    [answered(1, "late"), failed(1), failed(1, retryable=True), ev.BackoffEnded(request=1)],
    ids=lambda event: type(event).__name__,
)
@pytest.mark.parametrize("interrupted_in", [State.REQUESTING, State.RETRYING, State.TOOLS_OUT])
def test_what_comes_of_an_abandoned_request_is_passed_over(interrupted_in: State, late: ev.Event) -> None:
    conversation = in_state(interrupted_in)
    conversation.handle(asked("next", when_busy=WhenBusy.INTERRUPT))
    before = copy_of(conversation)

    assert conversation.handle(late) == []
    assert conversation == before


def test_an_answer_that_comes_twice_counts_once() -> None:
    conversation = in_state(State.REQUESTING)
    conversation.handle(answered(1, "hello"))
    before = copy_of(conversation)

    assert conversation.handle(answered(1, "hello")) == []
    assert conversation == before


def test_a_record_comes_before_what_it_stands_for_is_told() -> None:
    conversation = in_state(State.REQUESTING)

    instructions = conversation.handle(answered(1, "hello"))

    assert instructions[0] == ev.Record(3, answered(1, "hello"))


def test_the_records_of_a_conversation_rebuild_it() -> None:
    conversation = Conversation()
    events: list[ev.Event] = [
        ev.Opened(config=DISCARD, created_at=1.5),
        asked("one"),
        answered(1, "let me look", USE),
        asked("two"),
        returned("a"),
        failed(2, retryable=True),
        ev.BackoffEnded(request=2),
        answered(3, "seen"),
        answered(4, USE),
    ]

    records = [step for event in events for step in conversation.handle(event) if isinstance(step, ev.Record)]

    assert [record.event for record in records] == events
    assert [record.number for record in records] == list(range(1, len(events) + 1))
    assert replayed(records) == conversation


def test_nothing_is_taken_after_the_end() -> None:
    conversation = in_state(State.CLOSED)

    for wish in (
        asked(),
        returned("a"),
        received(msg.Interrupt()),
        received(msg.Retry()),
        received(msg.Clear()),
        received(msg.Close()),
    ):
        with refused(conversation, SessionClosed):
            conversation.handle(wish)
