"""The timer wheel: one timer for all that is due at some time, in ticks of a millisecond."""

import asyncio
import math
import time
from collections.abc import Callable
from heapq import heappop, heappush

_TICK_S = 0.001

Due = Callable[[float], float | None]
"""Is called at its time, with the moment that it is; says when it is due again, or ``None`` for never."""


class Wheel:
    """Calls what is due, never early. What falls in one tick is called in one go, in the order in which it was added.

    A timer of the event loop for each of 50,000 tokens in a second takes a whole CPU. This takes a place in a list.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, list[Due]] = {}
        self._ticks: list[int] = []  # the buckets' own, a heap
        self._timer: asyncio.Handle | None = None
        self._timer_tick = 0

    def __len__(self) -> int:
        """How many wait to be called."""
        return sum(len(bucket) for bucket in self._buckets.values())

    def add(self, due: Due, moment: float) -> None:
        """Call *due* at *moment* of the monotonic clock; in the event loop's next turn if that is over."""
        now = time.monotonic()
        tick = _tick(moment, now)
        self._put(due, tick)
        if self._timer is None or tick < self._timer_tick:
            self._arm(now)

    def _put(self, due: Due, tick: int) -> None:
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
                self._timer = loop.call_soon(self._turn)
            else:
                # Never less than a tick: uvloop rounds to milliseconds, and would come back at once, again and again.
                self._timer = loop.call_later(max(_TICK_S, wait_s), self._turn)

    def _turn(self) -> None:
        now = time.monotonic()
        reached = math.floor(now / _TICK_S)
        called: list[tuple[Due, int]] = []
        while self._ticks and self._ticks[0] <= reached:
            for due in self._buckets.pop(heappop(self._ticks)):
                again_at = due(now)
                if again_at is not None:
                    called.append((due, _tick(again_at, now)))
        for due, tick in called:  # not before: whoever is always late would keep the event loop from all else
            self._put(due, tick)
        self._arm(now)


def _tick(moment: float, now: float) -> int:
    """That in which *moment* is over."""
    return math.floor(now / _TICK_S) if moment <= now else math.ceil(moment / _TICK_S)
