"""What a session knows of its messages, its last request and its past: ids, times, models, usage, counts."""

from typing import Any

import msgspec
import pytest
from builders.conversation import (
    DISCARD,
    KEEP,
    TOOL_USE,
    USAGE,
    answered,
    assert_rejected,
    copy_of,
    opened_conversation,
    partial,
    received,
    request_failed,
    tool_results,
    tool_use,
    user_message,
)

from rayconteur.compaction.summaries.summary_message import summary_message
from rayconteur.errors import EmptyMessage
from rayconteur.providers.schema.content import Text, ToolResult
from rayconteur.providers.schema.messages import Message, RequestInfo
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.config import SessionConfig
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.figures.tally import Tally
from rayconteur.runtime.core.past.snapshot import Snapshot

ANSWER = RequestInfo(
    provider="scripted",
    model="scripted",
    response_id="m1",
    usage=USAGE,
    stop_reason=StopReason.END_TURN,
    duration_s=2.5,
    first_text_s=0.5,
)


def at(time: float, event: ev.Event) -> ev.Event:
    return msgspec.structs.replace(event, at=time)


def timed(event: ev.Answered) -> ev.Answered:
    answer = msgspec.structs.replace(event.answer, duration_s=2.5, first_text_s=0.5)
    return msgspec.structs.replace(event, answer=answer)


def conversation_after(*events: ev.Event, config: SessionConfig = DISCARD) -> Conversation:
    conversation = opened_conversation(config)
    for event in events:
        conversation.handle(event)
    return conversation


def ids(conversation: Conversation) -> list[str]:
    return [message.id for message in conversation.history]


def test_messages_are_numbered_in_their_turns_and_have_their_times() -> None:
    conversation = conversation_after(
        at(10.0, user_message()),
        at(11.0, answered(1, TOOL_USE)),
        at(12.0, tool_results("a")),
        at(13.0, answered(2, "yes")),
        at(14.0, user_message()),
    )

    assert ids(conversation) == ["1.1", "1.2", "1.3", "1.4", "2.1"]
    assert [message.at for message in conversation.history] == [10.0, 11.0, 12.0, 13.0, 14.0]


def test_an_answer_has_its_request_and_other_messages_have_none() -> None:
    question, answer = conversation_after(user_message(), timed(answered(1, "yes"))).history

    assert question.request is None
    assert answer.request == ANSWER


def test_a_part_of_an_answer_that_is_kept_has_its_request_without_a_stop_reason() -> None:
    unfinished = msgspec.structs.replace(partial("half"), duration_s=1.0)
    conversation = conversation_after(user_message(), received(msg.Interrupt(), unfinished), config=KEEP)

    request = conversation.history[-1].request

    assert request
    assert request == conversation.last_request
    assert (request.stop_reason, request.response_id, request.duration_s) == (None, "m", 1.0)


def test_an_answer_that_was_continued_has_the_sums_of_its_requests_and_keeps_its_id() -> None:
    config = msgspec.structs.replace(DISCARD, auto_continue=1)
    conversation = conversation_after(
        user_message(),
        timed(answered(1, "Yes, ", stop=StopReason.MAX_TOKENS)),
        at(7.0, timed(answered(2, "it is."))),
        config=config,
    )

    answer = conversation.history[-1]

    assert (answer.id, answer.at) == ("1.2", 7.0)
    assert answer.request == msgspec.structs.replace(
        ANSWER, response_id="m2", usage=USAGE + USAGE, duration_s=5.0, first_text_s=0.5
    )


def test_an_answer_that_a_later_turn_continues_keeps_its_id_and_the_next_messages_are_numbered_on() -> None:
    conversation = conversation_after(
        user_message(),
        answered(1, "Yes, ", stop=StopReason.MAX_TOKENS),
        received(msg.Continue()),
        answered(2, "it is.", TOOL_USE),
        tool_results("a"),
        answered(3, "really"),
    )

    assert ids(conversation) == ["1.1", "1.2", "2.1", "2.2"]


def test_ids_are_not_used_again_after_a_rewind() -> None:
    conversation = conversation_after(user_message(), answered(1, "yes"), received(msg.Rewind()), user_message())

    assert ids(conversation) == ["2.1"]


def compacted(conversation: Conversation, number: int, *messages: Message, time: float = 0.0) -> None:
    conversation.handle(received(msg.Compact()))
    conversation.handle(at(time, ev.CompactionEnded(compaction=number, messages=messages)))


def test_what_a_compaction_writes_has_an_id_of_it_and_the_others_keep_theirs() -> None:
    conversation = conversation_after(
        at(1.0, user_message()), at(2.0, answered(1, "yes")), at(3.0, user_message()), at(4.0, answered(2, "no"))
    )
    before = conversation.history

    compacted(conversation, 1, summary_message(before[:2], "It said yes.", within_turn=False), *before[2:], time=5.0)
    assert ids(conversation) == ["c1.1", "2.1", "2.2"]
    assert conversation.history[0].at == 5.0
    assert [message.id for message in conversation.full_history] == ["1.1", "1.2", "2.1", "2.2"]

    compacted(conversation, 2, summary_message(conversation.history, "Yes and no.", within_turn=False))
    assert ids(conversation) == ["c2.1"]


def test_a_message_that_a_strategy_splits_gets_an_id_for_each_part() -> None:
    conversation = conversation_after(user_message(), answered(1, "yes"))
    question, answer = conversation.history

    compacted(conversation, 1, question, answer, answer)

    assert ids(conversation) == ["1.1", "1.2", "c1.1"]


