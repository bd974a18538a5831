"""A router connection: one driver's subscriptions to one router, whose pushes bring their segments."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count

import msgspec

from ..api.errors import EventsMissed, RuntimeClosed
from ..streams.liveness import Liveness, no_answer
from .reader import Reader
from .readers.router_watch import RouterWatch
from .readers.subscriber import Subscriber
from .readers.unknown_sessions import UnknownSessions
from .segments import Positions, Segment
from .subscriptions import Delivery, SubscriptionUpdate
from .transport import RouterGone, Transport, UpdateRejected

log = logging.getLogger(__name__)

_PAUSE_S = 0.2

_MOST_REJECTIONS = 3
"""A subscription that the router rejects so often, alone, ends its reader."""

_NO_CHANGE = SubscriptionUpdate()

_encoder = msgspec.msgpack.Encoder()
_deliveries_decoder = msgspec.msgpack.Decoder(list[Delivery])
_positions_decoder = msgspec.msgpack.Decoder(Positions)


class RouterConnection:
    """Sends the router its readers' subscriptions, and gives the segments that the router pushes to their readers.

    When the connection breaks, a call fails or the router restarts, all subscriptions are sent again, over a new
    connection, and readers continue from where they are. The subscriptions of an update that the router rejects are
    sent again in ever smaller groups, so that one that it can't accept fails alone.

    Readers fail with ``Unreachable`` when the router has not responded for *timeout_s*, if given. It *serves* the
    events of some sessions, or of all.
    """

    def __init__(
        self,
        transport: Transport,
        serves: Callable[[str], bool] = lambda session_id: True,
        timeout_s: float | None = None,
    ) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self._ids = count(1)
        self._subscribers: dict[Reader, Subscriber] = {}
        self._subscribed: dict[int, Subscriber] = {}  # those that the router was sent over this connection
        # What the router has not been sent yet.
        self._without_start: dict[Subscriber, None] = {}  # read from now on; the router's positions say where that is
        self._added: dict[Subscriber, None] = {}
        self._needing_credit: dict[Subscriber, None] = {}
        self._removed: list[int] = []
        self._suspects: deque[list[Subscriber]] = deque()  # groups, one of which made the router reject an update
        self.unknown = UnknownSessions(transport, serves, self._feed, self._fail_as_gone)
        self.unknown.timeout_s = timeout_s
        self._starting: asyncio.Task[None] | None = None  # of its own: a router that was restarted may have to wait
        self._update_due = asyncio.Event()
        self._error: Exception | None = None
        self._liveness = Liveness(transport.ping)
        self._watch: RouterWatch | None = None
        transport.receive_pushes(self._receive, self._resubscribe)

    def subscribe(self, reader: Reader, limit_bytes: int | None = None) -> None:
        """Send *reader* the segments after its cursors, up to *limit_bytes* (or its own limit) unread at a time."""
        if self._error:
            reader.fail(self._error)
            return
        subscriber = self._subscribers[reader] = Subscriber(next(self._ids), reader, limit_bytes or reader.limit_bytes)
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
        for waiting in (self._without_start, self._added, self._needing_credit):
            waiting.pop(subscriber, None)
        self.unknown.remove(subscriber)
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
        watching: asyncio.Task[None] | None = None
        if self._timeout_s:
            has_readers = partial(bool, self._subscribers)
            self._watch = RouterWatch(self._liveness, self._timeout_s, has_readers, self._fail_silent)
            watching = asyncio.get_running_loop().create_task(self._watch.run())
        try:
            while True:
                await self._update_due.wait()
                self._update_due.clear()
                await self._update_or_pause()
        except RouterGone:
            self._fail_as_gone()
        finally:
            self.unknown.stop()
            tasks = [task for task in (self._starting, watching) if task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._transport.aclose()

    def _fail_as_gone(self) -> None:
        self.fail(RuntimeClosed("the namespace was shut down; enter a runtime again"))

    def _fail_silent(self) -> None:
        assert self._timeout_s
        for reader in tuple(self._subscribers):
            reader.fail(no_answer("the router of the session", self._timeout_s))

    async def _update_or_pause(self) -> None:
        if self._without_start and (self._starting is None or self._starting.done()):
            self._starting = asyncio.get_running_loop().create_task(self._set_starts())
        try:
            if update := self._next_update():
                await self._send_update(update)
        except RouterGone:
            raise
        except Exception as error:  # any error of the transport: only the transport knows its errors
            await _pause_after(error)
            self._update_due.set()

    async def _set_starts(self) -> None:
        while newcomers := tuple(self._without_start):
            try:
                positions = _positions_decoder.decode(await self._transport.positions())
            except RouterGone:
                self._fail_as_gone()
                return
            except Exception as error:  # as for an update
                await _pause_after(error)
                continue
            for subscriber in newcomers:
                if subscriber in self._without_start:
                    subscriber.reader.start_after(positions)
                    del self._without_start[subscriber]
                    self._added[subscriber] = None
            self._update_due.set()

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
        self._note_response()
        again = [each.id for each in update.added if each.session_id is None and self._is_again(each.id)]
        self.unknown.add([self._subscribed[each] for each in (*unknown, *again) if each in self._subscribed])

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

    def _resubscribe(self) -> None:
        """Send all subscriptions again: the connection is lost, and the router's subscriptions with it."""
        # With new ids, nothing that was sent for the old ones can count against the new credit.
        for subscriber in self._subscribed.values():
            subscriber.id, subscriber.is_again = next(self._ids), True
        self._added = dict.fromkeys((*self._subscribed.values(), *self._added))
        self._subscribed, self._needing_credit, self._removed = {}, {}, []
        self.unknown.clear()
        self._update_due.set()

    def _receive(self, push: bytes) -> None:
        self._note_response()
        for delivery in _deliveries_decoder.decode(push):
            subscriber, segment = self._subscribed.get(delivery.subscription_id), delivery.segment
            if subscriber is None:
                continue
            if subscriber in self.unknown and segment.epoch == subscriber.reader.epoch:
                self.unknown.remove(subscriber)
            subscriber.credit_bytes -= segment.size_bytes
            self._feed(subscriber, segment)

    def _feed(self, subscriber: Subscriber, segment: Segment) -> None:
        subscriber.held_bytes += segment.size_bytes
        if not subscriber.reader.feed(segment):
            self._free_room(subscriber, segment.size_bytes)

    def _note_response(self) -> None:
        if self._watch:
            self._watch.note_response()

    def _free_room(self, subscriber: Subscriber, size_bytes: int) -> None:
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
