"""The publisher: what takes segments from the outboxes of one process to one router."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .outbox import Outbox
from .segments import Segment, encode_segments

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0


class Publisher:
    """One publish is in flight at a time, and what comes meanwhile goes together in the next.

    Alone, an event leaves at once; under load, batches grow by themselves.

    A publish that fails is repeated until it succeeds: routers restart, and drop what they have already.
    """

    def __init__(self, publish: Callable[[bytes], Awaitable[None]]) -> None:
        self._publish = publish
        self._waiting: dict[Outbox, None] = {}
        self._something = asyncio.Event()

    def wake(self, outbox: Outbox) -> None:
        """*outbox* has something to take."""
        if outbox not in self._waiting:
            self._waiting[outbox] = None
            self._something.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            outboxes, self._waiting = self._waiting, {}
            segments = [segment for outbox in outboxes if (segment := outbox.take())]
            await self._until_taken(segments)
            for outbox in outboxes:
                outbox.acknowledge()

    async def _until_taken(self, segments: list[Segment]) -> None:
        data, pause_s = encode_segments(segments), _FIRST_PAUSE_S
        while segments:
            try:
                await self._publish(data)
            except Exception as error:  # whatever the transport raises; what it means is known only to the transport
                log.warning("publishing failed and is repeated in %.1f s: %s", pause_s, type(error).__name__)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                return
