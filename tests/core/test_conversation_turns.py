"""Turns: their order, their one end, and the records that rebuild them."""

import pytest
from builders.conversation import (
    DISCARD,
    USE,
    answered,
    asked,
    copy_of,
    emitted,
    ends,
    failed,
    in_state,
    only,
    refused,
    replayed,
    returned,
    said,
)

from rayconteur.providers.schema.content import Image, Opaque, Text, Thinking
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as say
from rayconteur.runtime.api.config import SessionConfig, WhenBusy
from rayconteur.runtime.api.errors import EmptyMessage, SessionBusy, SessionClosed
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core import instructions as do
from rayconteur.runtime.core.conversation import Conversation

BUSY = (State.REQUESTING, State.STREAMING, State.RETRYING, State.TOOLS_OUT, State.COMPACTING)


def test_a_message_begins_a_turn_and_sends_the_history_with_it() -> None:
    talk = Conversation(DISCARD)

    instructions = talk.handle(asked("hi"))

    assert instructions[:2] == [do.Record(asked("hi")), do.Emit(say.TurnStarted(turn=1))]
    sent = only(do.Send, instructions)
    assert (sent.number, sent.turn, sent.attempt) == (1, 1, 1)
    assert said(sent.messages) == ["user: hi"]


def test_an_answer_ends_the_turn_with_its_usage_and_the_providers_own_stop_reason() -> None:
    talk = in_state(State.REQUESTING)

    instructions = talk.handle(answered(1, "hello"))

    assert said(talk.history) == ["user: hi", "assistant: hello"]
    assert ends(instructions) == [
        say.Completed(turn=1, stop_reason=StopReason.END_TURN, raw_stop_reason="end_turn", usage=talk.usage, requests=1)
    ]


def test_a_session_goes_idle_before_it_tells_of_the_end() -> None:
    talk = in_state(State.STREAMING)

    talk.handle(answered(1, "hello"))

    assert talk.state is State.IDLE
    assert talk.turn is None


@pytest.mark.parametrize("state", BUSY)
def test_messages_that_wait_begin_their_turns_in_the_order_sent(state: State) -> None:
    talk = in_state(state)
    first = talk.turns
    for text in ("one", "two"):
        assert talk.handle(asked(text)) == [do.Record(asked(text))]

    talk.handle(ev.InterruptAsked())
    talk.handle(answered(talk.requests, "1"))
    talk.handle(answered(talk.requests, "2"))

    assert said(talk.history) == ["user: one", "assistant: 1", "user: two", "assistant: 2"]
    assert [message.turn for message in talk.history] == [first + 1, first + 1, first + 2, first + 2]


@pytest.mark.parametrize("state", BUSY)
def test_a_message_that_must_not_wait_is_refused_while_the_session_is_busy(state: State) -> None:
    talk = in_state(state)

    with refused(talk, SessionBusy):
        talk.handle(asked("now or never", when_busy=WhenBusy.REJECT))


@pytest.mark.parametrize("when_busy", list(WhenBusy))
def test_an_idle_session_takes_a_message_whatever_its_rule_for_busy_ones(when_busy: WhenBusy) -> None:
    talk = in_state(State.IDLE)

    instructions = talk.handle(asked("hi", when_busy=when_busy))

    assert only(do.Send, instructions).turn == 1


@pytest.mark.parametrize("state", BUSY)
def test_a_message_that_interrupts_goes_before_those_that_wait(state: State) -> None:
    talk = in_state(state)
    waiting = talk.turns + 1
    talk.handle(asked("patient"))

    instructions = talk.handle(asked("urgent", when_busy=WhenBusy.INTERRUPT))

    assert said(only(do.Send, instructions).messages) == ["user: urgent"]
    assert emitted(instructions)[-1] == say.TurnStarted(turn=waiting + 1)
    assert talk.mailbox.turns() == (waiting,)


def test_a_message_that_interrupts_ends_the_running_turn_before_its_own_begins() -> None:
    talk = in_state(State.STREAMING)

    instructions = talk.handle(asked("urgent", when_busy=WhenBusy.INTERRUPT))

    assert instructions[1] == do.Abandon()
    assert emitted(instructions) == [say.Interrupted(turn=1), say.TurnStarted(turn=2)]


