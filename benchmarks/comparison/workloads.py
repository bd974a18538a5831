"""Trials: what is asked of a crowd, and what came of it."""

from collections.abc import Iterable

import msgspec

_PERCENTILES = (1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9)

Percentiles = tuple[tuple[float, float], ...]
"""Pairs of a percentile and its value."""


class Saturate(msgspec.Struct, frozen=True, tag_field="kind", tag="saturate"):
    """Let all *sessions* ask at once, and again as soon as they are answered, until each has *answers* of them.

    Conversations begin anew after four answers, so that histories stay small. What is heard counts from the start, or,
    where there is *settle_s*, from when all sessions have been heard, that long after the start at the latest. From
    there it is broken off after *longest_s*.
    """

    sessions: int
    answers: int
    longest_s: float
    settle_s: float = 0.0


class Listen(msgspec.Struct, frozen=True, tag_field="kind", tag="listen"):
    """Let all *sessions* ask within *arrive_s*, and listen for *for_s* while all of them are being answered.

    Answers must be long enough by the server's pace: a session asks no second time.
    """

    sessions: int
    arrive_s: float
    for_s: float


class Converse(msgspec.Struct, frozen=True, tag_field="kind", tag="converse"):
    """Let *sessions* arrive within *arrive_s*, ask, think about *think_s*, and ask again, *turns* times each.

    When a question is due is drawn beforehand, by *seed*, from what an answer takes by the server's pace, *answer_s*:
    it does not depend on how fast answers come.
    """

    sessions: int
    turns: int
    arrive_s: float
    answer_s: float
    think_s: float
    seed: int = 0


Task = Saturate | Listen | Converse


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a crowd of so many *sessions* heard in *for_s*: *tokens* of text, in *pieces*; *answers* were completed.

    *cpu_s* is what all its processes took for it; ``None`` where they are not all known. *first_s* is how long after it
    was due each question got its first text, *gap_s* the time between one token and the next of an answer: those that
    come together have none between them.
    """

    sessions: int
    for_s: float
    tokens: float
    pieces: int
    answers: int
    cpu_s: float | None
    first_s: Percentiles = ()
    gap_s: Percentiles = ()

    @property
    def tokens_per_s(self) -> float:
        """How fast the text came."""
        return self.tokens / self.for_s

    @property
    def tokens_per_cpu_s(self) -> float:
        """How much text came for a second of CPU time; not a number where that is not known."""
        return self.tokens / self.cpu_s if self.cpu_s else float("nan")


def percentiles(values: Iterable[float]) -> Percentiles:
    """Those of *values*: for each, the smallest value that so many percent of all don't exceed."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return tuple(
        (percent, ordered[min(last, int(len(ordered) * percent / 100))]) for percent in _PERCENTILES if ordered
    )
