"""A batch of tool uses and its results."""

from itertools import permutations

import msgspec
import pytest
from builders.conversation import tool_result, tool_use

from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api.errors import (
    EmptyMessage,
    MissingToolResults,
    ToolResultError,
    ToolUseAnswered,
    UnknownToolUse,
)
from rayconteur.runtime.api.messages import ToolResults
from rayconteur.runtime.core.tools.batch import INTERRUPTED, MALFORMED, ToolBatch


def results(*use_ids: str, last: bool = False) -> ToolResults:
    return ToolResults(results=tuple(map(tool_result, use_ids)), last=last)


def test_only_the_tool_uses_of_an_answer_are_in_its_batch() -> None:
    batch = ToolBatch.of([Text("let me look"), tool_use("a"), Text("and again"), tool_use("b")])

    assert batch.uses == batch.open == (tool_use("a"), tool_use("b"))


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_results_are_in_the_order_of_the_uses_whatever_order_they_arrive_in(order: tuple[str, ...]) -> None:
    batch = ToolBatch.of((tool_use("a"), tool_use("b"), tool_use("c")))

    for use_id in order:
        batch = batch.with_results(results(use_id))

    assert batch.result_blocks() == (tool_result("a"), tool_result("b"), tool_result("c"))
    assert not batch.open


def test_malformed_uses_have_an_error_result_from_the_start_and_are_never_handed_out() -> None:
    batch = ToolBatch.of((tool_use("a"), tool_use("b", malformed="{")))

    assert batch.refused == (tool_use("b", malformed="{"),)
    assert batch.open == (tool_use("a"),)
    assert batch.result_blocks()[1].is_error
    assert batch.result_blocks()[1].content == (Text(MALFORMED),)


def test_a_result_has_the_summary_that_came_with_it_and_others_keep_theirs() -> None:
    batch = ToolBatch.of((tool_use("a"), tool_use("b")))
    own = msgspec.structs.replace(tool_result("b"), compact_summary="its own")

    batch = batch.with_results(ToolResults(results=(tool_result("a"), own), compact_summaries={"a": "in short"}))

    assert [result.compact_summary for result in batch.result_blocks()] == ["in short", "its own"]


def test_open_uses_get_the_error_that_they_were_interrupted() -> None:
    batch = ToolBatch.of((tool_use("a"), tool_use("b")))
    batch = batch.with_results(results("a"))

    assert [answer.content for answer in batch.result_blocks()] == [(Text("seen"),), (Text(INTERRUPTED),)]


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
def test_results_that_do_not_match_are_rejected_as_a_whole(
    ids: str, last: bool, error: type[EmptyMessage | ToolResultError]
) -> None:
    batch = ToolBatch.of((tool_use("a"), tool_use("b"), tool_use("d", malformed="{")))

    with pytest.raises(error):
        batch.with_results(results(*ids, last=last))

    assert batch == ToolBatch.of(batch.uses)


def test_a_rejection_names_the_open_uses() -> None:
    batch = ToolBatch.of((tool_use("a"), tool_use("b")))
    batch = batch.with_results(results("b"))

    with pytest.raises(UnknownToolUse, match=r"'x'.*open tool uses: 'a'"):
        batch.with_results(results("x"))


@pytest.mark.parametrize(
    ("cut_off", "says"),
    [
        (StopReason.MAX_TOKENS, "output limit"),
        (StopReason.CONTEXT_FULL, "context window was full"),
        (StopReason.CONTENT_FILTER, "stopped (content_filter)"),
        (None, "not a JSON object"),
    ],
)
def test_the_model_is_told_what_is_wrong_with_a_tool_input(cut_off: StopReason | None, says: str) -> None:
    batch = ToolBatch.of([msgspec.structs.replace(tool_use("a", malformed=""), cut_off=cut_off)])

    [result] = batch.result_blocks()
    [text] = result.content
    assert isinstance(text, Text)
    assert says in text.text
    assert "nothing was run" in text.text
    assert (result.is_error, batch.open) == (True, ())