def test_the_sessions_own_rule_holds_where_a_message_has_none() -> None:
    talk = in_state(State.REQUESTING, SessionConfig(provider=Scripted(), when_busy=WhenBusy.REJECT))

    with refused(talk, SessionBusy):
        talk.handle(asked("hi"))

    talk.handle(asked("hi", when_busy=WhenBusy.QUEUE))
    assert len(talk.mailbox) == 1


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_a_message_of_blank_text_is_refused(text: str) -> None:
    talk = in_state(State.IDLE)

    with refused(talk, EmptyMessage):
        talk.handle(asked(text))


def test_a_message_without_blocks_is_refused() -> None:
    talk = in_state(State.TOOLS_OUT)

    with refused(talk, EmptyMessage):
        talk.handle(ev.Asked(content=()))


def test_blank_text_beside_an_image_is_left_out() -> None:
    talk = in_state(State.IDLE)
    image = Image(url="https://example.org/raven.png")

    talk.handle(ev.Asked(content=(Text(" "), image)))

    assert talk.history[0].content == (image,)


@pytest.mark.parametrize("pieces", [(), ("",), (" \n",), (Thinking(text="hm", provider="anthropic", signature="s"),)])
def test_an_answer_that_says_nothing_ends_its_turn_and_leaves_no_message(pieces: tuple[str, ...]) -> None:
    talk = in_state(State.STREAMING)

    instructions = talk.handle(answered(1, *pieces))

    assert isinstance(ends(instructions)[0], say.Completed)
    assert said(talk.history) == ["user: hi"]


def test_thinking_and_opaque_blocks_stay_where_something_goes_with_them() -> None:
    talk = in_state(State.STREAMING)
    thought = Thinking(text="hm", provider="anthropic", signature="s")
    searched = Opaque(provider="anthropic", type="server_tool_use", json=b"{}")

    talk.handle(answered(1, thought, searched, "", "found"))

    assert talk.history[1].content == (thought, searched, Text("found"))


@pytest.mark.parametrize(
    "late",
    [ev.AnswerBegan(request=1), answered(1, "late"), failed(1), failed(1, retryable=True), ev.BackoffEnded(request=1)],
    ids=lambda event: type(event).__name__,
)
@pytest.mark.parametrize("interrupted_in", [State.REQUESTING, State.STREAMING, State.RETRYING, State.TOOLS_OUT])
def test_what_comes_of_an_abandoned_request_is_passed_over(interrupted_in: State, late: ev.Event) -> None:
    talk = in_state(interrupted_in)
    talk.handle(asked("next", when_busy=WhenBusy.INTERRUPT))
    before = copy_of(talk)

    assert talk.handle(late) == []
    assert talk == before


def test_an_answer_that_comes_twice_counts_once() -> None:
    talk = in_state(State.STREAMING)
    talk.handle(answered(1, "hello"))
    before = copy_of(talk)

    assert talk.handle(answered(1, "hello")) == []
    assert talk == before


def test_a_record_comes_before_what_it_stands_for_is_told() -> None:
    talk = in_state(State.STREAMING)

    instructions = talk.handle(answered(1, "hello"))

    assert instructions[0] == do.Record(answered(1, "hello"))


def test_the_beginning_of_an_answer_is_no_record() -> None:
    talk = in_state(State.REQUESTING)

    assert talk.handle(ev.AnswerBegan(request=1)) == []
    assert talk.state is State.STREAMING


def test_the_records_of_a_conversation_rebuild_it() -> None:
    talk = Conversation(DISCARD)
    events: list[ev.Event] = [
        asked("one"),
        answered(1, "let me look", USE),
        asked("two"),
        returned("a"),
        failed(2, retryable=True),
        ev.BackoffEnded(request=2),
        answered(3, "seen"),
        answered(4, USE),
    ]
    records = [step.event for event in events for step in talk.handle(event) if isinstance(step, do.Record)]

    assert records == events
    assert replayed(DISCARD, records) == talk


def test_nothing_is_taken_after_the_end() -> None:
    talk = in_state(State.CLOSED)

    for wish in (asked(), returned("a"), ev.InterruptAsked(), ev.RetryAsked(), ev.ClearAsked(), ev.CloseAsked()):
        with refused(talk, SessionClosed):
            talk.handle(wish)
