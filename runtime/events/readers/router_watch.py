"""The watch over a router: readers don't wait without end for one that does not respond."""

import asyncio
import logging
from collections.abc import Callable

from ...streams.liveness import Liveness

log = logging.getLogger(__name__)

_INTERVAL = 0.25
"""How often it looks, as a share of the timeout. What takes that much longer was held up: this process was stopped."""


class RouterWatch:
    """Calls *on_silence* when a router has not responded for *timeout_s*, as long as it *is_needed*.

    *liveness* asks it, if nothing else has come from it. A router that is being restarted does not respond either.
    """

    def __init__(
        self, liveness: Liveness, timeout_s: float, is_needed: Callable[[], bool], on_silence: Callable[[], None]
    ) -> None:
        self._liveness = liveness
        self._timeout_s = timeout_s
        self._is_needed = is_needed
        self._on_silence = on_silence
        self._clock = asyncio.get_running_loop().time
        self._responded_at = self._clock()

    def note_response(self) -> None:
        """Something has come from the router."""
        self._responded_at = self._clock()

    @property
    def _left_s(self) -> float:
        return self._responded_at + self._timeout_s - self._clock()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            pause_s = min(_INTERVAL * self._timeout_s, self._left_s)
            due_at = self._clock() + pause_s
            await asyncio.sleep(pause_s)
            if not self._is_needed() or self._was_stopped(due_at):
                self.note_response()
            elif self._left_s <= (1 - _INTERVAL) * self._timeout_s:
                await self._check()

    async def _check(self) -> None:
        due_at = self._clock() + self._left_s
        try:
            await self._liveness.reach(self._left_s)
        except Exception as error:  # any error of the transport: only the transport knows its errors
            log.debug("the router does not respond: %s", error)
            if self._was_stopped(due_at):
                self.note_response()
            elif self._left_s <= 0:
                self._on_silence()
                self.note_response()
        else:
            self.note_response()

    def _was_stopped(self, due_at: float) -> bool:
        return self._clock() > due_at + _INTERVAL * self._timeout_s
