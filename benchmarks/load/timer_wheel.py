"""A timer wheel: one event-loop timer for all callbacks, in ticks of a millisecond."""

import asyncio
import math
import time
from collections.abc import Callable
from heapq import heappop, heappush

_TICK_S = 0.001

Due = Callable[[float], float | None]
"""Called when due, with the current time; returns when it is due again, or ``None`` for never."""


class TimerWheel:
    """Calls callbacks when they are due, never early. Those of one tick are called together, in the order added.

    With one timer of the event loop each, 50,000 tokens per second would take a whole CPU; here each is a list entry.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, list[Due]] = {}
        self._ticks: list[int] = []  # the keys of the buckets, as a heap
        self._timer: asyncio.Handle | None = None
        self._timer_tick = 0

    def __len__(self) -> int:
        """The number of callbacks that are not due yet."""
        return sum(len(bucket) for bucket in self._buckets.values())

    def add(self, due: Due, moment: float) -> None:
        """Call *due* at *moment* of the monotonic clock; in the loop's next iteration if that has passed."""
        now = time.monotonic()
        tick = _tick(moment, now)
        self._insert(due, tick)
        if self._timer is None or tick < self._timer_tick:
            self._arm(now)

    def _insert(self, due: Due, tick: int) -> None:
        bucket = self._buckets.get(tick)
        if bucket is None:
            self._buckets[tick] = [due]
            heappush(self._ticks, tick)
        else:
            bucket.append(due)

    def _arm(self, now: float) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._ticks:
            self._timer_tick = self._ticks[0]
            wait_s = self._timer_tick * _TICK_S - now
            loop = asyncio.get_running_loop()
            if wait_s <= 0:
                self._timer = loop.call_soon(self._call_due)
            else:
                # Never less than a tick: uvloop rounds down to milliseconds, and would spin.
                self._timer = loop.call_later(max(_TICK_S, wait_s), self._call_due)

    def _call_due(self) -> None:
        now = time.monotonic()
        reached = math.floor(now / _TICK_S)
        again: list[tuple[Due, int]] = []
        while self._ticks and self._ticks[0] <= reached:
            for due in self._buckets.pop(heappop(self._ticks)):
                again_at = due(now)
                if again_at is not None:
                    again.append((due, _tick(again_at, now)))
        for due, tick in again:  # not before: a callback that is always late would block the event loop
            self._insert(due, tick)
        self._arm(now)


def _tick(moment: float, now: float) -> int:
    """The tick at which *moment* has passed."""
    return math.floor(now / _TICK_S) if moment <= now else math.ceil(moment / _TICK_S)
