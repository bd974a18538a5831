"""What a model reads in the place of what was left out: the note in front of a summary, and placeholders."""

import pytest
from builders.compaction import assistant, turns, user

from rayconteur.compaction.placeholders import result_placeholder
from rayconteur.compaction.summaries.summary_message import summary_message
from rayconteur.providers.schema.content import Document, Image, Text, ToolResult
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
    assert "left out (turns 1 to 4)" in note(twice)
    assert twice.stands_for is not None
    assert (twice.stands_for.first_turn, twice.stands_for.last_turn, twice.stands_for.messages) == (1, 4, 8)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ((Text("They hide food."),), "15 characters of text"),
        ((Text("They hide"), Text(" food.")), "15 characters of text"),
        ((Image("https://x.example/a"),), "1 image"),
        ((Image("https://x.example/a"),) * 2, "2 images"),
        ((Text("See:"), Image("https://x.example/a"), *(Document("https://x.example/b"),) * 3), "1 image, 3 documents"),
    ],
)
def test_a_placeholder_says_how_much_a_result_had(content: tuple[Text | Image | Document, ...], says: str) -> None:
    placeholder = result_placeholder(ToolResult("a", content), readable=False)

    assert placeholder.startswith("[Result left out to save room: ")
    assert placeholder.endswith(f"{says}]")


def test_a_placeholder_says_how_the_text_is_read_if_there_is_some() -> None:
    text, image = Text("They hide food."), Image("https://x.example/a")

    assert 'read_result with the id "a"' in result_placeholder(ToolResult("a", (text,)))
    assert "read_result" not in result_placeholder(ToolResult("a", (text,)), readable=False)
    assert "read_result" not in result_placeholder(ToolResult("a", (image,)))
