"""The calls that a journal works on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from .errors import JournalUnavailable


class Calls:
    """At most *limit* calls at a time, each of which may take *timeout_s*. The others wait, in order."""

    def __init__(self, limit: int, timeout_s: float) -> None:
        self._limit = limit
        self._timeout_s = timeout_s
        self._slots = asyncio.Semaphore(limit)
        self._is_closed = False

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[float]:
        """A call runs, until the deadline, by the clock of the event loop.

        Raises:
            JournalUnavailable: ``close`` was called.
            TimeoutError: the deadline passed while it waited.
        """
        if self._is_closed:
            raise JournalUnavailable("the journal was closed")
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        async with asyncio.timeout_at(deadline):
            await self._slots.acquire()
        try:
            yield deadline
        finally:
            self._slots.release()

    async def close(self) -> None:
        """Let no further call begin, and wait for those that did."""
        if not self._is_closed:
            self._is_closed = True
            for _ in range(self._limit):
                await self._slots.acquire()
