"""The note in front of a summary: what it stands for, and what comes after it."""

import pytest
from builders.compaction import assistant, turns, user

from rayconteur.compaction.summaries.summary_message import summary_message
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.messages import Message


def note(summary: Message) -> str:
    first = summary.content[0]
    assert isinstance(first, Text)
    return first.text


@pytest.mark.parametrize(
    ("messages", "count"), [(1, "1 message that"), (2, "2 messages that"), (1_200, "1,200 messages that")]
)
def test_it_says_how_many_messages_are_left_out(messages: int, count: str) -> None:
    history = turns(600)[:messages]

    for within_turn in (False, True):
        assert f"in {count} are left out" in note(summary_message(history, "In short.", within_turn=within_turn))


def test_a_summary_of_a_summary_counts_what_both_stand_for() -> None:
    once = summary_message(turns(3), "In short.", within_turn=False)

    twice = summary_message([once, user(4, "hi"), assistant(4, "yes")], "In short.", within_turn=False)

    assert "8 messages" in note(twice)
    assert twice.stands_for is not None
    assert (twice.stands_for.first_turn, twice.stands_for.last_turn, twice.stands_for.messages) == (1, 4, 8)
