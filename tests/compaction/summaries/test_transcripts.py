"""A history as text for the model that summarizes it: what is cut, and where."""

import pytest
from builders.compaction import user

from rayconteur.compaction.sized_history import SizedHistory
from rayconteur.compaction.summaries.transcript import transcript
from rayconteur.providers.schema.content import Text, ToolResult


@pytest.mark.parametrize(("chars", "cut"), [(8_000, 0), (8_001, 1), (9_000, 1_000)])
def test_a_result_of_a_tool_has_eight_thousand_characters_at_most(chars: int, cut: int) -> None:
    text = transcript([user(1, ToolResult("a", (Text("x" * chars),)))], 100_000)

    assert text.count("x") == chars - cut
    assert (f"[... {cut:,} characters ...]" in text) is bool(cut)


@pytest.mark.parametrize(("chars", "cut"), [(100, 0), (101, 1)])
def test_every_block_has_so_many_characters_at_most_and_keeps_its_beginning_and_its_end(chars: int, cut: int) -> None:
    text = transcript([user(1, "b" * 75 + "x" * (chars - 100) + "e" * 25)], 100)

    between = f"\n[... {cut:,} characters ...]\n" if cut else ""
    assert text == f"[user]\n{'b' * 75}{between}{'e' * 25}"


def test_the_recent_turns_of_an_empty_history_start_at_its_beginning() -> None:
    assert SizedHistory.of((), lambda _: 1).recent_start(3) == 0
