"""Replaying records: those of a session rebuild it; any other sequence is an error that names the record."""

import pytest
from builders.conversation import DISCARD, answered, tool_results, user_message

from rayconteur.runtime.api.errors import InvalidRecord
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation

OPENED = ev.Opened(config=DISCARD, created_at=0.0)
EVENTS: list[ev.Event] = [OPENED, user_message("one"), answered(1, "1"), user_message("two")]
RECORDS = [ev.Record(number, event) for number, event in enumerate(EVENTS, start=1)]


def test_the_records_of_a_session_are_accepted() -> None:
    assert Conversation.replay(RECORDS).turns == 2


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_record_is_named_by_its_neighbors(missing: int) -> None:
    records = [record for record in RECORDS if record.number != missing]

    with pytest.raises(InvalidRecord, match=rf"record {missing + 1} comes after record {missing - 1}: one is missing"):
        Conversation.replay(records)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_repeated_record_is_named(number: int) -> None:
    records = [*RECORDS[:number], *RECORDS[number - 1 :]]

    with pytest.raises(InvalidRecord, match=f"record {number} comes after record {number}"):
        Conversation.replay(records)


def test_swapped_records_are_named() -> None:
    first, second, third, fourth = RECORDS

    with pytest.raises(InvalidRecord, match=r"record 3 comes after record 1: .*out of order"):
        Conversation.replay([first, third, second, fourth])


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([ev.Record(1, user_message())], "record 1 does not apply: .*Opened comes first"),
        ([*RECORDS, ev.Record(5, OPENED)], "record 5 does not apply: .*only once"),
        ([*RECORDS, ev.Record(5, answered(7, "hello"))], "record 5 does not apply: nothing waits for this Answered"),
        ([*RECORDS, ev.Record(5, ev.BackoffEnded(request=2))], "record 5 .*: nothing waits for this BackoffEnded"),
        ([*RECORDS, ev.Record(5, tool_results("a"))], "record 5 does not apply: no tool use is open"),
        ([*RECORDS, ev.Record(5, user_message(" "))], "record 5 does not apply: the message is empty"),
    ],
)
def test_a_record_of_another_session_is_named_with_the_reason(records: list[ev.Record], problem: str) -> None:
    with pytest.raises(InvalidRecord, match=problem):
        Conversation.replay(records)


def test_records_continue_a_snapshot() -> None:
    snapshot = Conversation.replay(RECORDS[:3]).snapshot()

    assert Conversation.replay(RECORDS[3:], snapshot) == Conversation.replay(RECORDS)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_record_that_the_snapshot_contains_already_is_rejected(first: int) -> None:
    snapshot = Conversation.replay(RECORDS[:3]).snapshot()

    with pytest.raises(InvalidRecord, match=f"record {first} comes after record 3"):
        Conversation.replay(RECORDS[first - 1 :], snapshot)
