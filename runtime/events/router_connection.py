"""A router connection: one driver's subscriptions to one router, and the poll that brings their segments."""

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
from .subscriptions import Delivery, Subscription, SubscriptionUpdate
from .transport import RouterGone, Transport

log = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE_S = 0.2

_NO_CHANGE = SubscriptionUpdate(replace_all=False)

_encoder = msgspec.msgpack.Encoder()
_deliveries_decoder = msgspec.msgpack.Decoder(list[Delivery])
_positions_decoder = msgspec.msgpack.Decoder(dict[str, Position])


@dataclass(slots=True, eq=False)
class _Subscriber:
    """A reader with a buffer of *limit_bytes*.

    *held_bytes* of it are filled with unread segments, and *credit_bytes* are what the router may still send.
    """

    id: int
    reader: Reader
    limit_bytes: int
    held_bytes: int = 0
    credit_bytes: int = 0

    @property
    def needs_credit(self) -> bool:
        """True if half of the buffer is free and not granted: early enough that a fast reader never waits."""
        return 2 * (self.limit_bytes - self.held_bytes - self.credit_bytes) >= self.limit_bytes

    def subscription(self) -> Subscription:
        """A new subscription from where the reader is, with all the credit that it has room for."""
        self.credit_bytes = 0
        return Subscription(self.id, self.reader.session_id, self.grant_credit(), self.reader.cursors)

    def grant_credit(self) -> int:
        """Raise the credit to all free room; returns by how much."""
        more_bytes = max(0, self.limit_bytes - self.held_bytes - self.credit_bytes)
        self.credit_bytes += more_bytes
        return more_bytes


