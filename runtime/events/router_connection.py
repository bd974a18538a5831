"""The hub: one driver's way to one router. It has one poll in flight, and hands what comes to its readers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeVar

import msgspec

from ..api.errors import RuntimeClosed
from .reader import Reader
from .segments import Position, Segment
from .subscriptions import Delivery, Watch, Wishes
from .transport import Line, RouterGone

log = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE_S = 0.2

_NONE = Wishes(whole=False)

_encoder = msgspec.msgpack.Encoder()
_deliveries = msgspec.msgpack.Decoder(list[Delivery])
_positions = msgspec.msgpack.Decoder(dict[str, Position])


@dataclass(slots=True, eq=False)
class _Watching:
    """A reader that has room for *limit_bytes*.

    It holds *held_bytes* of them, and *granted_bytes* are what the router may still send.
    """

    id: int
    reader: Reader
    limit_bytes: int
    held_bytes: int = 0
    granted_bytes: int = 0

    @property
    def wants_more(self) -> bool:
        """Whether it is time to ask for more: early enough that a fast reader never waits for it."""
        return 2 * (self.limit_bytes - self.held_bytes - self.granted_bytes) >= self.limit_bytes

    def watch(self) -> Watch:
        """All that it wants."""
        self.granted_bytes = 0
        return Watch(self.id, self.reader.session_id, self.grant(), self.reader.cursors)

    def grant(self) -> int:
        """What the router may send besides."""
        more_bytes = max(0, self.limit_bytes - self.held_bytes - self.granted_bytes)
        self.granted_bytes += more_bytes
        return more_bytes


class Hub:
    """Readers' source of segments. A router that fails is asked again until it answers, and told everything again.

    Readers then go on from what they have.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ids = count(1)
        self._readers: dict[Reader, _Watching] = {}
        self._told: dict[int, _Watching] = {}
        # What the router is not told yet. Before *known*, it is to be told everything.
        self._known = False
        self._unplaced: dict[_Watching, None] = {}  # who wants what comes from now on, and knows not yet where that is
        self._begun: dict[_Watching, None] = {}
        self._hungry: dict[_Watching, None] = {}
        self._ended: list[int] = []
        self._wished = asyncio.Event()  # while there is something to tell
        self._watching = asyncio.Event()  # while there is anything to poll for
        self._error: Exception | None = None

    def begin(self, reader: Reader, limit_bytes: int) -> None:
        """Send *reader* what comes after what it has, and never more than it has room for."""
        if self._error:
            reader.fail(self._error)
            return
        watching = self._readers[reader] = _Watching(next(self._ids), reader, limit_bytes)
        (self._unplaced if reader.from_now else self._begun)[watching] = None
        self._wished.set()

    def make_room(self, reader: Reader, segment: Segment) -> None:
        """*reader* has read *segment*."""
        if watching := self._readers.get(reader):
            self._make_room(watching, segment)

    def end(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        watching = self._readers.pop(reader, None)
        if watching is None:
            return
        for waiting in (self._unplaced, self._begun, self._hungry):
            waiting.pop(watching, None)
        if self._told.pop(watching.id, None):
            self._ended.append(watching.id)
            self._wished.set()
        if not self._told:
            self._watching.clear()

    def fail(self, error: Exception) -> None:
        """Nothing more will come for any reader, nor for one that begins."""
        self._error = error
        for reader in tuple(self._readers):
            reader.fail(error)

    async def run(self) -> None:
        """Tell and poll until cancelled, or until there is no router any more: then readers fail."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell())
                group.create_task(self._poll())
        except* RouterGone:
            self.fail(RuntimeClosed("the router ended with the runtime that had started it; enter a runtime again"))

    async def _tell(self) -> None:
        while True:
            await self._wished.wait()
            self._wished.clear()
            if self._unplaced:
                await self._place()
            if wishes := self._wishes():
                await self._tell_all(wishes)

    async def _place(self) -> None:
        newcomers = tuple(self._unplaced)
        data = await _answered(self._line.positions)
        if data is None:
            self._wished.set()
            return
        positions = _positions.decode(data)
        for watching in newcomers:
            if watching in self._unplaced:
                watching.reader.place(positions)
                del self._unplaced[watching]
                self._begun[watching] = None

    def _wishes(self) -> Wishes | None:
        """What the router is to be told, as if it were told now."""
        if not self._known:
            # What is still on its way was sent for the old ids, and is no part of what is granted now.
            for watching in self._told.values():
                watching.id = next(self._ids)
            self._begun = dict.fromkeys((*self._told.values(), *self._begun))
            self._told, self._hungry, self._ended = {}, {}, []
        begun, hungry, ended = self._begun, self._hungry, self._ended
        self._begun, self._hungry, self._ended = {}, {}, []
        self._told |= {watching.id: watching for watching in begun}
        wishes = Wishes(
            whole=not self._known,
            begun=[watching.watch() for watching in begun],
            more={watching.id: watching.grant() for watching in hungry if watching not in begun},
            ended=ended,
        )
        self._known = True
        return wishes if wishes != _NONE else None

    async def _tell_all(self, wishes: Wishes) -> None:
        unknown = await _answered(partial(self._line.watch, _encoder.encode(wishes)))
        if unknown is None:
            self._lose_touch()
            return
        if self._known and self._told:
            self._watching.set()
        # A session without events yet, or one that ended and was forgotten: then its reader would wait for good.
        readers = [self._told[watch_id].reader for watch_id in unknown if watch_id in self._told]
        sessions = {reader.session_id: reader.epoch for reader in readers if reader.session_id is not None}
        if sessions and await _answered(partial(self._line.end_gone, sessions)) is None:
            self._lose_touch()

    async def _poll(self) -> None:
        while True:
            await self._watching.wait()
            data = await _answered(self._line.poll)
            if data is None:
                self._lose_touch()
            elif data:
                self._hand_out(_deliveries.decode(data))
                await asyncio.sleep(0)  # what came is read first: the next call takes half a millisecond to make

    def _lose_touch(self) -> None:
        """The router is a new one, or what it sent may be lost on the way: tell it everything again."""
        self._known = False
        self._watching.clear()
        self._wished.set()

    def _hand_out(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            watching, segment = self._told.get(delivery.watch), delivery.segment
            if watching is None:
                continue
            watching.granted_bytes -= segment.size_bytes
            watching.held_bytes += segment.size_bytes
            if not watching.reader.feed(segment):
                self._make_room(watching, segment)

    def _make_room(self, watching: _Watching, segment: Segment) -> None:
        watching.held_bytes -= segment.size_bytes
        if watching.wants_more and watching.id in self._told:
            self._hungry[watching] = None
            self._wished.set()


async def _answered(call: Callable[[], Awaitable[T]]) -> T | None:
    """What *call* comes back with, or after a pause nothing: it may have been heard or not.

    Raises:
        RouterGone: nobody will hear it.
    """
    try:
        return await call()
    except RouterGone:
        raise
    except Exception as error:  # whatever the transport raises; what it means is known only to the transport
        log.warning("the router did not answer and is asked again: %s", type(error).__name__)
        await asyncio.sleep(_PAUSE_S)
        return None
