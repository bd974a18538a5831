"""A batch of tool uses and its results."""

from itertools import permutations

import pytest
from builders.conversation import result, use

from rayconteur.providers.schema.content import Text
from rayconteur.runtime.api.errors import (
    EmptyMessage,
    MissingToolResults,
    ToolResultError,
    ToolUseAnswered,
    UnknownToolUse,
)
from rayconteur.runtime.core.tool_batch import INTERRUPTED, MALFORMED, Batch


def test_only_the_tool_uses_of_an_answer_are_in_its_batch() -> None:
    batch = Batch.of([Text("let me look"), use("a"), Text("and again"), use("b")])

    assert batch.uses == batch.open == (use("a"), use("b"))


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_results_stand_in_the_order_of_the_uses_in_whatever_order_they_come(order: tuple[str, ...]) -> None:
    batch = Batch((use("a"), use("b"), use("c")))

    for use_id in order:
        batch.take([result(use_id)], last=False)

    assert batch.results() == (result("a"), result("b"), result("c"))
    assert not batch.open


def test_malformed_uses_are_answered_from_the_start_and_never_handed_out() -> None:
    batch = Batch((use("a"), use("b", malformed="{")))

    assert batch.refused == (use("b", malformed="{"),)
    assert batch.open == (use("a"),)
    assert batch.results()[1].is_error
    assert batch.results()[1].content == (Text(MALFORMED),)


def test_uses_still_open_are_answered_as_interrupted() -> None:
    batch = Batch((use("a"), use("b")))
    batch.take([result("a")], last=False)

    assert [answer.content for answer in batch.results()] == [(Text("seen"),), (Text(INTERRUPTED),)]


@pytest.mark.parametrize(
    ("ids", "last", "error"),
    [
        ("", False, EmptyMessage),
        ("ax", False, UnknownToolUse),
        ("xa", True, UnknownToolUse),
        ("aa", False, ToolUseAnswered),
        ("ad", False, ToolUseAnswered),
        ("a", True, MissingToolResults),
        ("", True, MissingToolResults),
    ],
)
def test_results_that_do_not_fit_are_refused_as_a_whole(
    ids: str, last: bool, error: type[EmptyMessage | ToolResultError]
) -> None:
    batch = Batch((use("a"), use("b"), use("d", malformed="{")))

    with pytest.raises(error):
        batch.take([result(use_id) for use_id in ids], last)

    assert batch == Batch(batch.uses)


def test_a_refusal_names_the_uses_that_are_open() -> None:
    batch = Batch((use("a"), use("b")))
    batch.take([result("b")], last=False)

    with pytest.raises(UnknownToolUse, match=r"'x'.*open are 'a'"):
        batch.take([result("x")], last=False)