class RouterConnection:
    """Keeps one poll in flight, and gives the segments to their readers.

    If a call fails or the router restarts, all subscriptions are sent again and readers continue from where they are.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ids = count(1)
        self._subscribers: dict[Reader, _Subscriber] = {}
        self._subscribed: dict[int, _Subscriber] = {}  # those that the router was sent
        # What the router has not been sent yet. Unless *in_sync*, it must be sent everything.
        self._in_sync = False
        self._without_start: dict[_Subscriber, None] = {}  # read from now on; the router's positions say where that is
        self._added: dict[_Subscriber, None] = {}
        self._needing_credit: dict[_Subscriber, None] = {}
        self._removed: list[int] = []
        self._update_due = asyncio.Event()
        self._poll_due = asyncio.Event()  # while there are subscriptions
        self._error: Exception | None = None

    def subscribe(self, reader: Reader, limit_bytes: int | None = None) -> None:
        """Send *reader* the segments after its cursors, up to *limit_bytes* (or its own limit) unread at a time."""
        if self._error:
            reader.fail(self._error)
            return
        subscriber = self._subscribers[reader] = _Subscriber(next(self._ids), reader, limit_bytes or reader.limit_bytes)
        (self._without_start if reader.from_now else self._added)[subscriber] = None
        self._update_due.set()

    def acknowledge(self, reader: Reader, segment: Segment) -> None:
        """Record that *reader* has read *segment*: its room is free again."""
        if subscriber := self._subscribers.get(reader):
            self._free_room(subscriber, segment)

    def unsubscribe(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        subscriber = self._subscribers.pop(reader, None)
        if subscriber is None:
            return
        for waiting in (self._without_start, self._added, self._needing_credit):
            waiting.pop(subscriber, None)
        if self._subscribed.pop(subscriber.id, None):
            self._removed.append(subscriber.id)
            self._update_due.set()
        if not self._subscribed:
            self._poll_due.clear()

    def fail(self, error: Exception) -> None:
        """End every reader with *error*, also those that subscribe later."""
        self._error = error
        for reader in tuple(self._subscribers):
            reader.fail(error)

    async def run(self) -> None:
        """Update subscriptions and poll until cancelled. If the router is gone for good, readers fail."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._update_router())
                group.create_task(self._poll_router())
        except* RouterGone:
            self.fail(RuntimeClosed("the router ended with the runtime that had started it; enter a runtime again"))
        finally:
            await self._transport.aclose()

    async def _update_router(self) -> None:
        while True:
            await self._update_due.wait()
            self._update_due.clear()
            if self._without_start:
                await self._set_starts()
            if update := self._next_update():
                await self._send_update(update)

    async def _set_starts(self) -> None:
        newcomers = tuple(self._without_start)
        data = await _call_or_pause(self._transport.positions)
        if data is None:
            self._update_due.set()
            return
        positions = _positions_decoder.decode(data)
        for subscriber in newcomers:
            if subscriber in self._without_start:
                subscriber.reader.start_after(positions)
                del self._without_start[subscriber]
                self._added[subscriber] = None

    def _next_update(self) -> SubscriptionUpdate | None:
        """What the router must be sent; from here on it counts as sent."""
        if not self._in_sync:
            # Segments still in flight were sent for the old ids; they must not count against the new credit.
            for subscriber in self._subscribed.values():
                subscriber.id = next(self._ids)
            self._added = dict.fromkeys((*self._subscribed.values(), *self._added))
            self._subscribed, self._needing_credit, self._removed = {}, {}, []
        added, needing_credit, removed = self._added, self._needing_credit, self._removed
        self._added, self._needing_credit, self._removed = {}, {}, []
        self._subscribed |= {subscriber.id: subscriber for subscriber in added}
        update = SubscriptionUpdate(
            replace_all=not self._in_sync,
            added=[subscriber.subscription() for subscriber in added],
            more_bytes={each.id: each.grant_credit() for each in needing_credit if each not in added},
            removed=removed,
        )
        self._in_sync = True
        return update if update != _NO_CHANGE else None

    async def _send_update(self, update: SubscriptionUpdate) -> None:
        send = partial(self._transport.update_subscriptions, _encoder.encode(update))
        unknown = await _call_or_pause(send)
        if unknown is None:
            self._resync()
            return
        if self._in_sync and self._subscribed:
            self._poll_due.set()
        # An unknown session has no events yet, or has ended and was dropped: then its reader would wait forever.
        readers = [self._subscribed[each].reader for each in unknown if each in self._subscribed]
        sessions = {reader.session_id: reader.epoch for reader in readers if reader.session_id is not None}
        if sessions and await _call_or_pause(partial(self._transport.end_lost_sessions, sessions)) is None:
            self._resync()

    async def _poll_router(self) -> None:
        while True:
            await self._poll_due.wait()
            data = await _call_or_pause(self._transport.poll)
            if data is None:
                self._resync()
            elif data:
                self._deliver(_deliveries_decoder.decode(data))
                await asyncio.sleep(0)  # readers run before the next call

    def _resync(self) -> None:
        """Send all subscriptions again: the router has restarted, or its deliveries may be lost."""
        self._in_sync = False
        self._poll_due.clear()
        self._update_due.set()

    def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            subscriber, segment = self._subscribed.get(delivery.subscription_id), delivery.segment
            if subscriber is None:
                continue
            subscriber.credit_bytes -= segment.size_bytes
            subscriber.held_bytes += segment.size_bytes
            if not subscriber.reader.feed(segment):
                self._free_room(subscriber, segment)

    def _free_room(self, subscriber: _Subscriber, segment: Segment) -> None:
        subscriber.held_bytes -= segment.size_bytes
        if subscriber.needs_credit and subscriber.id in self._subscribed:
            self._needing_credit[subscriber] = None
            self._update_due.set()


async def _call_or_pause(call: Callable[[], Awaitable[T]]) -> T | None:
    """The result of *call*. If it fails, ``None`` after a pause: the router may have received it or not.

    Raises:
        RouterGone: the router has ended for good.
    """
    try:
        return await call()
    except RouterGone:
        raise
    except Exception as error:  # any error of the transport: only the transport knows its errors
        log.warning("the call to the router failed with %s; retrying in %.1f s", type(error).__name__, _PAUSE_S)
        await asyncio.sleep(_PAUSE_S)
        return None
