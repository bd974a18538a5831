"""Counts the text that a contestant receives, at almost no cost per piece, and the same for all."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from ..adapters.adapter import OnText
from ..load.answers import ANTHROPIC, answer_text
from ..system.processes import CpuMeter
from .workloads import Trial, percentiles

CHARS_PER_TOKEN = len(answer_text(ANTHROPIC, 1_000)) / 1_000


@dataclass(slots=True)
class Tally:
    """The text received by all sessions together."""

    chars: int = 0
    pieces: int = 0
    answers: int = 0
    first_s: list[float] = field(default_factory=list[float])
    gaps: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    """For each piece of text the time since the one before, and its length in characters."""

    def count_text(self, text: str) -> None:
        """Count a piece of text."""
        self.chars += len(text)
        self.pieces += 1

    def timed(self, due_at: float) -> OnText:
        """Counts the text of an answer whose question was due at *due_at*, and takes the time of each piece."""
        last_at: float | None = None
        gaps, clock = self.gaps, time.perf_counter

        def count_text(text: str) -> None:
            nonlocal last_at
            now = clock()
            if last_at is None:
                self.first_s.append(now - due_at)
            else:
                gaps.append((now - last_at, len(text)))
            last_at = now
            self.count_text(text)

        return count_text


class Window:
    """A measurement that starts now. *processes* are all of the contestant's; none, if not all are known."""

    def __init__(self, tally: Tally, processes: Sequence[psutil.Process]) -> None:
        self._tally = tally
        self._meter = CpuMeter(processes) if processes else None
        self._started_at = time.perf_counter()
        self._before = (tally.chars, tally.pieces, tally.answers)

    def end(self, sessions: int) -> Trial:
        """The trial of *sessions* sessions, from the start of the window until now."""
        tally, (chars, pieces, answers) = self._tally, self._before
        return Trial(
            sessions=sessions,
            duration_s=time.perf_counter() - self._started_at,
            cpu_s=self._meter.spent_s() if self._meter else None,
            tokens=(tally.chars - chars) / CHARS_PER_TOKEN,
            pieces=tally.pieces - pieces,
            answers=tally.answers - answers,
            first_s=percentiles(tally.first_s),
            gap_s=percentiles(_gaps_per_token(tally.gaps)),
        )


def _gaps_per_token(gaps: list[tuple[float, int]]) -> list[float]:
    """The gap before each token: none before those that arrived in one piece with the token before."""
    together = sum(max(0, round(chars / CHARS_PER_TOKEN) - 1) for _, chars in gaps)
    return [*(gap_s for gap_s, _ in gaps), *[0.0] * together]
