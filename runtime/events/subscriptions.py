"""The pure core of a router: which driver subscribes to which sessions, and which segments it has received."""

from collections.abc import Iterable, Iterator, KeysView
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from ..api.options import RouterLimits
from .event_log import EventLog
from .segments import START, EndedSessions, HeldSession, Position, Segment, SessionEnd

_MANY_CURSORS = 1_000

D = TypeVar("D")
"""What stands for a driver: any hashable object."""


class Subscription(msgspec.Struct, frozen=True, array_like=True):
    """A reader's subscription to the events of *session_id*, or of all sessions if that is ``None``.

    The router delivers what follows the *cursors*, and everything that it holds of a session without one, but no more
    than about *credit_bytes* until the driver grants more. *id* is chosen by the driver.
    """

    id: int
    session_id: str | None
    credit_bytes: int
    cursors: dict[str, Position] = {}


class SubscriptionUpdate(msgspec.Struct, frozen=True, array_like=True):
    """Changes to a driver's subscriptions: those *added* and *removed*, and *more_bytes* of credit for some."""

    added: list[Subscription] = []
    more_bytes: dict[int, int] = {}
    removed: list[int] = []


class Delivery(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A segment for one subscription."""

    subscription_id: int
    segment: Segment


@dataclass(slots=True, eq=False)
class _ActiveSubscription(Generic[D]):
    """A subscription and its progress.

    *pending* are the sessions with undelivered segments, oldest first; *dropped* are the end markers of those whose
    logs were dropped meanwhile, and *notices* what it is to be told of some.
    """

    id: int
    session_id: str | None
    driver: "_Driver[D]"
    credit_bytes: int
    cursors: dict[str, Position]
    pending: dict[str, None] = field(default_factory=dict[str, None])
    dropped: dict[str, Segment] = field(default_factory=dict[str, Segment])
    notices: dict[str, Segment] = field(default_factory=dict[str, Segment])

    def position(self, session_id: str) -> Position:
        """How far the session has been delivered."""
        return self.cursors.get(session_id, START)

    def add_pending(self, session_id: str) -> bool:
        """The session has undelivered segments. Returns true if the subscription is now deliverable."""
        self.pending[session_id] = None
        return self.queue_if_deliverable()

    def queue_if_deliverable(self) -> bool:
        """Queue it behind the driver's other subscriptions if it has both pending segments and credit."""
        if not self.pending or self.credit_bytes <= 0:
            return False
        self.driver.deliverable[self] = None
        return True


@dataclass(slots=True, eq=False)
class _Driver(Generic[D]):
    """A driver. *ready* are deliveries of new segments, collected already, of *ready_bytes* together.

    While it is *paused*, nothing is.
    """

    key: D
    subscriptions: dict[int, _ActiveSubscription[D]] = field(default_factory=dict[int, _ActiveSubscription[D]])
    deliverable: dict[_ActiveSubscription[D], None] = field(default_factory=dict[_ActiveSubscription[D], None])
    ready: list[Delivery] = field(default_factory=list[Delivery])
    ready_bytes: int = 0
    is_paused: bool = False

    @property
    def has_deliverable(self) -> bool:
        """True if there is something to collect."""
        return bool(self.ready or self.deliverable)


class Subscriptions(Generic[D]):
    """Stores segments in an event log, and delivers to each driver those that it has not received yet.

    A slow driver costs the others nothing.
    """

    def __init__(self, limits: RouterLimits, whole_since: int = 0) -> None:
        self.log = EventLog(limits, self._keep_end_marker, whole_since)
        self._limits = limits
        self._drivers: dict[D, _Driver[D]] = {}
        self._by_session: dict[str, dict[_ActiveSubscription[D], None]] = {}
        self._to_all: dict[_ActiveSubscription[D], None] = {}

    @property
    def drivers(self) -> KeysView[D]:
        """Those that have sent an update and were not removed since."""
        return self._drivers.keys()

    def has_deliverable(self, driver: D) -> bool:
        """True if ``collect`` would return something for the driver."""
        return driver in self._drivers and self._drivers[driver].has_deliverable

    def cursor_count(self, driver: D) -> int:
        """How many positions are kept for the driver's subscriptions."""
        return sum(len(subscription.cursors) for subscription in self._drivers[driver].subscriptions.values())

    def publish(self, segments: Iterable[Segment], host_id: str = "") -> set[D]:
        """Store *segments* of *host_id*, except those stored already. Returns the drivers that can now collect some."""
        drivers: set[D] = set()
        for segment in segments:
            if self.log.append(segment, host_id):
                for subscription in self._subscribed_to(segment.session_id):
                    if self._make_ready(subscription, segment) or subscription.add_pending(segment.session_id):
                        drivers.add(subscription.driver.key)
        return drivers

    def end_sessions(self, ended: EndedSessions) -> set[D]:
        """Record that sessions have ended. Returns the drivers that can now collect that."""
        drivers: set[D] = set()
        event = ended.last_event()
        for session_id, epoch in ended.sessions.items():
            if ended.session_end is SessionEnd.LOST:
                if self.log.lose_session(session_id, epoch, ended.host_id, event):
                    self._add_notice(session_id, self._subscribed_to(session_id))
                    drivers |= self._add_pending(session_id)
            elif self.log.end_session(session_id, epoch, ended.session_end, event):
                drivers |= self._add_pending(session_id)
        return drivers

    def take_over(self, session: HeldSession, host_id: str) -> tuple[int, set[D]]:
        """As ``EventLog.take_over``. Also returns the drivers that can now collect that events are no longer held."""
        log, session_id = self.log, session.session_id
        before = log.position(session_id)
        last_seq = log.take_over(session_id, session.epoch, session.incarnation, host_id, session.last_seq)
        return last_seq, self._add_pending(session_id) if log.position(session_id) > before else set()

    def apply(self, key: D, update: SubscriptionUpdate) -> list[int]:
        """Apply a subscription update of a driver. Returns the ids of added subscriptions to unknown sessions."""
        driver = self._drivers.get(key)
        if driver is None:
            driver = self._drivers[key] = _Driver(key)
        for subscription_id in update.removed:
            self._remove(driver, subscription_id)
        for subscription in update.added:
            self._add(driver, subscription)
        for subscription_id, more_bytes in update.more_bytes.items():
            if active := driver.subscriptions.get(subscription_id):
                active.credit_bytes += more_bytes
                active.queue_if_deliverable()
        to_one = ((each, each.session_id) for each in update.added if each.session_id is not None)
        return [each.id for each, name in to_one if not self.log.knows(name, each.cursors.get(name, START)[0])]

    def remove_driver(self, key: D) -> None:
        """End all subscriptions of a driver."""
        driver = self._drivers.pop(key, None)
        if driver:
            for subscription_id in tuple(driver.subscriptions):
                self._remove(driver, subscription_id)

    def pause(self, key: D) -> None:
        """Leave everything for the driver in the log until the next ``collect``."""
        if driver := self._drivers.get(key):
            driver.is_paused = True

    def collect(self, key: D) -> list[Delivery]:
        """The segments that the driver has not received yet, in order for each session.

        At most about ``push_bytes``; the rest is left for the next call. Nothing if the driver is unknown.
        """
        driver = self._drivers.get(key)
        if driver is None:
            return []
        deliveries, room_bytes = driver.ready, self._limits.push_bytes - driver.ready_bytes
        driver.ready, driver.ready_bytes, driver.is_paused = [], 0, False
        while driver.deliverable and room_bytes > 0:
            subscription = next(iter(driver.deliverable))
            del driver.deliverable[subscription]
            room_bytes = self._collect(subscription, deliveries, room_bytes)
            subscription.queue_if_deliverable()
        return deliveries

    def _make_ready(self, subscription: _ActiveSubscription[D], segment: Segment) -> bool:
        """Collect the new *segment* at once, without looking for it in the log.

        Only if it is certain to be the next one, and nothing else waits for the driver: it would be overtaken.
        """
        driver, session_id, cursors = subscription.driver, segment.session_id, subscription.cursors
        known, position = cursors.get(session_id, START), segment.position
        if (
            driver.is_paused
            or driver.deliverable
            or driver.ready_bytes >= self._limits.push_bytes
            or subscription.credit_bytes <= 0
            or known[0] != segment.epoch
            or known >= position
        ):
            return False
        size_bytes = segment.size_bytes
        cursors[session_id] = position
        subscription.credit_bytes -= size_bytes
        driver.ready.append(Delivery(subscription.id, segment))
        driver.ready_bytes += size_bytes
        return True

    def _collect(self, subscription: _ActiveSubscription[D], deliveries: list[Delivery], room_bytes: int) -> int:
        while subscription.pending and subscription.credit_bytes > 0 and room_bytes > 0:
            session_id = next(iter(subscription.pending))
            del subscription.pending[session_id]
            for segment in self._undelivered(subscription, session_id):
                if subscription.credit_bytes <= 0 or room_bytes <= 0:
                    subscription.pending[session_id] = None  # behind the other sessions
                    break
                deliveries.append(Delivery(subscription.id, segment))
                if segment.is_notice:
                    del subscription.notices[session_id]
                else:
                    subscription.cursors[session_id] = segment.position
                subscription.credit_bytes -= segment.size_bytes
                room_bytes -= segment.size_bytes
        if len(subscription.cursors) > 2 * len(self.log) + _MANY_CURSORS:
            held = {session_id: at for session_id, at in subscription.cursors.items() if session_id in self.log}
            subscription.cursors = held
        return room_bytes

    def _undelivered(self, subscription: _ActiveSubscription[D], session_id: str) -> Iterator[Segment]:
        if end_marker := subscription.dropped.pop(session_id, None):
            yield end_marker
        for segment in self.log.segments_after(session_id, subscription.position(session_id)):
            if (notice := subscription.notices.get(session_id)) and segment.first >= notice.first:
                yield notice  # before what another process has published since
            yield segment
        if notice := subscription.notices.get(session_id):
            yield notice

    def _add(self, driver: _Driver[D], subscription: Subscription) -> None:
        self._remove(driver, subscription.id)
        session_id = subscription.session_id
        active = _ActiveSubscription(
            subscription.id, session_id, driver, subscription.credit_bytes, dict(subscription.cursors)
        )
        driver.subscriptions[active.id] = active
        if session_id is None:
            self._to_all[active] = None
        else:
            self._by_session.setdefault(session_id, {})[active] = None
        for each in self.log if session_id is None else (session_id,):
            self._add_notice(each, (active,))
            if active.position(each) < self.log.position(each) or each in active.notices:
                active.add_pending(each)

    def _remove(self, driver: _Driver[D], subscription_id: int) -> None:
        subscription = driver.subscriptions.pop(subscription_id, None)
        if subscription is None:
            return
        driver.deliverable.pop(subscription, None)
        if driver.ready:
            driver.ready = [each for each in driver.ready if each.subscription_id != subscription_id]
        self._to_all.pop(subscription, None)
        session_id = subscription.session_id
        if session_id is not None:
            to_session = self._by_session[session_id]
            del to_session[subscription]
            if not to_session:
                del self._by_session[session_id]

    def _add_notice(self, session_id: str, subscriptions: Iterable[_ActiveSubscription[D]]) -> None:
        """Have *subscriptions* told that no process has the session, if that is so."""
        if notice := self.log.notice(session_id):
            for each in subscriptions:
                each.notices[session_id] = notice

    def _add_pending(self, session_id: str) -> set[D]:
        return {each.driver.key for each in self._subscribed_to(session_id) if each.add_pending(session_id)}

    def _keep_end_marker(self, end_marker: Segment) -> None:
        """Keep the end marker of a dropped log for the subscriptions to which the log was not fully delivered."""
        session_id = end_marker.session_id
        for subscription in self._subscribed_to(session_id):
            if session_id in subscription.pending and subscription.position(session_id) < end_marker.position:
                subscription.dropped[session_id] = end_marker
                if len(subscription.dropped) > self._limits.ended_sessions:
                    forgotten = next(iter(subscription.dropped))
                    del subscription.dropped[forgotten]
                    subscription.cursors.pop(forgotten, None)  # or it would wait for an end that it was not told of

    def _subscribed_to(self, session_id: str) -> tuple[_ActiveSubscription[D], ...]:
        return (*self._by_session.get(session_id, ()), *self._to_all)
