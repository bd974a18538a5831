"""An answer in progress: writes what is due by its schedule, whenever it wrote last."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .answers import MAX_EVENTS_PER_WRITE, AnswerParts
from .pipe import Pipe
from .timer_wheel import TimerWheel


@dataclass(frozen=True, slots=True)
class AnswerSchedule:
    """An answer of *deltas* deltas: the first after *first_s*, the others *gaps_s* apart.

    The gaps are used in turn, cyclically, starting at index *gap*. If *cut*, the connection is closed after the last
    delta, and the answer has no end.
    """

    parts: AnswerParts
    deltas: int
    first_s: float
    gaps_s: Sequence[float]
    gap: int
    cut: bool = False


class Answer:
    """Writes *schedule* to *pipe*. *on_done* is called after the last byte, and never if the answer is cut.

    After ``pause`` nothing is written until ``resume``, which catches up in bounded writes. After ``abort`` nothing is
    written, and *on_done* is not called.
    """

    def __init__(self, pipe: Pipe, wheel: TimerWheel, schedule: AnswerSchedule, on_done: Callable[[], None]) -> None:
        self._pipe = pipe
        self._wheel = wheel
        self._schedule = schedule
        self._on_done = on_done
        self._next = 0
        self._gap = schedule.gap
        self._paused = False
        self._in_wheel = True
        self._ended = False
        self._due_at = time.monotonic() + schedule.first_s
        wheel.add(self._write_due, self._due_at)

    def pause(self) -> None:
        """Write nothing for now: enough bytes are unsent."""
        self._paused = True

    def resume(self) -> None:
        """Continue with everything that is due by now."""
        self._paused = False
        if not self._in_wheel and not self._ended:
            self._in_wheel = True
            self._wheel.add(self._write_due, self._due_at)

    def abort(self) -> None:
        """Stop: the client has disconnected."""
        self._ended = True

    def _write_due(self, now: float) -> float | None:
        if self._ended:
            return None
        if self._paused:
            self._in_wheel = False
            return None
        begin = self._next
        end = self._next = self._count_due(now)
        schedule = self._schedule
        data = schedule.parts.ring.run(begin, end)
        if begin == 0:
            data = schedule.parts.head + data
        if end < schedule.deltas:
            self._pipe.write(data)
            return self._due_at
        self._ended = True
        if schedule.cut:
            self._pipe.write(data)
            self._pipe.close()
        else:
            self._pipe.write(data + schedule.parts.tail)
            self._on_done()
        return None

    def _count_due(self, now: float) -> int:
        """The index of the first delta that is not due at *now*; its time is in ``_due_at`` afterwards."""
        gaps_s = self._schedule.gaps_s
        most = min(self._schedule.deltas, self._next + MAX_EVENTS_PER_WRITE)
        end, due_at, gap = self._next, self._due_at, self._gap
        while end < most and due_at <= now:
            due_at += gaps_s[gap]
            gap = gap + 1 if gap + 1 < len(gaps_s) else 0
            end += 1
        self._due_at, self._gap = due_at, gap
        return end
