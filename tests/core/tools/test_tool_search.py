"""Finding tools by words, and what the model is shown of them."""

import pytest
from builders.conversation import MANY, tool

from rayconteur.providers.schema.tools import Tool
from rayconteur.runtime.core.tools.builtins import found_tools
from rayconteur.runtime.core.tools.search import ToolIndex


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("send an e-mail", "sendMail"),
        ("recipient", "sendMail"),
        ("WEATHER", "get_weather"),
        ("get_weather", "get_weather"),
        ("other_17 weather", "other_17"),
        ("train station", "find_trains"),
        ("town names", "get_weather"),
    ],
)
def test_the_best_match_comes_first(query: str, first: str) -> None:
    found = ToolIndex(MANY).search(query)

    assert found[0].name == first
    assert len(found) <= 5


def test_a_word_weighs_more_in_a_short_description() -> None:
    long, short = (Tool(name=f"t{len(words)}", description=f"Raven{words}") for words in (" nest" * 30, " nest"))

    assert ToolIndex((long, short)).search("raven") == [short, long]


def test_words_that_no_tool_has_find_none() -> None:
    assert ToolIndex(MANY).search("xylophone") == []
    assert ToolIndex(MANY).search("") == []
    assert ToolIndex(()).search("trains") == []


def test_a_search_without_success_names_fifty_tools() -> None:
    found, text = found_tools("zebra", ToolIndex(tool(f"t{number}") for number in range(51)))

    assert found == []
    assert text.endswith(": " + ", ".join(f"t{number}" for number in range(50)))


def test_of_a_description_the_first_line_is_shown_up_to_300_characters() -> None:
    lines = ToolIndex([tool("find", "Finds " + "x" * 400), tool("find_more", "Finds more.\nMuch more.")])

    found, text = found_tools("find", lines)

    assert set(found) == {"find", "find_more"}
    assert sorted(map(len, text.splitlines()[1:])) == [len("- find_more: Finds more."), 300]


@pytest.mark.parametrize(("tools", "found"), [(4, 4), (5, 5), (6, 5)])
def test_a_search_finds_five_tools_at_most(tools: int, found: int) -> None:
    assert len(ToolIndex(tool(f"find_{number}") for number in range(tools)).search("find")) == found
