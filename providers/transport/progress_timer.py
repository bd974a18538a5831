"""The bound on an answer that is alive but stuck."""

import asyncio
from types import TracebackType
from typing import Self


class ProgressTimer:
    """Ends the reading of an answer in which nothing but keep-alives has arrived for *limit_s*; a context manager.

    Time in which nobody is reading does not count. As a timer that is set anew for each piece would take more CPU than
    the piece, this one keeps running, and checks only when it fires.

    Raises:
        TimeoutError: the time is over.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._is_reading = True
        self._timeout = asyncio.timeout(None)
        self._timer = self._loop.call_later(limit_s, self._check)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise TimeoutError(f"nothing but keep-alives arrived for {self._limit_s:g} s") from None

    def restart(self) -> None:
        """A part of the answer has arrived."""
        self._since = self._loop.time()

    def pause(self) -> None:
        """The reader is busy with what has arrived."""
        self._is_reading = False

    def resume(self) -> None:
        """The reader waits for more."""
        self._is_reading = True

    def _check(self) -> None:
        now = self._loop.time()
        left_s = self._since + self._limit_s - now
        if left_s <= 0 and self._is_reading:
            self._timeout.reschedule(now)
        else:
            self._timer = self._loop.call_later(left_s if left_s > 0 else self._limit_s, self._check)
