"""An answer under way: it writes what is due, by its schedule and not by when it wrote last."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .answers import MOST_AT_ONCE, Parts
from .wheel import Wheel


@dataclass(frozen=True, slots=True)
class Course:
    """What an answer will be: an HTTP *head* and so many *deltas*, the first after *first_s*, the others after the *gaps_s* between them.

    The gaps are taken in turn from number *gap* on, and again from the beginning; without any, all is due at once.
    """

    head: bytes
    parts: Parts
    deltas: int
    first_s: float = 0.0
    gaps_s: Sequence[float] = ()
    gap: int = 0


class Answer:
    """*course* on *transport*. *done* is called when all of it is written.

    After ``pause`` nothing is written until ``resume``; what became due meanwhile comes then, in bounded writes. After
    ``end`` nothing is written, and *done* is not called.
    """

    def __init__(
        self, transport: asyncio.WriteTransport, wheel: Wheel, course: Course, done: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._wheel = wheel
        self._course = course
        self._done = done
        self._next = 0
        self._gap = course.gap
        self._paused = False
        self._waits = True
        self._ended = False
        self._due_at = time.monotonic() + course.first_s
        wheel.add(self._turn, self._due_at)

    def pause(self) -> None:
        """Write nothing more for now: the transport has enough."""
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
        data = course.parts.run(begin, end)
        if begin == 0:
            data = course.head + course.parts.head + data
        if end == course.deltas:
            self._ended = True
            self._transport.write(data + course.parts.tail)
            self._done()
            return None
        self._transport.write(data)
        return self._due_at

    def _due(self, now: float) -> int:
        """Up to which delta all are due at *now*; ``_due_at`` is the time of that one then."""
        course = self._course
        most = min(course.deltas, self._next + MOST_AT_ONCE)
        if not course.gaps_s:
            return most
        end, due_at, gap, gaps_s = self._next, self._due_at, self._gap, course.gaps_s
        while end < most and due_at <= now:
            due_at += gaps_s[gap]
            gap = gap + 1 if gap + 1 < len(gaps_s) else 0
            end += 1
        self._due_at, self._gap = due_at, gap
        return end
