"""The pace of the scripted provider."""

import asyncio

BATCH = 64
"""The most pieces that pass at once: about what one read of a socket returns of an answer that is already there."""


class Pacer:
    """Lets *rate* pieces pass per second, the first one immediately, late ones together. ``None`` is no limit.

    At most ``BATCH`` pieces pass between two ticks, so that no answer blocks the others on the event loop.
    """

    def __init__(self, rate: float | None) -> None:
        self._interval_s = 1 / rate if rate else 0.0
        self._now = asyncio.get_running_loop().time
        self.restart()

    def restart(self) -> None:
        """Start again: the next piece is due now, and no piece is late."""
        self._next_at = self._now()
        self._due = 1 if self._interval_s else BATCH

    def admit(self, wanted: int) -> int:
        """The number of *wanted* pieces that pass now; at least one right after a tick."""
        admitted = min(wanted, self._due)
        self._due -= admitted
        self._next_at += admitted * self._interval_s
        return admitted

    async def tick(self) -> None:
        """Wait until the next piece is due, at least one iteration of the event loop."""
        await self._until_next()
        if self._interval_s:
            late_s = self._now() - self._next_at
            # At least one, because a timer may fire slightly early.
            self._due = max(1, min(BATCH, int(late_s / self._interval_s) + 1))
        else:
            self._due = BATCH

    async def skip(self, pieces: int) -> None:
        """Wait until *pieces* would have passed."""
        self._next_at += pieces * self._interval_s
        await self._until_next()

    async def _until_next(self) -> None:
        await asyncio.sleep(max(0.0, self._next_at - self._now()))
