"""The router, independent of Ray: stores segments, and pushes to each driver those that it subscribes to."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from functools import partial

import msgspec

from ..api.errors import DeathReason
from ..api.options import RouterLimits
from ..metrics import catalog
from ..metrics.aggregate import Aggregate
from ..metrics.counts import Report, Values
from ..streams.peer import Peer
from .restarts.host_reports import HostReports
from .segments import (
    START,
    EndedSessions,
    HeldSession,
    LivingSessions,
    RouterGaps,
    Segment,
    SessionEnd,
    decode_segments,
    encode_segments,
)
from .subscriptions import Subscriptions, SubscriptionUpdate

log = logging.getLogger(__name__)

_encoder = msgspec.msgpack.Encoder()
_report_decoder = msgspec.msgpack.Decoder(Report)
_update_decoder = msgspec.msgpack.Decoder(SubscriptionUpdate)


class Router:
    """Stores segments and pushes them to drivers. Nothing waits for a driver.

    A driver is a peer that has sent a subscription update; its subscriptions end with its connection. What arrives
    within one iteration of the event loop shares a push. While a driver is not writable, its segments stay in the log.

    Data is msgpack: the methods are called from other processes. Sessions with an epoch below *whole_since* may have
    had events before the router started. If it *was_restarted*, hosts have to report what it lacks.
    """

    def __init__(self, limits: RouterLimits, whole_since: int = 0, was_restarted: bool = False) -> None:
        self.subscriptions = Subscriptions[Peer](limits, whole_since)
        self.reports = HostReports(self.subscriptions.log, not was_restarted)
        self.metrics = Aggregate()
        """What the hosts have reported."""
        self.takes_segments = True
        """False before it moves: then hosts keep what they publish, for the process after this one."""
        self._due: dict[Peer, None] = {}
        """The drivers that get a push in the next iteration, if they are writable."""

    def publish(self, data: bytes, host_id: str = "") -> bytes | None:
        """Store encoded segments of a host. Those that it has already are ignored.

        Returns the encoded ids and epochs of sessions that another incarnation has taken over, if there are any.
        """
        log = self.subscriptions.log
        self._schedule(self.subscriptions.publish(decode_segments(data), host_id))
        if not log.fenced:
            return None
        fenced, log.fenced = log.fenced, []
        return _encoder.encode(fenced)

    def find_gaps(self, sessions: Sequence[HeldSession]) -> RouterGaps:
        """Of which *sessions* events are lacking here, which their host has published, and which it hosts no more."""
        gaps = RouterGaps([], [])
        for place, held in enumerate(sessions):
            is_lacking, is_fenced = self.subscriptions.log.gaps(held)
            if is_lacking:
                gaps.lacking.append(place)
            if is_fenced:
                gaps.fenced.append(place)
        return gaps

    def take_over(self, session: HeldSession, host_id: str) -> int:
        """Let in only this incarnation of *session*, which *host_id* has. Returns the last number that is used up.

        That is *last_seq* of *session* if nothing is known of it.
        """
        last_seq, drivers = self.subscriptions.take_over(session, host_id)
        self._schedule(drivers)
        return last_seq

    def forget(self, sessions: Iterable[HeldSession]) -> None:
        """Drop what is held of *sessions*, which have left the memory of their host. Readers who lag are told."""
        for session in sessions:
            self.subscriptions.log.forget(session)

    def held_segments(self, session: HeldSession) -> bytes:
        """The encoded segments of *session* that are held."""
        return encode_segments(list(self.subscriptions.log.segments_after(session.session_id, (session.epoch, 0))))

    def end_sessions(self, ended: EndedSessions) -> None:
        """Record that sessions have ended."""
        self._schedule(self.subscriptions.end_sessions(ended))

    def end_missing_sessions(self, living: LivingSessions) -> None:
        """Record that sessions have died, or are lost, except those that are *living*, or may be."""
        end = SessionEnd.LOST if living.are_durable else SessionEnd.DIED
        missing: dict[tuple[int, str], dict[str, int]] = {}  # those with the same epoch have different ids
        for log in self.subscriptions.log.missing(living):
            missing.setdefault((log.epoch, log.host_id), {})[log.session_id] = log.epoch
        for (_, host_id), alike in missing.items():
            reason = living.reasons.get(host_id, DeathReason.CRASHED)
            self.end_sessions(EndedSessions(alike, end, reason, host_id))

    async def positions(self) -> bytes:
        """The encoded ``Positions`` of all sessions, once all that exist are known here."""
        return _encoder.encode(await self.reports.positions())

    def encoded_segments(self, most_bytes: int) -> bytes:
        """The encoded segments that are held, of as many sessions as *most_bytes* have room for."""
        segments: list[Segment] = []
        for session_id in self.subscriptions.log:
            of_session = list(self.subscriptions.log.segments_after(session_id, START))
            most_bytes -= sum(segment.size_bytes for segment in of_session)
            if most_bytes < 0:
                break
            segments += of_session
        return encode_segments(segments)

    @property
    def has_deliverable(self) -> bool:
        """True if a driver has not been sent all that it subscribes to, and has room for."""
        return any(map(self.subscriptions.has_deliverable, self.subscriptions.drivers))

    def update_subscriptions(self, driver: Peer, data: bytes) -> list[int]:
        """Apply a driver's encoded ``SubscriptionUpdate``; returns what ``Subscriptions.apply`` does."""
        update = _update_decoder.decode(data)
        if driver not in self.subscriptions.drivers:
            driver.on_writable = partial(self._schedule, (driver,))
            driver.on_lost = partial(self._remove, driver)
        unknown = self.subscriptions.apply(driver, update)
        self._schedule((driver,))
        return unknown

    def report(self, host: Peer, data: bytes) -> None:
        """Add the encoded ``Report`` of *host*."""
        report = _report_decoder.decode(data)
        self.metrics.add(host, report.counters, report.gauges)
        host.on_lost = partial(self.metrics.remove, host)

    def gauges(self, number: int) -> Values:
        """The gauges of this router, which has that *number*."""
        subscriptions, label = self.subscriptions, str(number)
        lagging = sum(map(subscriptions.has_deliverable, subscriptions.drivers))
        return [
            ((catalog.ROUTER_SESSIONS.name, label), len(subscriptions.log)),
            ((catalog.ROUTER_BYTES.name, label), subscriptions.log.size_bytes),
            ((catalog.ROUTER_HOSTS.name, label), self.metrics.processes),
            ((catalog.ROUTER_READERS.name, label), len(subscriptions.drivers)),
            ((catalog.ROUTER_LAGGING.name, label), lagging),
        ]

    def _schedule(self, drivers: Iterable[Peer]) -> None:
        is_scheduled = bool(self._due)
        self._due.update(dict.fromkeys(drivers))
        if self._due and not is_scheduled:
            asyncio.get_running_loop().call_soon(self._push_due)

    def _push_due(self) -> None:
        due, self._due = self._due, {}
        for driver in due:
            try:
                self._push(driver)
            except Exception as error:  # of this driver only; the router serves others
                log.error("the push to %s failed", driver.id, exc_info=error)
        self._schedule(each for each in due if each.is_writable and self.subscriptions.has_deliverable(each))

    def _push(self, driver: Peer) -> None:
        if driver.is_writable and (deliveries := self.subscriptions.collect(driver)):
            driver.push(_encoder.encode(deliveries))
        if not driver.is_writable:
            self.subscriptions.pause(driver)

    def _remove(self, driver: Peer) -> None:
        self._due.pop(driver, None)
        self.subscriptions.remove_driver(driver)
