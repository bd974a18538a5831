"""What the demo's sessions are asked."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rayconteur.cli.prompts import dealt, raven_texts, read_prompts
from rayconteur.compaction.estimate.estimator import tokens_in


def test_blank_lines_are_no_prompts(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("\ufeffWhy?\n\n  What for?  \r\n\t\nWhen\u2028and where?", encoding="utf-8")

    assert read_prompts(file) == ["Why?", "What for?", "When\u2028and where?"]


@given(prompts=st.lists(st.text(), min_size=1, max_size=40), sessions=st.integers(1, 40))
def test_every_prompt_is_asked_and_every_session_asks(prompts: list[str], sessions: int) -> None:
    hands = dealt(prompts, sessions)

    assert len(hands) == sessions
    assert all(hands)
    once = hands[: len(prompts)]
    assert sorted(prompt for hand in once for prompt in hand) == sorted(prompts)


def test_the_ravens_texts_differ_and_take_some_seconds_to_say() -> None:
    texts = raven_texts(200)

    assert len(set(texts)) == 200
    assert all(100 <= tokens_in(len(text.encode())) <= 200 for text in texts)
    assert texts[:16] == raven_texts(16)
