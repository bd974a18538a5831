"""A router connection: one driver's subscriptions to one router, whose pushes bring their segments."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count

import msgspec

from ..api.errors import EventsMissed, RuntimeClosed
from ..streams.liveness import Liveness
from .reader import Reader
from .segments import END_SEQ, START, Position, Segment
from .subscriptions import Delivery, Subscription, SubscriptionUpdate
from .transport import RouterGone, Transport, UpdateRejected

log = logging.getLogger(__name__)

_PAUSE_S = 0.2
# How long the first segment of a session may take that the router does not know, before the directory is asked.
_UNKNOWN_S = 0.2

_MOST_REJECTIONS = 3
"""A subscription that the router rejects so often, alone, ends its reader."""

_NO_CHANGE = SubscriptionUpdate()

FindRecorded = Callable[[str, int], Awaitable[Segment | None]]
"""Finds how far the session of that id and epoch is recorded: a segment without events, after the last one."""

_encoder = msgspec.msgpack.Encoder()
_deliveries_decoder = msgspec.msgpack.Decoder(list[Delivery])
_positions_decoder = msgspec.msgpack.Decoder(dict[str, Position])


@dataclass(slots=True, eq=False)
class _Subscriber:
    """A reader with a buffer of *limit_bytes*.

    *held_bytes* of it are filled with unread segments, and *credit_bytes* are what the router may still send. Its
    subscription was rejected *rejections* times when it was the only one in an update.
    """

    id: int
    reader: Reader
    limit_bytes: int
    held_bytes: int = 0
    credit_bytes: int = 0
    rejections: int = 0
    is_again: bool = False
    """True if a router has had a subscription of it before: it may have died, and forgotten what the reader knows."""

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
    """Sends the router its readers' subscriptions, and gives the segments that the router pushes to their readers.

    When the connection breaks, a call fails or the router restarts, all subscriptions are sent again, over a new
    connection, and readers continue from where they are. The subscriptions of an update that the router rejects are
    sent again in ever smaller groups, so that one that it can't accept fails alone.
    """

    def __init__(self, transport: Transport, serves: Callable[[str], bool] = lambda session_id: True) -> None:
        self._transport = transport
        self._serves = serves  # whether a session's events go through this router
        self._ids = count(1)
        self._subscribers: dict[Reader, _Subscriber] = {}
        self._subscribed: dict[int, _Subscriber] = {}  # those that the router was sent over this connection
        # What the router has not been sent yet.
        self._without_start: dict[_Subscriber, None] = {}  # read from now on; the router's positions say where that is
        self._added: dict[_Subscriber, None] = {}
        self._needing_credit: dict[_Subscriber, None] = {}
        self._removed: list[int] = []
        self._suspects: deque[list[_Subscriber]] = deque()  # groups, one of which made the router reject an update
        self._unknown: dict[_Subscriber, None] = {}  # of sessions that the router does not know: have they ended?
        self._unknown_timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None  # a task of its own: while the directory is away, it waits
        self._update_due = asyncio.Event()
        self.find_recorded: FindRecorded | None = None
        """How far a session has come that is in no process, if there is a place that knows."""
        self._error: Exception | None = None
        self._liveness = Liveness(transport.ping)
        transport.receive_pushes(self._receive, self._resubscribe)

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
            self._free_room(subscriber, segment.size_bytes)

    def unsubscribe(self, reader: Reader) -> None:
        """Send *reader* nothing more."""
        subscriber = self._subscribers.pop(reader, None)
        if subscriber is None:
            return
        for waiting in (self._without_start, self._added, self._needing_credit, self._unknown):
            waiting.pop(subscriber, None)
        if self._subscribed.pop(subscriber.id, None):
            self._removed.append(subscriber.id)
            self._update_due.set()

    async def check_responds(self, within_s: float) -> None:
        """Raises:
        CallTimedOut: the router did not respond within *within_s*.
        """
        await self._liveness.check(within_s)

    def fail(self, error: Exception) -> None:
        """End every reader with *error*, also those that subscribe later."""
        self._error = error
        for reader in tuple(self._subscribers):
            reader.fail(error)

    async def run(self) -> None:
        """Keep the router's subscriptions up to date until cancelled. If it is gone for good, readers fail."""
        try:
            while True:
                await self._update_due.wait()
                self._update_due.clear()
                await self._update_or_pause()
        except RouterGone:
            self._fail_as_gone()
        finally:
            if self._unknown_timer:
                self._unknown_timer.cancel()
            if self._asking:
                self._asking.cancel()
            await self._transport.aclose()

    def _fail_as_gone(self) -> None:
        self.fail(RuntimeClosed("the namespace was shut down; enter a runtime again"))

    async def _update_or_pause(self) -> None:
        try:
            if self._without_start:
                await self._set_starts()
            if update := self._next_update():
                await self._send_update(update)
        except RouterGone:
            raise
        except Exception as error:  # any error of the transport: only the transport knows its errors
            await _pause_after(error)
            self._update_due.set()

    async def _set_starts(self) -> None:
        newcomers = tuple(self._without_start)
        positions = _positions_decoder.decode(await self._transport.positions())
        for subscriber in newcomers:
            if subscriber in self._without_start:
                subscriber.reader.start_after(positions)
                del self._without_start[subscriber]
                self._added[subscriber] = None

    def _next_update(self) -> SubscriptionUpdate | None:
        """What the router must be sent; from here on it counts as sent."""
        if self._suspects:
            return self._next_suspects()
        added, needing_credit, removed = self._added, self._needing_credit, self._removed
        self._added, self._needing_credit, self._removed = {}, {}, []
        self._subscribed |= {subscriber.id: subscriber for subscriber in added}
        update = SubscriptionUpdate(
            added=[subscriber.subscription() for subscriber in added],
            more_bytes={each.id: each.grant_credit() for each in needing_credit if each not in added},
            removed=removed,
        )
        return update if update != _NO_CHANGE else None

    def _next_suspects(self) -> SubscriptionUpdate:
        """The subscriptions of one group of suspects, and of no other reader."""
        group = [each for each in self._suspects.popleft() if self._subscribers.get(each.reader) is each]
        removed, self._removed = self._removed, []
        self._subscribed |= {subscriber.id: subscriber for subscriber in group}
        self._update_due.set()  # for what is left
        return SubscriptionUpdate(added=[subscriber.subscription() for subscriber in group], removed=removed)

    async def _send_update(self, update: SubscriptionUpdate) -> None:
        try:
            unknown = await self._transport.update_subscriptions(_encoded(update))
        except UpdateRejected as error:
            await self._isolate(update, error)
            return
        except Exception:  # the router has applied it or not
            self._transport.disconnect()
            self._resubscribe()
            raise
        again = [each.id for each in update.added if each.session_id is None and self._is_again(each.id)]
        self._unknown |= {self._subscribed[each]: None for each in (*unknown, *again) if each in self._subscribed}
        if self._unknown and self._unknown_timer is None:
            self._unknown_timer = asyncio.get_running_loop().call_later(_UNKNOWN_S, self._ask_for_unknown)

    async def _isolate(self, update: SubscriptionUpdate, error: UpdateRejected) -> None:
        """Have the subscriptions of *update*, which was rejected, sent again in two groups, or end the only one."""
        ids = [*(each.id for each in update.added), *update.more_bytes]
        group = [self._subscribed.pop(each) for each in ids if each in self._subscribed]
        self._removed += [*update.removed, *ids]  # in case they were accepted
        self._update_due.set()
        for subscriber in group:  # as after a new connection
            self._needing_credit.pop(subscriber, None)
            subscriber.id = next(self._ids)
        if len(group) > 1:
            self._suspects += [group[: len(group) // 2], group[len(group) // 2 :]]
            return
        for subscriber in group:
            subscriber.rejections += 1
            if subscriber.rejections == _MOST_REJECTIONS:
                subscriber.reader.fail(EventsMissed(f"the router does not accept the subscription: {error}"))
                self.unsubscribe(subscriber.reader)
            else:
                self._suspects.append([subscriber])
        await _pause_after(error)

    def _is_again(self, subscription_id: int) -> bool:
        subscriber = self._subscribed.get(subscription_id)
        return subscriber is not None and subscriber.is_again

    def _ask_for_unknown(self) -> None:
        self._unknown_timer = None
        if self._unknown and (self._asking is None or self._asking.done()):
            self._asking = asyncio.get_running_loop().create_task(self._end_lost_sessions())

    async def _end_lost_sessions(self) -> None:
        """An unknown session has no events yet, or has ended and was dropped: then its readers would wait forever.

        Of a reader of all sessions, those are asked about that the router of before knew, and this one does not.
        """
        while self._unknown:
            try:
                await self._ask_once()
            except RouterGone:
                self._fail_as_gone()
                return
            except Exception as error:  # as for an update
                await _pause_after(error)

    async def _ask_once(self) -> None:
        """Ask about all unknown sessions, except others that had one of their ids: those come next."""
        unknown = self._unknown  # another one after a new connection: its router has not been told
        positions: dict[str, Position] = {}
        if any(subscriber.reader.session_id is None for subscriber in unknown):
            positions = _positions_decoder.decode(await self._transport.positions())
        sessions: dict[str, int] = {}
        asked: dict[_Subscriber, set[str]] = {}
        for subscriber in unknown:
            lost = self._lost_sessions(subscriber.reader, positions)
            if [session_id for session_id, epoch in lost if sessions.setdefault(session_id, epoch) != epoch]:
                continue  # another session with the same id is asked about first
            asked[subscriber] = {session_id for session_id, _ in lost}
        undecided = await self._transport.end_lost_sessions(sessions) if sessions else []
        for subscriber, session_ids in asked.items():
            if session_ids.isdisjoint(undecided) and subscriber in unknown:
                await self._feed_recorded(subscriber)
                unknown.pop(subscriber, None)
        if undecided:
            await asyncio.sleep(_PAUSE_S)

    async def _feed_recorded(self, subscriber: _Subscriber) -> None:
        """Tell the reader of one session what its router does not know: how far it came before it left memory."""
        reader = subscriber.reader
        if self.find_recorded is None or reader.session_id is None:
            return
        segment = await self.find_recorded(reader.session_id, reader.epoch)
        if segment and not reader.ended:
            subscriber.held_bytes += segment.size_bytes
            if not reader.feed(segment):
                self._free_room(subscriber, segment.size_bytes)

    def _lost_sessions(self, reader: Reader, positions: Mapping[str, Position]) -> list[tuple[str, int]]:
        """The sessions of *reader* that may have ended: ids with epochs. The router knows those of *positions*."""
        if reader.session_id is not None:
            return [(reader.session_id, reader.epoch)]
        cursors = ((session_id, *cursor) for session_id, cursor in reader.cursors.items() if self._serves(session_id))
        return [
            (session_id, epoch)
            for session_id, epoch, seq in cursors
            if seq != END_SEQ and positions.get(session_id, START)[0] != epoch
        ]

    def _resubscribe(self) -> None:
        """Send all subscriptions again: the connection is lost, and the router's subscriptions with it."""
        # With new ids, nothing that was sent for the old ones can count against the new credit.
        for subscriber in self._subscribed.values():
            subscriber.id, subscriber.is_again = next(self._ids), True
        self._added = dict.fromkeys((*self._subscribed.values(), *self._added))
        self._subscribed, self._needing_credit, self._removed, self._unknown = {}, {}, [], {}
        self._update_due.set()

    def _receive(self, push: bytes) -> None:
        for delivery in _deliveries_decoder.decode(push):
            subscriber, segment = self._subscribed.get(delivery.subscription_id), delivery.segment
            if subscriber is None:
                continue
            if subscriber in self._unknown and segment.epoch == subscriber.reader.epoch:
                del self._unknown[subscriber]
            size_bytes = segment.size_bytes
            subscriber.credit_bytes -= size_bytes
            subscriber.held_bytes += size_bytes
            if not subscriber.reader.feed(segment):
                self._free_room(subscriber, size_bytes)

    def _free_room(self, subscriber: _Subscriber, size_bytes: int) -> None:
        subscriber.held_bytes -= size_bytes
        if subscriber.needs_credit and subscriber.id in self._subscribed:
            self._needing_credit[subscriber] = None
            self._update_due.set()


def _encoded(update: SubscriptionUpdate) -> bytes:
    """*update* on the wire.

    Raises:
        UpdateRejected: a value in it has no form there.
    """
    try:
        return _encoder.encode(update)
    except (TypeError, ValueError, OverflowError) as error:
        raise UpdateRejected(str(error)) from None


async def _pause_after(error: Exception) -> None:
    log.warning("the call to the router failed with %s; retrying in %.1f s", type(error).__name__, _PAUSE_S)
    await asyncio.sleep(_PAUSE_S)
