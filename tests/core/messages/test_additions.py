"""Messages that are added to a history without a request."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    TOOL_USE,
    answered,
    assert_rejected,
    conversation_in,
    copy_of,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    received,
    replayed,
    request_failed,
    user_message,
)

from rayconteur.providers.schema.content import Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig, RayconteurError
from rayconteur.providers.schema.messages import Message, Origin, Role, StandsFor
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.errors import (
    HistoryFull,
    MailboxFull,
    MessageTooLarge,
    NothingToContinue,
    SessionClosed,
)
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.api.settings.policies import Limits
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import Acknowledge, SendRequest

ASKED, TOLD = Message.of_user("Where is it?"), Message.of_assistant("In the oak.")
LOOKS = Message.of_assistant(ToolUse("a", "look", {}))
SEEN = Message.of_user(ToolResult("a", (Text("seen"),)))


def adding(*messages: Message, size_bytes: int = 0) -> ev.Received:
    return received(msg.AddMessages(messages=messages), size_bytes=size_bytes)


def answered_once() -> Conversation:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "hello"))
    return conversation


def test_messages_are_in_the_history_without_a_request_and_each_of_the_user_s_is_a_turn() -> None:
    conversation = answered_once()

    instructions = conversation.handle(adding(ASKED, TOLD, Message.of_user("And the eggs?")))

    assert emitted_events(instructions) == [out.MessagesAdded(turns=(2, 3), messages=3)]
    assert only_one(Acknowledge, instructions).turn == 2
    assert history_lines(conversation.history)[2:] == [
        "user: Where is it?",
        "assistant: In the oak.",
        "user: And the eggs?",
    ]
    assert [message.turn for message in conversation.history] == [1, 1, 2, 2, 3]
    assert (conversation.state, conversation.requests, conversation.turns) == (State.IDLE, 1, 3)


def test_the_next_request_holds_them() -> None:
    conversation = answered_once()
    conversation.handle(adding(ASKED, TOLD))

    send = only_one(SendRequest, conversation.handle(user_message("And the eggs?")))

    assert [message.turn for message in send.messages] == [1, 1, 2, 2, 3]


def test_they_wait_for_the_turns_that_are_queued_and_their_numbers_are_those_of_their_arrival() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(user_message("second"))
    waiting = conversation.handle(adding(ASKED, TOLD))
    conversation.handle(user_message("fourth"))

    conversation.handle(answered(1, "one"))
    instructions = conversation.handle(answered(2, "two"))

    assert only_one(Acknowledge, waiting).turn == 3
    assert [type(event) for event in emitted_events(instructions)][1:] == [
        out.Completed,
        out.MessagesAdded,
        out.TurnStarted,
    ]
    assert [message.turn for message in conversation.history] == [1, 1, 2, 2, 3, 3, 4]


def test_an_answer_comes_first_only_where_every_provider_accepts_it_next() -> None:
    empty, running, after_answer, unanswered = (
        opened_conversation(),
        conversation_in(State.REQUESTING),
        answered_once(),
        conversation_in(State.REQUESTING),
    )
    unanswered.handle(request_failed(1))

    for conversation, reason in ((empty, "is empty"), (running, "is running"), (after_answer, "ends with an answer")):
        before = copy_of(conversation)
        with pytest.raises(InvalidConfig, match=reason):
            conversation.handle(adding(TOLD))
        assert conversation == before
    unanswered.handle(adding(TOLD))

    assert history_lines(unanswered.history) == ["user: hi", "assistant: In the oak."]
    assert [message.turn for message in unanswered.history] == [1, 2]


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ((), r"message\.messages: there are no messages"),
        ((ASKED, TOLD, TOLD), r"message\.messages\[2\]: an answer can't follow an answer"),
        ((ASKED, LOOKS), r"message\.messages\[1\]: the tool uses 'a' have no results"),
        ((ASKED, SEEN), r"message\.messages\[1\]\.content: there are no tool uses 'a'"),
        ((Message.of_user(" "),), r"message\.messages\[0\]\.content\[0\]: the text is blank"),
        (
            (msgspec.structs.replace(ASKED, stands_for=StandsFor(first_turn=1, last_turn=2, messages=4)),),
            r"message\.messages\[0\]: a summary can only be in an initial history",
        ),
    ],
)
def test_what_is_wrong_about_them_is_named(messages: tuple[Message, ...], problem: str) -> None:
    with pytest.raises(InvalidConfig, match=problem):
        answered_once().handle(adding(*messages))


def test_tool_uses_whose_ids_are_taken_get_others_and_so_do_their_results() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(received(msg.ToolResults(results=(ToolResult("a"),))))
    conversation.handle(answered(2, "seen"))

    conversation.handle(adding(ASKED, LOOKS, SEEN, TOLD))
    conversation.handle(adding(ASKED, LOOKS, SEEN, TOLD))

    assert history_lines(conversation.history)[5:7] == ["assistant: <look a-2>", "user: a-2=seen"]
    assert history_lines(conversation.history)[9:11] == ["assistant: <look a-3>", "user: a-3=seen"]


def test_thinking_that_was_signed_after_an_old_id_is_left_out() -> None:
    conversation = conversation_in(State.TOOLS_OUT)
    conversation.handle(received(msg.ToolResults(results=(ToolResult("a"),))))
    conversation.handle(answered(2, "seen"))
    thought = Thinking(text="hm", provider="scripted", signature="s")
    looks = Message(
        role=Role.ASSISTANT, content=(TOOL_USE, thought, ToolUse("b", "look", {})), origin=Origin(source="one")
    )

    conversation.handle(adding(ASKED, looks, Message.of_user(ToolResult("a"), ToolResult("b"))))

    assert history_lines(conversation.history)[5:] == ["assistant: <look a-2> <look b>", "user: ToolResult ToolResult"]


def test_a_retry_answers_them_with_the_session_s_settings() -> None:
    conversation = opened_conversation()
    conversation.handle(
        received(msg.UserMessage(content=(Text("hi"),), settings=TurnSettings(system="Answer in one word.")))
    )
    conversation.handle(request_failed(1))
    conversation.handle(adding(ASKED))

    send = only_one(SendRequest, conversation.handle(received(msg.Retry())))

    assert history_lines(send.messages) == ["user: hi", "user: Where is it?"]
    assert send.config == DISCARD


def test_an_answer_that_was_cut_off_is_not_continued_after_them() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(answered(1, "They ", stop=StopReason.MAX_TOKENS))
    conversation.handle(adding(ASKED, TOLD))

    with assert_rejected(conversation, NothingToContinue):
        conversation.handle(received(msg.Continue()))


def test_they_count_towards_the_context_window() -> None:
    conversation = answered_once()
    before = conversation.context.tokens or 0

    conversation.handle(adding(Message.of_user("raven " * 400), TOLD))

    assert (conversation.context.tokens or 0) > before + 300
    assert conversation.fill.messages == 4


def test_the_prompt_of_a_turn_that_has_left_does_not_come_back_with_them() -> None:
    conversation = answered_once()
    conversation.handle(received(msg.UserMessage(content=(Text("hi"),), settings=TurnSettings(system="Sing."))))
    conversation.handle(received(msg.Interrupt()))

    conversation.handle(adding(ASKED, TOLD))

    assert only_one(SendRequest, conversation.handle(user_message())).prompts == ()


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(waiting_messages=1), MailboxFull),
        (Limits(waiting_bytes=100), MailboxFull),
        (Limits(message_bytes=100), MessageTooLarge),
        (Limits(history_bytes=250), HistoryFull),
    ],
)
def test_there_may_be_no_room_for_them(limits: Limits, error: type[RayconteurError]) -> None:
    conversation = conversation_in(State.REQUESTING, msgspec.structs.replace(DISCARD, limits=limits))
    conversation.handle(received(msg.Clear()))

    with assert_rejected(conversation, error):
        conversation.handle(adding(ASKED, size_bytes=200))


def test_they_can_t_be_withdrawn_and_are_not_a_turn_that_ends() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(adding(ASKED))

    assert only_one(Acknowledge, conversation.handle(received(msg.Interrupt(turn=2)))).turn is None
    assert [event.turn for event in emitted_events(conversation.handle(received(msg.Close())))] == [1, 0]


def test_nothing_is_added_after_a_close_that_is_queued() -> None:
    conversation = conversation_in(State.REQUESTING)
    conversation.handle(received(msg.Close(drain=True)))

    with assert_rejected(conversation, SessionClosed):
        conversation.handle(adding(ASKED))


def test_records_and_snapshots_hold_them_queued_and_added() -> None:
    conversation = opened_conversation()
    records = [ev.Record(1, ev.Opened(config=DISCARD, created_at=0.0))]
    for event in (adding(ASKED, LOOKS, SEEN), user_message(), adding(ASKED, LOOKS, SEEN), answered(1, "hello")):
        records.append(only_one(ev.Record, conversation.handle(event)))
        assert replayed(records) == conversation
        assert Conversation.restore(conversation.snapshot()) == conversation
