"""Temporary messages, which leave the history with their turn, and temporary content, which leaves its message."""

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    TOOL_USE,
    answered,
    assert_rejected,
    emitted_events,
    history_lines,
    only_one,
    opened_conversation,
    partial,
    received,
    replayed,
    request_failed,
    tool_results,
    turn_ends,
    user_message,
)

from rayconteur.compaction.summaries.summary_message import native_summary
from rayconteur.providers.schema.content import Opaque, Text
from rayconteur.providers.schema.errors import ContextOverflow
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.api.errors import EmptyMessage, NothingToRetry
from rayconteur.runtime.api.settings.changes import TurnSettings
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.instructions import SendRequest, StartCompaction

TIME = Text("It is 10:00.")
OVERFLOW = ev.Failure(code=ContextOverflow.code, message="too long")
SINGS = TurnSettings(system="Sing.")


def aside(text: str = "By the way?") -> ev.Received:
    return received(msg.UserMessage(content=(Text(text),), temporary=True))


def timed(text: str = "What time is it?", settings: TurnSettings | None = None) -> ev.Received:
    return received(msg.UserMessage(content=(Text(text),), temporary_content=(TIME,), settings=settings))


def after_one_turn(config: SessionConfig = DISCARD) -> Conversation:
    conversation = opened_conversation(config)
    conversation.handle(user_message())
    conversation.handle(answered(1, "hello"))
    return conversation


def lines(conversation: Conversation) -> list[str]:
    assert conversation.history == conversation.full_history
    return history_lines(conversation.history)


def next_request(conversation: Conversation) -> list[str]:
    """The messages of the request of another turn, and of the history after it."""
    send = only_one(SendRequest, conversation.handle(user_message("next")))
    return history_lines(send.messages)


@pytest.mark.parametrize(
    "ends",
    [
        (answered(2, "an aside"),),
        (answered(2, TOOL_USE), tool_results("a"), answered(3, "an aside")),
        (answered(2, "half", stop=StopReason.MAX_TOKENS),),
        (request_failed(2),),
        (answered(2, TOOL_USE), received(msg.Interrupt())),
        (received(msg.Interrupt(), partial("half")),),
    ],
    ids=["answered", "after tools", "cut off", "failed", "interrupted at tools", "interrupted"],
)
@pytest.mark.parametrize("config", [DISCARD, KEEP], ids=["discard", "keep"])
def test_a_temporary_turn_leaves_the_history_as_it_was_however_it_ends(
    config: SessionConfig, ends: tuple[ev.Event, ...]
) -> None:
    conversation = after_one_turn(config)
    history, fill = conversation.history, conversation.fill

    conversation.handle(aside())
    assert history_lines(conversation.history)[2:] == ["user: By the way?"]
    (end,) = [end for event in ends for end in turn_ends(conversation.handle(event))]

    assert not isinstance(end, out.Failed) or not end.message_stays
    assert (conversation.history, conversation.full_history, conversation.fill) == (history, history, fill)
    assert next_request(conversation) == ["user: hi", "assistant: hello", "user: next"]


def test_an_answer_that_was_cut_off_before_it_can_still_be_continued() -> None:
    conversation = opened_conversation()
    conversation.handle(user_message())
    conversation.handle(answered(1, "They ", stop=StopReason.MAX_TOKENS))
    conversation.handle(aside())
    conversation.handle(answered(2, "an aside"))

    conversation.handle(received(msg.Continue()))
    conversation.handle(answered(3, "play."))

    assert lines(conversation) == ["user: hi", "assistant: They play."]


def test_a_turn_that_failed_before_it_is_retried_with_its_settings() -> None:
    conversation = opened_conversation()
    conversation.handle(timed(settings=SINGS))
    conversation.handle(request_failed(1))
    conversation.handle(aside())
    conversation.handle(answered(2, "an aside"))

    send = only_one(SendRequest, conversation.handle(received(msg.Retry())))

    assert send.config.system == "Sing."
    assert history_lines(send.messages) == ["user: It is 10:00. What time is it?"]


def test_a_temporary_turn_that_failed_is_not_retried() -> None:
    conversation = after_one_turn()
    conversation.handle(aside())
    conversation.handle(request_failed(2))

    with assert_rejected(conversation, NothingToRetry):
        conversation.handle(received(msg.Retry()))


def test_a_summary_with_a_temporary_turn_gives_way_to_the_turns_before_it() -> None:
    conversation = after_one_turn()
    before = conversation.history
    conversation.handle(aside())
    conversation.handle(answered(2, TOOL_USE))
    conversation.handle(tool_results("a"))
    conversation.handle(ev.RequestFailed(request=3, failure=OVERFLOW))
    content = (Opaque(provider="scripted", type="compaction", json=b"{}"),)
    summary = native_summary(conversation.history, content, Origin(source=""))
    conversation.handle(ev.CompactionEnded(compaction=1, messages=(summary, *conversation.history[4:])))
    assert conversation.message_count == 2

    conversation.handle(answered(4, "an aside"))

    assert conversation.history == conversation.full_history == before


