"""The longest time for which an event loop did nothing but one thing."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_TICK_S = 0.001


class LoopWatch:
    """Ticks in the running event loop. *longest_s* is the most CPU time of its thread between two ticks.

    It is CPU time because a busy machine takes the processor away for as long as it likes.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._last_s = time.thread_time()

    def tick(self) -> None:
        now_s = time.thread_time()
        self.longest_s = max(self.longest_s, now_s - self._last_s)
        self._last_s = now_s


@asynccontextmanager
async def watched_loop() -> AsyncGenerator[LoopWatch, None]:
    """Watch the running event loop until the block ends."""
    watch, loop = LoopWatch(), asyncio.get_running_loop()
    timer = loop.call_later(_TICK_S, watch.tick)

    def tick() -> None:
        nonlocal timer
        watch.tick()
        timer = loop.call_later(_TICK_S, tick)

    tick()
    yield watch
    watch.tick()
    timer.cancel()
