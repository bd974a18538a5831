"""Workloads: what a contestant does, and the trial that measures it."""

from collections.abc import Iterable

import msgspec

from ..load.schedule import OpenLoop

_PERCENTILES = (1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9)

Percentiles = tuple[tuple[float, float], ...]
"""Pairs of a percentile and its value."""


class Saturate(msgspec.Struct, frozen=True, tag_field="kind", tag="saturate"):
    """All *sessions* ask at once, and again as soon as they are answered, until each has *answers* answers.

    Conversations are reset after *turns* answers, so that histories stay small. The measurement starts with the first
    question, or with *settle_s* when all sessions have received text, but at most that long after the start. It ends
    *longest_s* later at the latest; answers in progress are aborted.
    """

    sessions: int
    answers: int
    longest_s: float
    settle_s: float = 0.0
    turns: int = 4


class Paced(msgspec.Struct, frozen=True, tag_field="kind", tag="paced"):
    """All *sessions* ask one question within *arrive_s*; measured for *duration_s* while all are being answered.

    The server's pace must make the answers long enough.
    """

    sessions: int
    arrive_s: float
    duration_s: float


Workload = Saturate | Paced | OpenLoop


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What *sessions* sessions received in *duration_s*: *tokens* of text, in *pieces*; *answers* were completed.

    *cpu_s* is the CPU time of all processes of the contestant; ``None`` if not all are known. *first_s* is the time
    from when a question was due to its first text, *gap_s* the time between consecutive tokens of an answer: tokens
    that arrive together have none between them.
    """

    sessions: int
    duration_s: float
    tokens: float
    pieces: int
    answers: int
    cpu_s: float | None
    first_s: Percentiles = ()
    gap_s: Percentiles = ()

    @property
    def tokens_per_s(self) -> float:
        """Tokens per second."""
        return self.tokens / self.duration_s

    @property
    def tokens_per_cpu_s(self) -> float:
        """Tokens per second of CPU time; NaN if that is not known."""
        return self.tokens / self.cpu_s if self.cpu_s else float("nan")


def percentiles(values: Iterable[float]) -> Percentiles:
    """Percentiles of *values* by nearest rank."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return tuple(
        (percent, ordered[min(last, int(len(ordered) * percent / 100))]) for percent in _PERCENTILES if ordered
    )
