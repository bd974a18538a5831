"""The history is bounded in bytes: what compactions removed goes first, then messages are rejected."""

import msgspec
import pytest
from builders.conversation import TOOL_USE, answered, assert_rejected, opened_conversation, received, user_message

from rayconteur.errors import HistoryFull
from rayconteur.providers.schema.content import Text, ToolResult
from rayconteur.providers.schema.messages import Message, Role, StandsFor
from rayconteur.providers.scripted.config import Scripted
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.settings.policies import Limits
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.history import HistorySize

KB = "x" * 1_000
LIMIT = 14_000
CONFIG = SessionConfig(provider=Scripted(), limits=Limits(history_bytes=LIMIT))
RESULT = received(msg.ToolResults(results=(ToolResult(TOOL_USE.id, (Text(KB * 2),)),)), size_bytes=2_000)


def conversation_of(turns: int) -> Conversation:
    """A conversation of *turns* with 2 KB each."""
    conversation = opened_conversation(CONFIG)
    for turn in range(1, turns + 1):
        have_turn(conversation, turn)
    return conversation


def have_turn(conversation: Conversation, turn: int) -> None:
    conversation.handle(user_message(KB, size_bytes=1_000))
    conversation.handle(answered(turn, "ok"))


def compact(conversation: Conversation, *messages: Message) -> None:
    conversation.handle(received(msg.Compact()))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=messages))


def summary(turns: int) -> Message:
    stands_for = StandsFor(first_turn=1, last_turn=turns, messages=2 * turns)
    return Message(role=Role.USER, content=(Text("in short"),), turn=turns, stands_for=stands_for)


def turns_of(conversation: Conversation) -> list[int]:
    return [message.turn for message in conversation.full_history]


def test_messages_that_a_compaction_removed_are_dropped_oldest_first() -> None:
    conversation = conversation_of(5)
    compact(conversation, summary(4), *conversation.history[8:])
    have_turn(conversation, 6)
    assert turns_of(conversation)[0] == 1

    have_turn(conversation, 7)

    assert conversation.history_size.held_bytes <= LIMIT
    assert turns_of(conversation)[0] == 2
    assert turns_of(conversation)[-1] == 7
    assert conversation.dropped_messages == 14 - len(conversation.full_history)
    assert [message.turn for message in conversation.history] == [4, 5, 5, 6, 6, 7, 7]


def test_a_message_that_the_rest_of_the_history_leaves_no_room_for_is_rejected() -> None:
    conversation = conversation_of(6)

    with assert_rejected(conversation, HistoryFull):
        conversation.handle(user_message(KB * 3, size_bytes=3_000))

    compact(conversation, summary(5), *conversation.history[10:])
    conversation.handle(user_message(KB * 3, size_bytes=3_000))


def test_queued_messages_count() -> None:
    conversation = conversation_of(5)
    conversation.handle(user_message(size_bytes=1_000))
    conversation.handle(user_message(size_bytes=1_000))

    with assert_rejected(conversation, HistoryFull):
        conversation.handle(user_message(size_bytes=2_900))


def test_tool_results_that_leave_no_room_are_rejected_until_the_limit_is_raised() -> None:
    conversation = conversation_of(5)
    conversation.handle(user_message(KB, size_bytes=1_000))
    conversation.handle(answered(6, TOOL_USE))

    with assert_rejected(conversation, HistoryFull):
        conversation.handle(RESULT)

    conversation.handle(received(msg.Configure(limits=Limits(history_bytes=2 * LIMIT))))
    conversation.handle(RESULT)


@pytest.mark.parametrize(
    "decision", [msg.Approve(inputs={TOOL_USE.id: {"text": KB * 2}}), msg.Deny(reason=KB * 2)], ids=["edited", "denied"]
)
def test_what_is_said_about_a_tool_use_needs_room_in_its_result(decision: msg.ToLLM) -> None:
    conversation = conversation_of(5)
    conversation.handle(user_message(KB, size_bytes=1_000))
    conversation.handle(answered(6, TOOL_USE))
    conversation.handle(received(msg.RequestApproval(tool_use_ids=(TOOL_USE.id,)), size_bytes=10))

    with assert_rejected(conversation, HistoryFull):
        conversation.handle(received(decision, size_bytes=2_000))

    conversation.handle(received(msg.Approve(), size_bytes=10))


def test_what_requests_hold_in_place_of_a_dropped_message_is_shown_instead() -> None:
    conversation = opened_conversation(CONFIG)
    conversation.handle(user_message(KB))
    conversation.handle(answered(1, TOOL_USE))
    conversation.handle(RESULT)
    conversation.handle(answered(2, "three ravens"))
    question, use, result, answer = conversation.history
    asked = msgspec.structs.replace(question, content=(Text("[an image]"),))
    shortened = msgspec.structs.replace(result, content=(ToolResult(TOOL_USE.id, (Text("cleared"),)),))
    compact(conversation, asked, use, shortened, answer)
    assert conversation.full_history == (question, use, result, answer)

    conversation.handle(ev.HistoryTrimmed(limit_bytes=0))

    assert conversation.full_history == conversation.history == (asked, use, shortened, answer)
    assert conversation.dropped_messages == 2
    assert conversation.history_size.removed_bytes == 0
    assert conversation.history_size.held_bytes == sum(message.size_bytes for message in conversation.history)


def test_what_was_dropped_is_dropped_again_in_a_replay() -> None:
    conversation = Conversation()
    events: list[ev.Event] = [ev.Opened(config=CONFIG, created_at=0.0)]
    for turn in range(1, 7):
        events += [user_message(KB, size_bytes=1_000), answered(turn, "ok")]
    events += [received(msg.Compact()), ev.CompactionEnded(compaction=1, messages=(summary(6),))]
    for turn in range(7, 10):
        events += [user_message(KB, size_bytes=1_000), answered(turn, "ok")]
    events.append(ev.HistoryTrimmed(limit_bytes=6_000))

    records = [step for event in events for step in conversation.handle(event) if isinstance(step, ev.Record)]

    assert conversation.dropped_messages
    assert Conversation.replay(records) == conversation
    restored = Conversation.restore(conversation.snapshot())
    assert restored == conversation
    assert restored.history_size == conversation.history_size
    assert restored.dropped_messages == conversation.dropped_messages


@pytest.mark.parametrize("discards", [True, False])
def test_the_size_is_that_of_the_messages_whatever_happens(discards: bool) -> None:
    conversation = conversation_of(3)
    compact(conversation, summary(2), *conversation.history[4:])
    conversation.handle(user_message(KB))
    if discards:
        conversation.handle(received(msg.Interrupt()))

    written = [message for message in conversation.history if message.stands_for]
    assert conversation.history_size.held_bytes == sum(
        message.size_bytes for message in (*conversation.full_history, *written)
    )

    conversation.handle(received(msg.Interrupt()))
    conversation.handle(received(msg.Clear()))
    assert conversation.history_size == HistorySize()