def test_temporary_content_is_before_the_message_in_each_request_of_its_turn_and_in_no_other() -> None:
    conversation = after_one_turn()
    first = only_one(SendRequest, conversation.handle(timed()))
    conversation.handle(request_failed(2, retryable=True))
    again = only_one(SendRequest, conversation.handle(ev.BackoffEnded(request=2)))
    conversation.handle(answered(3, TOOL_USE))
    after_results = only_one(SendRequest, conversation.handle(tool_results("a")))
    conversation.handle(answered(4, "10:00."))

    for send in (first, again, after_results):
        assert history_lines(send.messages)[2] == "user: It is 10:00. What time is it?"
    assert lines(conversation)[2:] == [
        "user: What time is it?",
        "assistant: <look a>",
        "user: a=seen",
        "assistant: 10:00.",
    ]
    assert next_request(conversation)[2] == "user: What time is it?"


def test_temporary_content_leaves_a_turn_that_is_interrupted_or_fails_and_its_tokens_are_not_counted_on() -> None:
    conversation = after_one_turn(KEEP)
    conversation.handle(received(msg.UserMessage(content=(Text("Well?"),), temporary_content=(Text("raven " * 400),))))
    counted = conversation.fill.count.tokens or 0
    conversation.handle(received(msg.Interrupt(), partial("half")))

    assert lines(conversation)[2:] == ["user: Well?", "assistant: half"]
    assert abs((conversation.fill.count.tokens or 0) - counted) < 100

    conversation.handle(timed())
    conversation.handle(request_failed(3))

    assert lines(conversation)[4:] == ["user: What time is it?"]


def test_what_goes_on_from_a_message_has_its_temporary_content_again() -> None:
    conversation = after_one_turn()
    conversation.handle(timed())
    conversation.handle(request_failed(2))
    retry = only_one(SendRequest, conversation.handle(received(msg.Retry())))
    conversation.handle(answered(3, "It is ", stop=StopReason.MAX_TOKENS))
    between = lines(conversation)
    rest = only_one(SendRequest, conversation.handle(received(msg.Continue())))
    conversation.handle(answered(4, "10:00."))

    assert history_lines(retry.messages)[2] == history_lines(rest.messages)[2] == "user: It is 10:00. What time is it?"
    assert between[2:] == ["user: What time is it?", "assistant: It is "]
    assert lines(conversation)[2:] == ["user: What time is it?", "assistant: It is 10:00."]


def test_a_retry_that_is_interrupted_leaves_the_history_and_the_context_as_they_were() -> None:
    conversation = after_one_turn()
    conversation.handle(timed())
    conversation.handle(request_failed(2))
    history, fill = conversation.history, conversation.fill

    conversation.handle(received(msg.Retry()))
    conversation.handle(received(msg.Interrupt(), partial("half")))

    assert (conversation.history, conversation.fill.messages) == (history, fill.messages)
    assert conversation.context.tokens == fill.count.tokens


def test_a_compaction_does_not_see_temporary_content_and_the_next_request_has_it() -> None:
    conversation = after_one_turn()
    conversation.handle(timed())
    start = only_one(StartCompaction, conversation.handle(ev.RequestFailed(request=2, failure=OVERFLOW)))
    stored = msgspec.msgpack.decode(msgspec.msgpack.encode(start.messages[2:]), type=tuple[Message, ...])

    send = only_one(SendRequest, conversation.handle(ev.CompactionEnded(compaction=1, messages=stored)))
    conversation.handle(answered(3, "10:00."))

    assert history_lines(start.messages)[2:] == ["user: What time is it?"]
    assert history_lines(send.messages) == ["user: It is 10:00. What time is it?"]
    assert history_lines(conversation.history) == ["user: What time is it?", "assistant: 10:00."]
    assert conversation.history == conversation.full_history[2:]


def test_blank_temporary_content_is_left_out_and_is_not_a_message() -> None:
    conversation = opened_conversation()
    blank = msg.UserMessage(content=(Text("hi"),), temporary_content=(Text(" "),))
    alone = msg.UserMessage(content=(Text(" "),), temporary_content=(TIME,))

    with assert_rejected(conversation, EmptyMessage):
        conversation.handle(received(alone))
    conversation.handle(received(blank))

    assert history_lines(conversation.history) == ["user: hi"]


def test_records_and_snapshots_hold_what_is_temporary() -> None:
    conversation = opened_conversation()
    records = [ev.Record(1, ev.Opened(config=DISCARD, created_at=0.0))]
    events = (
        timed(),
        aside(),
        request_failed(1),
        answered(2, "an aside"),
        received(msg.Retry()),
        answered(3, "10:00."),
    )
    for event in events:
        records.append(only_one(ev.Record, conversation.handle(event)))
        assert replayed(records) == conversation
        assert Conversation.restore(conversation.snapshot()) == conversation
    assert [type(event) for event in emitted_events(conversation.handle(received(msg.Clear())))] == [out.Cleared]
    assert history_lines(conversation.history) == []
