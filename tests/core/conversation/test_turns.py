"""Turns: their order, their end, and the records that rebuild them."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    TOOL_USE,
    answered,
    assert_rejected,
    conversation_in,
    copy_of,
    effects,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    queued_turns,
    received,
    replayed,
    request_failed,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.providers.schema.content import Image, Opaque, Text, Thinking
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import EmptyMessage, SessionBusy, SessionClosed
from rayconteur.runtime.api.settings.policies import WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge, Cancel, Emit, SendRequest

BUSY_STATES = (State.REQUESTING, State.RETRYING, State.TOOLS_OUT, State.COMPACTING)


def test_a_user_message_starts_a_turn_and_sends_the_history() -> None:
    conversation = opened_conversation(DISCARD)

    instructions = conversation.handle(user_message("hi"))

    assert instructions[:3] == [ev.Record(2, user_message("hi")), Acknowledge(1), Emit(out.TurnStarted(turn=1))]
    sent = only_one(SendRequest, instructions)
    assert (sent.number, sent.turn, sent.attempt) == (1, 1, 1)
    assert history_lines(sent.messages) == ["user: hi"]


def test_completed_has_the_usage_and_the_providers_own_stop_reason() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(answered(1, "hello"))

    assert history_lines(conversation.history) == ["user: hi", "assistant: hello"]
    assert turn_ends(instructions) == [
        out.Completed(
            turn=1, stop_reason=StopReason.END_TURN, raw_stop_reason="end_turn", usage=conversation.usage, requests=1
        )
    ]


def test_the_session_is_idle_when_the_end_of_a_turn_is_emitted() -> None:
    conversation = conversation_in(State.REQUESTING)

    conversation.handle(answered(1, "hello"))

    assert conversation.state is State.IDLE
    assert conversation.turn is None


@pytest.mark.parametrize("state", BUSY_STATES)
def test_queued_messages_run_in_the_order_sent(state: State) -> None:
    conversation = conversation_in(state)
    first = conversation.turns
    for text in ("one", "two"):
        assert effects(conversation.handle(user_message(text))) == []

    conversation.handle(received(msg.Interrupt()))
    conversation.handle(answered(conversation.requests, "1"))
    conversation.handle(answered(conversation.requests, "2"))

    assert history_lines(conversation.history) == ["user: one", "assistant: 1", "user: two", "assistant: 2"]
    assert [message.turn for message in conversation.history] == [first + 1, first + 1, first + 2, first + 2]


@pytest.mark.parametrize("state", BUSY_STATES)
def test_a_message_with_when_busy_reject_is_rejected_while_the_session_is_busy(state: State) -> None:
    conversation = conversation_in(state)

    with assert_rejected(conversation, SessionBusy):
        conversation.handle(user_message("now or never", when_busy=WhenBusy.REJECT))


@pytest.mark.parametrize("when_busy", list(WhenBusy))
def test_an_idle_session_accepts_a_message_with_any_when_busy(when_busy: WhenBusy) -> None:
    conversation = conversation_in(State.IDLE)

    instructions = conversation.handle(user_message("hi", when_busy=when_busy))

    assert only_one(SendRequest, instructions).turn == 1


@pytest.mark.parametrize("state", BUSY_STATES)
def test_an_interrupting_message_runs_before_queued_ones(state: State) -> None:
    conversation = conversation_in(state)
    waiting = conversation.turns + 1
    conversation.handle(user_message("patient"))

    instructions = conversation.handle(user_message("urgent", when_busy=WhenBusy.INTERRUPT))

    assert history_lines(only_one(SendRequest, instructions).messages) == ["user: urgent"]
    assert emitted_events(instructions)[-1] == out.TurnStarted(turn=waiting + 1)
    assert queued_turns(conversation) == (waiting,)


def test_an_interrupting_message_ends_the_running_turn_before_its_own_starts() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(user_message("urgent", when_busy=WhenBusy.INTERRUPT))

    assert effects(instructions)[0] == Cancel()
    assert emitted_events(instructions) == [out.Interrupted(turn=1), out.TurnStarted(turn=2)]


def test_the_sessions_when_busy_applies_to_messages_without_their_own() -> None:
    conversation = conversation_in(State.REQUESTING, SessionConfig(provider=Scripted(), when_busy=WhenBusy.REJECT))

    with assert_rejected(conversation, SessionBusy):
        conversation.handle(user_message("hi"))

    conversation.handle(user_message("hi", when_busy=WhenBusy.QUEUE))
    assert len(conversation.queue) == 1


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_a_message_of_blank_text_is_rejected(text: str) -> None:
    conversation = conversation_in(State.IDLE)

    with assert_rejected(conversation, EmptyMessage):
        conversation.handle(user_message(text))


def test_a_message_without_blocks_is_rejected() -> None:
    conversation = conversation_in(State.TOOLS_OUT)

    with assert_rejected(conversation, EmptyMessage):
        conversation.handle(received(msg.UserMessage(content=())))


def test_blank_text_next_to_an_image_is_removed() -> None:
    conversation = conversation_in(State.IDLE)
    image = Image(url="https://example.org/raven.png")

    conversation.handle(received(msg.UserMessage(content=(Text(" "), image))))

    assert conversation.history[0].content == (image,)


@pytest.mark.parametrize("content", [(), ("",), (" \n",), (Thinking(text="hm", provider="anthropic", signature="s"),)])
def test_an_answer_without_content_completes_the_turn_and_adds_no_message(content: tuple[str, ...]) -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(answered(1, *content))

    assert isinstance(turn_ends(instructions)[0], out.Completed)
    assert history_lines(conversation.history) == ["user: hi"]


def test_thinking_and_opaque_blocks_are_kept_next_to_text() -> None:
    conversation = conversation_in(State.REQUESTING)
    thought = Thinking(text="hm", provider="anthropic", signature="s")
    searched = Opaque(provider="anthropic", type="server_tool_use", json=b"{}")

    conversation.handle(answered(1, thought, searched, "", "found"))

    assert conversation.history[1].content == (thought, searched, Text("found"))


@pytest.mark.parametrize(
    "late",
    [answered(1, "late"), request_failed(1), request_failed(1, retryable=True), ev.BackoffEnded(request=1)],
    ids=lambda event: type(event).__name__,
)
@pytest.mark.parametrize("interrupted_in", [State.REQUESTING, State.RETRYING, State.TOOLS_OUT])
def test_outcomes_of_a_cancelled_request_are_ignored(interrupted_in: State, late: ev.Event) -> None:
    conversation = conversation_in(interrupted_in)
    conversation.handle(user_message("next", when_busy=WhenBusy.INTERRUPT))
    before = copy_of(conversation)

    assert conversation.handle(late) == []
    assert conversation == before


def test_a_repeated_answer_is_ignored() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello"))
    before = copy_of(conversation)

    assert conversation.handle(answered(1, "hello")) == []
    assert conversation == before


def test_the_record_of_an_event_comes_before_its_effects() -> None:
    conversation = conversation_in(State.REQUESTING)

    instructions = conversation.handle(answered(1, "hello"))

    assert instructions[0] == ev.Record(3, answered(1, "hello"))


def test_replaying_the_records_rebuilds_the_conversation() -> None:
    conversation = Conversation()
    events: list[ev.Event] = [
        ev.Opened(config=DISCARD, created_at=1.5),
        user_message("one"),
        answered(1, "let me look", TOOL_USE),
        user_message("two"),
        tool_results("a"),
        request_failed(2, retryable=True),
        ev.BackoffEnded(request=2),
        answered(3, "seen"),
        answered(4, TOOL_USE),
    ]

    records = [step for event in events for step in conversation.handle(event) if isinstance(step, ev.Record)]

    assert [record.event for record in records] == events
    assert [record.number for record in records] == list(range(1, len(events) + 1))
    assert replayed(records) == conversation


def test_a_closed_session_rejects_every_message() -> None:
    conversation = conversation_in(State.CLOSED)

    for message in (
        user_message(),
        tool_results("a"),
        received(msg.Interrupt()),
        received(msg.Retry()),
        received(msg.Clear()),
        received(msg.Close()),
    ):
        with assert_rejected(conversation, SessionClosed):
            conversation.handle(message)


NAMED = msg.UserMessage(content=(Text("hi"),), correlation_id="order-7", metadata={"user": "corvin"})


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (answered(1, "hello"), out.Completed),
        (request_failed(1), out.Failed),
        (received(msg.Interrupt()), out.Interrupted),
        (received(msg.Close()), out.Interrupted),
    ],
    ids=["completed", "failed", "interrupted", "closed"],
)
def test_what_a_message_is_called_comes_back_where_its_turn_starts_and_ends(
    event: ev.Event, kind: type[out.TurnEnd]
) -> None:
    conversation = opened_conversation(DISCARD)

    instructions = conversation.handle(received(NAMED))
    [end] = turn_ends(conversation.handle(event))

    assert emitted_events(instructions) == [
        out.TurnStarted(turn=1, correlation_id="order-7", metadata={"user": "corvin"})
    ]
    assert type(end) is kind
    assert end.correlation_id == "order-7"


def test_metadata_stays_with_the_message_in_the_history_and_counts_in_its_size() -> None:
    named, plain = opened_conversation(), opened_conversation()

    named.handle(received(NAMED))
    plain.handle(received(msgspec.structs.replace(NAMED, metadata={})))

    assert named.history[0].metadata == {"user": "corvin"}
    assert plain.history[0].metadata is None
    assert named.history_size.held_bytes > plain.history_size.held_bytes


@pytest.mark.parametrize("event", [received(msg.Interrupt(turn=2)), received(msg.Close())], ids=["interrupt", "close"])
def test_what_a_queued_message_is_called_is_in_its_interruption(event: ev.Event) -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(NAMED))

    ends = turn_ends(conversation.handle(event))

    assert out.Interrupted(turn=2, correlation_id="order-7") in ends


def test_the_next_turn_is_not_called_as_the_last_one() -> None:
    conversation = opened_conversation(DISCARD)
    conversation.handle(received(NAMED))
    conversation.handle(request_failed(1))

    instructions = conversation.handle(received(msg.Retry()))

    assert emitted_events(instructions) == [out.TurnStarted(turn=2)]
