"""The publisher: sends segments from the outboxes of one process to one router."""

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
_LINGER_S = 0.01
"""How long coalescible text lingers. 100 sessions at 50 tokens/s take a third less CPU time than without lingering;
with 2 or 5 ms, a sixth to a fifth. A model takes 10 to 30 ms for a token."""

_BATCH_BYTES = 4 << 20
"""The approximate limit of a publish: after a router outage every outbox is full, which may be gigabytes together."""


class Publisher:
    """Keeps one publish in flight; events that arrive meanwhile form the next batch.

    A lone event is sent at once; under load batches grow by themselves. Text that continues a published block lingers
    until 10 ms after the last publish, or until any other event is sent.

    A publish that fails is repeated until it succeeds: routers restart, and ignore segments that they have already.
    When the router is gone for good, events are dropped: nobody can read them.
    """

    def __init__(self, publish: Callable[[bytes], Awaitable[None]]) -> None:
        self._publish = publish
        self._pending: dict[Outbox, None] = {}  # the one that has waited longest comes first
        self._has_pending = asyncio.Event()
        self._flush = asyncio.Event()
        self._last_publish_at = float("-inf")
        self._router_gone = False

    def schedule(self, outbox: Outbox) -> None:
        """Publish the pending events of *outbox*: at once, unless they are coalescible."""
        self._pending[outbox] = None
        self._has_pending.set()
        if not outbox.coalescible:
            self._flush.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._has_pending.wait()
            await self._linger()
            await asyncio.sleep(0)  # a turn sends its request before its event
            await self._publish_batch()

    async def _publish_batch(self) -> None:
        outboxes, segments = self._take_batch()
        data = encode_segments(segments)
        del segments  # of which *data* is a copy
        await self._publish_until_accepted(data)
        for outbox in outboxes:
            outbox.acknowledge()

    async def _linger(self) -> None:
        clock = asyncio.get_running_loop().time
        until = self._last_publish_at + _LINGER_S
        if not self._flush.is_set() and clock() < until:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._flush.wait()
        self._last_publish_at = clock()

    def _take_batch(self) -> tuple[list[Outbox], list[Segment]]:
        outboxes: list[Outbox] = []
        segments: list[Segment] = []
        room_bytes = _BATCH_BYTES
        while self._pending and room_bytes > 0:
            outbox = next(iter(self._pending))
            del self._pending[outbox]
            if segment := outbox.take_segment():
                outboxes.append(outbox)
                segments.append(segment)
                room_bytes -= segment.size_bytes
        if not self._pending:
            self._has_pending.clear()
            self._flush.clear()
        return outboxes, segments

    async def _publish_until_accepted(self, data: bytes) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._router_gone:
            try:
                await self._publish(data)
            except RouterGone:
                log.error("the router is gone for good: this process drops its events from now on")
                self._router_gone = True
            except Exception as error:  # any error of the transport: only the transport knows its errors
                log.warning("publish failed with %s; retrying in %.1f s", type(error).__name__, pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                return
