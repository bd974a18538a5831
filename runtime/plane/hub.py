"""The hub: one driver's way to one router. It has one poll in flight, and hands what comes to its readers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TypeVar

import msgspec

from ..errors import RuntimeClosed
from .line import Line, RouterGone
from .reader import Reader
from .routes import Delivery, Watch, Wishes
from .segments import Position, Segment

log = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE_S = 0.2

_encoder = msgspec.msgpack.Encoder()
_deliveries = msgspec.msgpack.Decoder(list[Delivery])
_positions = msgspec.msgpack.Decoder(dict[str, Position])


@dataclass(slots=True)
class _Watching:
    """A reader with room for *room_bytes*: of these it holds some, and has read some since it last asked for more."""

    reader: Reader
    room_bytes: int
    placed: bool
    held_bytes: int = 0
    read_bytes: int = 0

    @property
    def wants_more(self) -> bool:
        """Whether it is time to ask for more: early enough that a fast reader never waits for it."""
        return self.read_bytes * 2 >= self.room_bytes

    def watch(self, watch_id: int) -> Watch:
        """All that it wants."""
        self.read_bytes = 0
        room_bytes = max(0, self.room_bytes - self.held_bytes)
        return Watch(watch_id, self.reader.session_id, room_bytes, self.reader.cursors)

    def more_bytes(self) -> int:
        """What there is room for again."""
        more, self.read_bytes = self.read_bytes, 0
        return more


class Hub:
    """Readers' source of segments. A router that fails is asked again until it answers, and told everything again.

    Readers then go on from what they have.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ids = count(1)
        self._watch_ids: dict[Reader, int] = {}
        self._watchings: dict[int, _Watching] = {}
        self._known = False  # whether the router was told of all that is neither unplaced, begun, hungry nor ended
        self._unplaced: list[int] = []  # readers of what comes from now on, who don't know yet where that is
        self._begun: list[int] = []
        self._hungry: set[int] = set()
        self._ended: list[int] = []
        self._wished = asyncio.Event()  # while there is something to tell
        self._watching = asyncio.Event()  # while there is anything to poll for
        self._error: Exception | None = None

    def begin(self, reader: Reader, room_bytes: int) -> None:
        """Send *reader* what comes after what it has, and never more than it has room for."""
        if self._error:
            reader.fail(self._error)
            return
        watch_id = self._watch_ids[reader] = next(self._ids)
        self._watchings[watch_id] = _Watching(reader, room_bytes, placed=not reader.from_now)
        (self._unplaced if reader.from_now else self._begun).append(watch_id)
        self._wished.set()

    def make_room(self, reader: Reader, segment: Segment) -> None:
        """*reader* has read *segment*."""
        watch_id = self._watch_ids.get(reader)
        if watch_id is None:
            return
        watching = self._watchings[watch_id]
        watching.held_bytes -= segment.size_bytes
        watching.read_bytes += segment.size_bytes
        if watching.wants_more:
            self._hungry.add(watch_id)
            self._wished.set()

    def end(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        watch_id = self._watch_ids.pop(reader, None)
        if watch_id is None:
            return
        del self._watchings[watch_id]
        self._ended.append(watch_id)
        self._wished.set()
        if not self._watchings:
            self._watching.clear()

    def fail(self, error: Exception) -> None:
        """Nothing more will come for any reader, nor for one that begins."""
        self._error = error
        for reader in tuple(self._watch_ids):
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

    async def _tell_all(self, wishes: Wishes) -> None:
        unknown = await _answered(partial(self._line.watch, _encoder.encode(wishes)))
        if unknown is None:
            self._lose_touch()
            return
        if self._known and self._watchings:
            self._watching.set()
        # A session without events yet, or one that ended and was forgotten: then its reader would wait for good.
        readers = [self._watchings[watch_id].reader for watch_id in unknown if watch_id in self._watchings]
        sessions = {reader.session_id: reader.epoch for reader in readers if reader.session_id is not None}
        if sessions and await _answered(partial(self._line.end_gone, sessions)) is None:
            self._lose_touch()

    async def _place(self) -> None:
        newcomers, self._unplaced = self._unplaced, []
        data = await _answered(self._line.positions)
        present = [watch_id for watch_id in newcomers if watch_id in self._watchings]
        if data is None:
            self._unplaced += present
            self._wished.set()
            return
        positions = _positions.decode(data)
        for watch_id in present:
            self._watchings[watch_id].reader.place(positions)
            self._watchings[watch_id].placed = True
        self._begun += present

    def _wishes(self) -> Wishes | None:
        """What the router is to be told, as if it were told now."""
        whole, begun, hungry, ended = not self._known, self._begun, self._hungry, self._ended
        self._begun, self._hungry, self._ended = [], set(), []
        self._known = True
        if whole:
            placed = ((watch_id, watching) for watch_id, watching in self._watchings.items() if watching.placed)
            return Wishes(True, [watching.watch(watch_id) for watch_id, watching in placed])
        watches = [self._watchings[watch_id].watch(watch_id) for watch_id in begun if watch_id in self._watchings]
        more = {watch_id: self._watchings[watch_id].more_bytes() for watch_id in hungry if watch_id in self._watchings}
        return Wishes(False, watches, more, ended) if watches or more or ended else None

    async def _poll(self) -> None:
        while True:
            await self._watching.wait()
            data = await _answered(self._line.poll)
            if data is None:
                self._lose_touch()
            elif data:
                self._hand_out(_deliveries.decode(data))

    def _lose_touch(self) -> None:
        """The router is a new one, or what it sent may be lost on the way: tell it everything again."""
        self._known = False
        self._watching.clear()
        self._wished.set()

    def _hand_out(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if watching := self._watchings.get(delivery.watch):
                watching.held_bytes += delivery.segment.size_bytes
                if not watching.reader.feed(delivery.segment):
                    self.make_room(watching.reader, delivery.segment)


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