def test_an_event_that_is_rejected_or_ignored_leaves_the_time_as_it_was() -> None:
    conversation = conversation_after(at(1.0, user_message()), at(2.0, answered(1, "yes")))
    before = copy_of(conversation)

    with assert_rejected(conversation, EmptyMessage):
        conversation.handle(at(9.0, user_message(" ")))
    assert not conversation.handle(at(9.0, answered(1, "late")))
    assert conversation == before

    conversation.handle(received(msg.AddMessages(messages=(Message.of_user("and"),))))
    assert conversation.history[-1].at == 2.0


def test_added_messages_get_ids_of_this_session_and_keep_their_times() -> None:
    elsewhere = msgspec.structs.replace(Message.of_user("hi"), id="1.1", at=3.0)
    added = msg.AddMessages(messages=(elsewhere, Message.of_assistant("yes")))
    conversation = conversation_after(user_message(), answered(1, "yes"), at(5.0, received(added)))

    assert ids(conversation) == ["1.1", "1.2", "2.1", "2.2"]
    assert [message.at for message in conversation.history[2:]] == [3.0, 5.0]


def test_the_last_request_is_there_whether_it_succeeded_or_failed() -> None:
    conversation = opened_conversation()
    assert conversation.last_request is None

    conversation.handle(user_message())
    conversation.handle(timed(answered(1, "yes")))
    assert conversation.last_request == ANSWER

    conversation.handle(user_message())
    conversation.handle(msgspec.structs.replace(request_failed(2), duration_s=0.25))
    failed = conversation.last_request
    assert failed == RequestInfo(provider="scripted", model="scripted", error="overloaded", duration_s=0.25)


def test_the_last_request_of_a_turn_that_leaves_the_history_stays_known() -> None:
    conversation = conversation_after(user_message(), timed(answered(1, "yes")), received(msg.Clear()))

    assert conversation.last_request == ANSWER


@pytest.mark.parametrize("codec", [msgspec.json, msgspec.msgpack])
def test_snapshots_keep_times_ids_and_the_last_request(codec: Any) -> None:
    conversation = conversation_after(at(10.0, user_message()), at(11.0, timed(answered(1, "yes"))))

    restored = Conversation.restore(codec.decode(codec.encode(conversation.snapshot()), type=Snapshot))

    assert restored.history == conversation.history
    assert restored.last_request == ANSWER
    for each in (restored, conversation):
        each.handle(user_message())  # without a time: that of the last event
    assert restored.history[-1].at == 11.0
    assert restored == conversation


RESULTS = msg.ToolResults(
    results=(ToolResult("a", (Text("seen"),)), ToolResult("b", (Text("no"),), is_error=True)),
    durations_s={"a": 0.5, "b": 1.5},
)


def eventful_life() -> list[ev.Event]:
    """A turn with two tools, one that is retried and fails, one that is interrupted while another waits."""

    def answer(request: int, *content: object, seconds: float) -> ev.Answered:
        event = answered(request, *content)  # type: ignore[arg-type]
        return msgspec.structs.replace(event, answer=msgspec.structs.replace(event.answer, duration_s=seconds))

    happened: list[tuple[float, ev.Event]] = [
        (10.0, user_message()),
        (12.0, answer(1, TOOL_USE, tool_use("b"), seconds=2.0)),
        (14.0, received(RESULTS)),
        (17.0, answer(2, "yes", seconds=3.0)),
        (20.0, user_message()),
        (21.0, msgspec.structs.replace(request_failed(3, retryable=True), duration_s=1.0)),
        (22.0, ev.BackoffEnded(request=3)),
        (24.0, msgspec.structs.replace(request_failed(4), duration_s=2.0)),
        (30.0, user_message()),
        (31.0, user_message()),
        (32.0, received(msg.Interrupt(turn=4))),
        (33.0, received(msg.Interrupt())),
    ]
    return [msgspec.structs.replace(event, at=at) for at, event in happened]


TALLY = Tally(
    completed=1,
    interrupted=2,
    failed=1,
    steps=1,
    tool_calls=2,
    failed_tool_calls=1,
    retries=1,
    turns_s=7.0 + 4.0 + 3.0,
    requests_s=2.0 + 3.0 + 1.0 + 2.0,
    tools_s=2.0,
    first_at=10.0,
    last_at=33.0,
    started_at=30.0,
)


def test_turns_steps_tools_requests_and_their_times_are_counted() -> None:
    conversation = opened_conversation()
    for event in eventful_life():
        conversation.handle(event)

    assert conversation.tally == TALLY


def test_nothing_is_counted_before_something_happens() -> None:
    assert opened_conversation().tally == Tally()
    assert opened_conversation().snapshot().tally is msgspec.UNSET


def test_counts_stay_when_messages_leave_and_survive_replays_and_snapshots() -> None:
    conversation = Conversation()
    happened = [ev.Opened(config=DISCARD, created_at=0.0), *eventful_life(), received(msg.Clear())]
    records = [step for event in happened for step in conversation.handle(event) if isinstance(step, ev.Record)]
    stored = msgspec.msgpack.encode(conversation.snapshot())

    replayed = Conversation.replay(records)
    restored = Conversation.restore(msgspec.msgpack.decode(stored, type=Snapshot))

    assert replayed.tally == restored.tally == conversation.tally == TALLY


def test_a_snapshot_is_not_changed_by_what_happens_after_it() -> None:
    conversation = opened_conversation()
    conversation.handle(user_message())
    snapshot = conversation.snapshot()
    restored = Conversation.restore(snapshot)

    conversation.handle(answered(1, "yes"))

    assert snapshot.tally
    assert (snapshot.tally.completed, restored.tally.completed, conversation.tally.completed) == (0, 0, 1)
