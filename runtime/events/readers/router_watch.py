"""The watch over a router: readers don't wait without end for one that does not respond."""

import asyncio
import logging
from collections.abc import Callable

from ...streams.liveness import Liveness

log = logging.getLogger(__name__)

_INTERVAL = 0.25
"""How often it looks, as a share of the timeout. A check takes half of it: whoever waits is told in time."""

_WITHIN = 0.5


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

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(_INTERVAL * self._timeout_s)
            if not self._is_needed():
                self.note_response()
            elif self._clock() - self._responded_at >= _INTERVAL * self._timeout_s:
                await self._check()

    async def _check(self) -> None:
        begun_at = self._clock()
        try:
            await self._liveness.reach(_WITHIN * self._timeout_s)
        except Exception as error:  # any error of the transport: only the transport knows its errors
            log.debug("the router does not respond: %s", error)
            took_s = self._clock() - begun_at
            if took_s > (_WITHIN + _INTERVAL) * self._timeout_s:  # this process was stopped itself
                self.note_response()
            elif self._clock() - self._responded_at >= (1 - _INTERVAL) * self._timeout_s:
                self._on_silence()
        else:
            self.note_response()
