"""The prompts of a demo."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rayconteur.cli.demo.prompts import distribute_prompts, raven_texts, read_prompts
from rayconteur.compaction.estimate.estimator import tokens_in


def test_each_line_that_is_not_blank_is_a_prompt(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("\ufeffWhy?\n\n  What for?  \r\n\t\nWhen\u2028and where?", encoding="utf-8")

    assert read_prompts(file) == ["Why?", "What for?", "When\u2028and where?"]


@given(prompts=st.lists(st.text(), min_size=1, max_size=40), sessions=st.integers(1, 40))
def test_every_prompt_is_distributed_and_every_session_gets_one(prompts: list[str], sessions: int) -> None:
    by_session = distribute_prompts(prompts, sessions)

    assert len(by_session) == sessions
    assert all(by_session)
    first_round = by_session[: len(prompts)]
    assert sorted(prompt for session_prompts in first_round for prompt in session_prompts) == sorted(prompts)


def test_the_raven_texts_differ_and_take_some_seconds_to_stream() -> None:
    texts = raven_texts(200)

    assert len(set(texts)) == 200
    assert all(100 <= tokens_in(len(text.encode())) <= 200 for text in texts)
    assert texts[:16] == raven_texts(16)
