"""The pace at which the scripted provider speaks."""

import asyncio

BATCH = 64
"""The most pieces that pass together: about what one read of a socket brings of an answer that is there already."""


class Pacer:
    """Lets *rate* pieces pass in a second, the first at once and those that are late together; ``None`` lets all pass.

    Between two ticks no more than a batch passes, so that no speaker holds up the others on the event loop.
    """

    def __init__(self, rate: float | None) -> None:
        self._interval_s = 1 / rate if rate else 0.0
        self._now = asyncio.get_running_loop().time
        self.restart()

    def restart(self) -> None:
        """The next piece is due now; what was late is forgotten."""
        self._next_at = self._now()
        self._due = 1 if self._interval_s else BATCH

    def take(self, wanted: int) -> int:
        """How many of *wanted* pieces pass now; at least one right after a tick."""
        some = min(wanted, self._due)
        self._due -= some
        self._next_at += some * self._interval_s
        return some

    async def tick(self) -> None:
        """Come back when the next piece is due, after one turn of the event loop at least."""
        await self._until_next()
        if self._interval_s:
            late_s = self._now() - self._next_at
            # At least one, for a timer may go off a moment early.
            self._due = max(1, min(BATCH, int(late_s / self._interval_s) + 1))
        else:
            self._due = BATCH

    async def skip(self, pieces: int) -> None:
        """Come back when so many pieces would have passed."""
        self._next_at += pieces * self._interval_s
        await self._until_next()

    async def _until_next(self) -> None:
        await asyncio.sleep(max(0.0, self._next_at - self._now()))
