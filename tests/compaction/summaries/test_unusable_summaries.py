"""Answers that are no summaries: they are requested again before anything is given up."""

import re
from collections.abc import Sequence

import msgspec
import pytest
from builders.compaction import LONG, assistant, compacted, turns, user
from builders.histories import USAGE, answer

from rayconteur.compaction import SideRequest, Summarize
from rayconteur.compaction.summaries.summary_writer import INSTRUCTIONS
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import NONE_YET

FACT = re.compile(r"FACT-\d+=\d+")
GOOD = answer("There were ravens.")
REFUSED = answer("I can't help with that.")
NONE = {
    "empty": answer(""),
    "refusal": answer("I can't", StopReason.REFUSAL),
    "refusal in words": REFUSED,
    "cut off": answer("It all began", StopReason.MAX_TOKENS),
    "too long": answer("caw " * 9_000),
    "an echo": answer(INSTRUCTIONS[:60]),
    "a loop": answer("caw caw " * 400),
}


class Model:
    """Gives its *answers* one after the other, the last one again and again, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[str] = []
        self._answers = answers

    async def __call__(self, request: SideRequest) -> Answer:
        self.requests.append(_text(request.messages))
        return self._answers[min(len(self.requests), len(self._answers)) - 1]


@pytest.mark.parametrize("kind", NONE)
def test_an_answer_that_is_no_summary_is_requested_again_and_paid_for(kind: str) -> None:
    model = Model(NONE[kind], GOOD)

    result = compacted(turns(10), Summarize(), 8_000, model)

    assert result.messages
    assert result.messages[0].content[-1] == Text("There were ravens.")
    assert result.report.problem is None or "budget" in result.report.problem
    assert model.requests[0] == model.requests[1]
    assert result.report.usage == NONE_YET + USAGE + USAGE


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
def test_a_summary_is_requested_as_often_as_the_job_says_and_then_the_history_stays(attempts: int) -> None:
    model = Model(REFUSED)

    result = compacted(turns(10), Summarize(), 1_000, model, summary_attempts=attempts)

    assert result.messages is None
    assert len(model.requests) == attempts


@pytest.mark.parametrize("most", [4, 5])
def test_a_model_that_answers_for_a_part_of_the_messages_only_is_asked_for_parts(most: int) -> None:
    history = [m for turn in range(1, 10) for m in (user(turn, f"FACT-{turn}={turn} {LONG}"), assistant(turn, "ok"))]

    async def summarize_few(request: SideRequest) -> Answer:
        text = _text(request.messages)
        return REFUSED if text.count("[user]") > most else answer(" ".join(dict.fromkeys(FACT.findall(text))))

    result = compacted(history, Summarize(keep_recent_turns=1), 1_000, summarize_few)

    assert result.messages
    assert len(result.messages) == 3
    assert all(f"FACT-{turn}={turn}" in _text(result.messages) for turn in range(1, 10))


def test_half_of_a_span_has_more_than_an_earlier_summary() -> None:
    once = compacted(turns(3), Summarize(keep_recent_turns=1), 3_000, Model(GOOD)).messages
    assert once
    model = Model(REFUSED)

    compacted([once[0], user(4, LONG), user(5, LONG)], Summarize(keep_recent_turns=1), 100, model)

    assert len(model.requests) == 3
    assert all(LONG[:30] in request for request in model.requests)


@pytest.mark.parametrize(
    ("words", "is_loop"),
    [
        (("caw", 199), False),
        (("caw", 200), True),
        (("a b c d e f g h i j", 19), False),
        (("a b c d e f g h i j", 20), False),
        (("a b c d e f g h i j", 21), True),
    ],
)
def test_many_words_of_which_few_are_different_are_no_summary(words: tuple[str, int], is_loop: bool) -> None:
    text, times = words

    result = compacted(turns(10), Summarize(), 8_000, Model(answer(f"{text} " * times)))

    assert ("a few words" in (result.report.problem or "")) is is_loop


def _text(messages: Sequence[Message]) -> str:
    return msgspec.json.encode([message.content for message in messages]).decode()
