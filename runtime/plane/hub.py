"""The hub: one driver's way to one router. It has one poll in flight, and hands what comes to its readers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

import msgspec

from .reader import Reader
from .routes import Delivery, Watch

log = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE_S = 0.2


class Wishes(msgspec.Struct, frozen=True, array_like=True):
    """What a driver wants to watch from now on, and what not any more."""

    begun: list[Watch]
    ended: list[int]


class RouterLine(Protocol):
    """The calls that a hub makes on its router."""

    def watch(self, wishes: bytes) -> Awaitable[None]:
        """Begin and end watches."""
        ...

    def poll(self) -> Awaitable[bytes | None]:
        """What is new, once there is something: encoded deliveries, none after a while without news. ``None``.

        The router doesn't know us.
        """
        ...


_encoder = msgspec.msgpack.Encoder()
_deliveries = msgspec.msgpack.Decoder(list[Delivery])


class Hub:
    """Readers' source of segments. A router that fails is asked again until it answers.

    Readers go on from what they have.
    """

    def __init__(self, line: RouterLine) -> None:
        self._line = line
        self._ids = 0
        self._readers: dict[int, Reader] = {}
        self._watch_ids: dict[Reader, int] = {}
        self._begun: dict[int, Reader] = {}
        self._ended: list[int] = []
        self._wished = asyncio.Event()
        self._watching = asyncio.Event()  # while there is anything to poll for

    def begin(self, reader: Reader) -> None:
        """Send *reader* what comes after what it has."""
        self._ids += 1
        self._readers[self._ids] = self._begun[self._ids] = reader
        self._watch_ids[reader] = self._ids
        self._wished.set()

    def end(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        watch_id = self._watch_ids.pop(reader, None)
        if watch_id is None:
            return
        del self._readers[watch_id]
        if self._begun.pop(watch_id, None) is None:
            self._ended.append(watch_id)
            self._wished.set()
        if not self._readers:
            self._watching.clear()

    def fail(self, error: Exception) -> None:
        """Nothing more will come for any reader."""
        for reader in tuple(self._readers.values()):
            reader.fail(error)

    async def run(self) -> None:
        """Tell and poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            group.create_task(self._poll())

    async def _tell(self) -> None:
        while True:
            await self._wished.wait()
            self._wished.clear()
            begun, self._begun = self._begun, {}
            ended, self._ended = self._ended, []
            watches = [reader.watch(watch_id) for watch_id, reader in begun.items()]
            if watches or ended:
                wishes = _encoder.encode(Wishes(watches, ended))
                await _until_done(partial(self._line.watch, wishes))
            if self._readers:
                self._watching.set()

    async def _poll(self) -> None:
        while True:
            await self._watching.wait()
            data = await _until_done(self._line.poll)
            if data is None:
                self._begun.update(self._readers)  # the router is new: tell it everything again
                self._watching.clear()
                self._wished.set()
            elif data:
                self._hand_out(_deliveries.decode(data))

    def _hand_out(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if reader := self._readers.get(delivery.watch):
                reader.feed(delivery.segment)


async def _until_done(call: Callable[[], Awaitable[T]]) -> T:
    while True:
        try:
            return await call()
        except Exception as error:  # whatever the transport raises; what it means is known only to the transport
            log.warning("the router did not answer and is asked again: %s", type(error).__name__)
            await asyncio.sleep(_PAUSE_S)
