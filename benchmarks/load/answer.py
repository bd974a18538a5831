"""An answer under way: it writes what is due, by its schedule and not by when it wrote last."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .answers import MOST_AT_ONCE, Parts
from .pipe import Pipe
from .timer_wheel import Wheel


@dataclass(frozen=True, slots=True)
class Course:
    """What an answer will be: so many *deltas*, the first after *first_s*, the others after the *gaps_s* between them.

    The gaps are taken in turn from number *gap* on, and over and over. Where *cut*, the connection is closed then, and
    the answer has no end.
    """

    parts: Parts
    deltas: int
    first_s: float
    gaps_s: Sequence[float]
    gap: int
    cut: bool = False


class Answer:
    """*course* through *pipe*. *done* is called when all of it is written, and never if it is cut.

    After ``pause`` nothing is written until ``resume``; what became due meanwhile comes then, in bounded writes. After
    ``end`` nothing is written, and *done* is not called.
    """

    def __init__(self, pipe: Pipe, wheel: Wheel, course: Course, done: Callable[[], None]) -> None:
        self._pipe = pipe
        self._wheel = wheel
        self._course = course
        self._done = done
        self._next = 0
        self._gap = course.gap
        self._paused = False
        self._waits = True  # in the wheel
        self._ended = False
        self._due_at = time.monotonic() + course.first_s
        wheel.add(self._turn, self._due_at)

    def pause(self) -> None:
        """Write nothing more for now: there is enough on its way."""
        self._paused = True

    def resume(self) -> None:
        """Go on where the schedule is by now."""
        self._paused = False
        if not self._waits and not self._ended:
            self._waits = True
            self._wheel.add(self._turn, self._due_at)

    def end(self) -> None:
        """Break it off: nobody listens any more."""
        self._ended = True

    def _turn(self, now: float) -> float | None:
        if self._ended:
            return None
        if self._paused:
            self._waits = False
            return None
        begin = self._next
        end = self._next = self._due(now)
        course = self._course
        data = course.parts.ring.run(begin, end)
        if begin == 0:
            data = course.parts.head + data
        if end < course.deltas:
            self._pipe.write(data)
            return self._due_at
        self._ended = True
        if course.cut:
            self._pipe.write(data)
            self._pipe.close()
        else:
            self._pipe.write(data + course.parts.tail)
            self._done()
        return None

    def _due(self, now: float) -> int:
        """Up to which delta all are due at *now*; that one's own time is in ``_due_at`` then."""
        gaps_s = self._course.gaps_s
        most = min(self._course.deltas, self._next + MOST_AT_ONCE)
        end, due_at, gap = self._next, self._due_at, self._gap
        while end < most and due_at <= now:
            due_at += gaps_s[gap]
            gap = gap + 1 if gap + 1 < len(gaps_s) else 0
            end += 1
        self._due_at, self._gap = due_at, gap
        return end
