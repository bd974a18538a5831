"""Messages that steer: they enter the running turn with the results of its next step, or run next."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    TOOL_USE,
    answered,
    assert_rejected,
    conversation_in,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    queued_turns,
    received,
    replayed,
    request_failed,
    tool_results,
    tool_use,
    user_message,
)

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Approval, Tool
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import MailboxFull, SessionClosed
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.settings.policies import Limits, OnMaxSteps, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge, Instruction, SendRequest


def steering(
    text: str, settings: TurnSettings | None = None, temporary: bool = False, size_bytes: int = 0
) -> ev.Received:
    message = msg.UserMessage(
        content=(Text(text),), when_busy=WhenBusy.STEER, settings=settings, temporary=temporary, correlation_id=text
    )
    return received(message, size_bytes=size_bytes)


def at_tools(config: SessionConfig = DISCARD) -> Conversation:
    return conversation_in(State.TOOLS_OUT, config)


def started(instructions: list[Instruction]) -> list[int]:
    return [event.turn for event in emitted_events(instructions) if isinstance(event, out.TurnStarted)]


def test_they_follow_the_results_of_the_next_step_in_the_order_of_their_arrival() -> None:
    conversation = at_tools()
    receipt = only_one(Acknowledge, conversation.handle(steering("one")))
    conversation.handle(user_message("queued"))
    conversation.handle(steering("two"))

    instructions = conversation.handle(tool_results("a"))
    send = only_one(SendRequest, instructions)

    assert receipt.turn == 2
    assert history_lines(send.messages) == ["user: hi", "assistant: <look a>", "user: a=seen", "user: one", "user: two"]
    assert {message.turn for message in send.messages} == {1}
    assert emitted_events(instructions)[-2:] == [
        out.Steered(turn=1, number=2, correlation_id="one"),
        out.Steered(turn=1, number=4, correlation_id="two"),
    ]
    assert queued_turns(conversation) == (3,)


def test_they_wait_for_all_results_and_approvals() -> None:
    tools = (Tool(name="look", approve=Approval.ALWAYS),)
    conversation = conversation_in(State.REQUESTING, msgspec.structs.replace(DISCARD, tools=tools))
    conversation.handle(answered(1, tool_use("a"), tool_use("b")))
    conversation.handle(steering("one"))
    conversation.handle(received(msg.Approve()))
    conversation.handle(tool_results("a"))
    assert queued_turns(conversation) == (2,)

    conversation.handle(tool_results("b"))

    assert history_lines(conversation.history)[-1] == "user: one"


def test_without_a_step_they_are_turns_of_their_own_before_what_is_queued() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("queued"))
    conversation.handle(received(msg.Clear()))
    conversation.handle(steering("one"))
    conversation.handle(steering("two"))

    orders = [started(conversation.handle(answered(number, "well"))) for number in (1, 2, 3)]

    assert orders == [[3], [4], [2]]
    assert history_lines(conversation.history)[2:5:2] == ["user: one", "user: two"]


def test_one_that_waits_when_the_turn_starts_another_step_later_enters_the_turn_of_the_one_before_it() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(steering("one"))
    conversation.handle(steering("two"))
    conversation.handle(answered(1, "well"))
    conversation.handle(answered(2, TOOL_USE))

    instructions = conversation.handle(tool_results("a"))

    assert only_one(out.Steered, emitted_events(instructions)) == out.Steered(turn=2, number=3, correlation_id="two")


def test_an_idle_session_takes_one_as_any_message() -> None:
    conversation = opened_conversation()

    assert started(conversation.handle(steering("one"))) == [1]


@pytest.mark.parametrize("config", [DISCARD, KEEP], ids=["discard", "keep"])
def test_one_that_waits_is_not_lost_with_an_interrupted_turn(config: SessionConfig) -> None:
    conversation = at_tools(config)
    conversation.handle(user_message("queued"))
    conversation.handle(steering("one"))

    assert started(conversation.handle(received(msg.Interrupt()))) == [3]
    assert history_lines(conversation.history)[-1] == "user: one"


def test_one_that_waits_when_another_message_interrupts_enters_the_turn_of_that() -> None:
    conversation = at_tools()
    conversation.handle(steering("one"))
    conversation.handle(user_message("stop", when_busy=WhenBusy.INTERRUPT))
    conversation.handle(answered(2, tool_use("b")))
    conversation.handle(tool_results("b"))

    assert history_lines(conversation.history) == ["user: stop", "assistant: <look b>", "user: b=seen", "user: one"]


def test_one_that_has_entered_a_turn_leaves_with_it() -> None:
    conversation = at_tools()
    conversation.handle(steering("one"))
    conversation.handle(tool_results("a"))

    (end,) = emitted_events(conversation.handle(received(msg.Interrupt())))

    assert end == out.Interrupted(turn=1)
    assert conversation.history == ()


def test_one_that_waits_can_be_withdrawn_and_one_that_has_entered_is_no_turn() -> None:
    conversation = at_tools()
    conversation.handle(steering("one"))
    conversation.handle(steering("two"))

    withdrawn = emitted_events(conversation.handle(received(msg.Interrupt(turn=2))))
    conversation.handle(tool_results("a"))

    assert withdrawn == [out.Interrupted(turn=2, correlation_id="one")]
    assert history_lines(conversation.history)[3:] == ["user: two"]
    assert only_one(Acknowledge, conversation.handle(received(msg.Interrupt(turn=3)))).turn is None


@pytest.mark.parametrize(
    "own", [steering("own", settings=TurnSettings(system="Sing.")), steering("own", temporary=True)]
)
def test_one_that_needs_a_turn_of_its_own_does_not_enter_and_none_overtakes_it(own: ev.Received) -> None:
    conversation = at_tools()
    conversation.handle(user_message("queued"))
    conversation.handle(steering("one"))
    conversation.handle(own)
    conversation.handle(steering("two"))

    conversation.handle(tool_results("a"))
    assert history_lines(conversation.history)[3:] == ["user: one"]
    assert queued_turns(conversation) == (4, 5, 2)
    assert started(conversation.handle(answered(2, "well"))) == [4]


def test_a_turn_that_ends_with_its_step_is_not_entered() -> None:
    conversation = at_tools(msgspec.structs.replace(DISCARD, max_steps=1))
    conversation.handle(steering("one"))

    instructions = conversation.handle(tool_results("a"))

    assert only_one(out.Completed, emitted_events(instructions)).stop_reason is StopReason.MAX_STEPS
    assert started(instructions) == [2]


def test_the_metadata_of_one_stays_with_it_in_the_history() -> None:
    conversation = at_tools()
    message = msg.UserMessage(content=(Text("one"),), when_busy=WhenBusy.STEER)
    for metadata in ({"by": "corvin"}, {}):
        conversation.handle(received(msgspec.structs.replace(message, metadata=metadata)))

    conversation.handle(tool_results(TOOL_USE.id))

    assert [message.metadata for message in conversation.history[-2:]] == [{"by": "corvin"}, None]


def test_the_last_answer_of_a_turn_with_too_many_steps_is_steered() -> None:
    config = msgspec.structs.replace(DISCARD, max_steps=1, on_max_steps=OnMaxSteps.ANSWER)
    conversation = at_tools(config)
    conversation.handle(steering("one"))

    send = only_one(SendRequest, conversation.handle(tool_results("a")))

    assert history_lines(send.messages)[-1] == "user: one"


def test_a_retry_of_the_turn_has_it_and_a_rewind_removes_it_with_the_turn() -> None:
    conversation = at_tools()
    conversation.handle(steering("one"))
    conversation.handle(tool_results("a"))
    conversation.handle(request_failed(2))

    retry = only_one(SendRequest, conversation.handle(received(msg.Retry())))
    conversation.handle(answered(3, "well"))
    rewound = only_one(out.Rewound, emitted_events(conversation.handle(received(msg.Rewind()))))

    assert history_lines(retry.messages)[-1] == "user: one"
    assert (rewound.turns, rewound.messages, conversation.history) == ((1, 3), 5, ())


def test_they_are_bounded_like_all_that_wait_and_are_answered_before_the_session_closes() -> None:
    conversation = at_tools(msgspec.structs.replace(DISCARD, limits=Limits(waiting_messages=2, waiting_bytes=100)))
    conversation.handle(steering("one", size_bytes=60))
    with assert_rejected(conversation, MailboxFull):
        conversation.handle(steering("two", size_bytes=60))
    conversation.handle(received(msg.Close(drain=True)))
    with assert_rejected(conversation, SessionClosed):
        conversation.handle(steering("three"))

    conversation.handle(tool_results("a"))
    conversation.handle(answered(2, "well"))

    assert conversation.state is State.CLOSED
    assert history_lines(conversation.history)[3:] == ["user: one", "assistant: well"]


def test_records_and_snapshots_hold_what_waits_and_what_has_entered() -> None:
    conversation = opened_conversation()
    records = [ev.Record(1, ev.Opened(config=DISCARD, created_at=0.0))]
    events = (user_message(), user_message("queued"), steering("one"), answered(1, TOOL_USE), tool_results("a"))
    for event in (*events, steering("two"), answered(2, "well")):
        records.append(only_one(ev.Record, conversation.handle(event)))
        assert replayed(records) == conversation
        assert Conversation.restore(conversation.snapshot()) == conversation
    assert queued_turns(conversation) == (2,)
