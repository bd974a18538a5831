"""The publisher: what takes segments from the outboxes of one process to one router."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .outbox import Outbox
from .segments import Segment, encode_segments
from .transport import RouterGone

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_COMPANY_S = 0.01
"""How long more text waits for company: a publish and the poll that it answers take some 4 ms of CPU time, however
little is in them, and a model takes 10 to 30 ms for a token."""

_BATCH_BYTES = 4 << 20
"""About what goes at once: after a router's absence everybody's outbox is full, which together may be gigabytes."""


class Publisher:
    """One publish is in flight at a time, and what comes meanwhile goes together in the next.

    Alone, an event leaves at once; under load, batches grow by themselves. More of a text whose beginning is on its
    way waits until the last publish is 10 ms ago, or until something else leaves.

    A publish that fails is repeated until it succeeds: routers restart, and drop what they have already. Where there is
    no router any more, events are dropped: nobody can read them.
    """

    def __init__(self, publish: Callable[[bytes], Awaitable[None]]) -> None:
        self._publish = publish
        self._waiting: dict[Outbox, None] = {}  # the one that waited longest first
        self._something = asyncio.Event()
        self._hurry = asyncio.Event()
        self._left_at = float("-inf")
        self._gone = False

    def wake(self, outbox: Outbox) -> None:
        """*outbox* has something to take."""
        self._waiting[outbox] = None
        self._something.set()
        if not outbox.patient:
            self._hurry.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._something.wait()
            await self._company()
            await asyncio.sleep(0)  # a request goes out before the news of its turn: this call takes half a millisecond
            outboxes, segments = self._batch()
            await self._until_taken(encode_segments(segments))
            for outbox in outboxes:
                outbox.acknowledge()

    async def _company(self) -> None:
        clock = asyncio.get_running_loop().time
        until = self._left_at + _COMPANY_S
        if not self._hurry.is_set() and clock() < until:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._hurry.wait()
        self._left_at = clock()

    def _batch(self) -> tuple[list[Outbox], list[Segment]]:
        outboxes: list[Outbox] = []
        segments: list[Segment] = []
        room_bytes = _BATCH_BYTES
        while self._waiting and room_bytes > 0:
            outbox = next(iter(self._waiting))
            del self._waiting[outbox]
            if segment := outbox.take():
                outboxes.append(outbox)
                segments.append(segment)
                room_bytes -= segment.size_bytes
        if not self._waiting:
            self._something.clear()
            self._hurry.clear()
        return outboxes, segments

    async def _until_taken(self, data: bytes) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._gone:
            try:
                await self._publish(data)
            except RouterGone:
                log.error("there is no router any more: events are dropped, for nobody can read them")
                self._gone = True
            except Exception as error:  # whatever the transport raises; what it means is known only to the transport
                log.warning("publishing failed and is repeated in %.1f s: %s", pause_s, type(error).__name__)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                return
