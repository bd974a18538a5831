"""What is noted of a crowd's answers. It costs each piece of text next to nothing, and all sides the same."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from ..adapters.adapter import Hear
from ..load.answers import ANTHROPIC, text
from ..system.processes import Meter
from .workloads import Trial, percentiles

CHARS_PER_TOKEN = len(text(ANTHROPIC, 1_000)) / 1_000


class TextLost(Exception):
    """An answer came with more or less text than the server sent."""


@dataclass(slots=True)
class Tally:
    """What all sessions heard together."""

    chars: int = 0
    pieces: int = 0
    answers: int = 0
    first_s: list[float] = field(default_factory=list[float])
    gaps: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    """Of each piece: the time since the one before, and how many characters it has."""

    def hear(self, text: str) -> None:
        """Count a piece of text."""
        self.chars += len(text)
        self.pieces += 1

    def timed(self, due_at: float) -> Hear:
        """The same for an answer whose question was due at that time, with a look at the clock for each piece."""
        last_at: float | None = None
        gaps, clock = self.gaps, time.perf_counter

        def hear(text: str) -> None:
            nonlocal last_at
            now = clock()
            if last_at is None:
                self.first_s.append(now - due_at)
            else:
                gaps.append((now - last_at, len(text)))
            last_at = now
            self.hear(text)

        return hear


class Window:
    """A span of time in which *tally* goes on. *processes* are all of the crowd; none, where not all are known."""

    def __init__(self, tally: Tally, processes: Sequence[psutil.Process]) -> None:
        self._tally = tally
        self._meter = Meter(processes) if processes else None
        self._begun_at = time.perf_counter()
        self._before = (tally.chars, tally.pieces, tally.answers)

    def trial(self, sessions: int) -> Trial:
        """What came since it was opened."""
        tally, (chars, pieces, answers) = self._tally, self._before
        return Trial(
            sessions=sessions,
            for_s=time.perf_counter() - self._begun_at,
            cpu_s=self._meter.spent_s() if self._meter else None,
            tokens=(tally.chars - chars) / CHARS_PER_TOKEN,
            pieces=tally.pieces - pieces,
            answers=tally.answers - answers,
            first_s=percentiles(tally.first_s),
            gap_s=percentiles(_per_token(tally.gaps)),
        )


def _per_token(gaps: list[tuple[float, int]]) -> list[float]:
    """The gap before each token: those that came in one piece with the one before have none."""
    together = sum(max(0, round(chars / CHARS_PER_TOKEN) - 1) for _, chars in gaps)
    return [*(gap_s for gap_s, _ in gaps), *[0.0] * together]
