"""Reports what a session actor counts to a router.

Session actors don't export to Ray themselves: each would leave series of its own, with the id of its process, in the
agent of its node, which forgets no counter, and thousands of dedicated ones come and go.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec

from ...events.transport import RouterGone
from ...metrics.counts import COUNTS, Counts, Report, Values

log = logging.getLogger(__name__)

INTERVAL_S = 5.0

_FIRST_S = 0.5
"""The first report comes soon: so `rayconteur status` knows of sessions that have just been opened."""

_MOST_SKIPPED = 12
"""Reports that are left out, at most, as nothing has changed: a router that was restarted knows no gauges."""

_encode = msgspec.msgpack.encode

Send = Callable[[bytes], Awaitable[None]]
"""Sends an encoded report to a router."""


class Reporter:
    """Reports the *counts* of this process and the *gauges* of its host to one of the routers that it can *send* to."""

    def __init__(self, send: Sequence[Send], gauges: Callable[[], Awaitable[Values]], counts: Counts = COUNTS) -> None:
        self._send = send
        self._gauges = gauges
        self._counts = counts
        self._router = 0
        self._sent: Values | None = None
        self._skipped = 0
        self._running: asyncio.Task[None] | None = None

    def start(self, router: int) -> None:
        """Report to this router from now on: one that this process is connected to anyway."""
        self._router = router
        self._running = asyncio.get_running_loop().create_task(self._run())

    def finish(self) -> None:
        """Report a last time. It takes less than a millisecond, and nobody waits for it."""
        if self._running:
            self._running.cancel()
        self._running = asyncio.get_running_loop().create_task(self._report_last())

    async def _run(self) -> None:
        await asyncio.sleep(_FIRST_S)
        with suppress(RouterGone):
            while True:
                await self.report()
                await asyncio.sleep(INTERVAL_S)

    async def _report_last(self) -> None:
        with suppress(RouterGone):
            await self.report()

    async def report(self) -> None:
        """Report now, if there is anything new. What does not arrive is reported the next time.

        Raises:
            RouterGone: nobody takes reports any more.
        """
        gauges, counters = await self._gauges(), self._counts.take()
        if not counters and gauges == self._sent and self._skipped < _MOST_SKIPPED:
            self._skipped += 1
            return
        self._sent, self._skipped = None, 0
        try:
            await self._send[self._router](_encode(Report(counters, gauges)))
            self._sent = gauges
        except BaseException as error:
            self._counts.put_back(counters)
            if isinstance(error, RouterGone) or not isinstance(error, Exception):
                raise
            log.debug("the metrics of this process could not be reported: %s", type(error).__name__)
