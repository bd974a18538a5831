"""The router, independent of Ray: subscriptions, and the polls of drivers that wait for deliveries."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from ..api.options import RouterLimits
from .segments import SessionEnd, decode_segments
from .subscriptions import Subscriptions, SubscriptionUpdate

POLL_S = 30.0
"""A poll without deliveries returns after this time, so that its driver knows that the router is alive."""

_encoder = msgspec.msgpack.Encoder()
_update_decoder = msgspec.msgpack.Decoder(SubscriptionUpdate)


@dataclass(slots=True, eq=False)
class _PendingPoll:
    """One driver's pending poll. Only the *latest* gets deliveries: the driver no longer waits for earlier ones."""

    called_at: float
    deliverable: asyncio.Event = field(default_factory=asyncio.Event)
    latest: int = 0


class Router:
    """Stores segments and delivers them to drivers. No call waits for a driver, except that driver's own poll.

    Data is msgpack: the methods are called from other processes. *now* is a monotonic clock.
    """

    def __init__(self, limits: RouterLimits, now: Callable[[], float]) -> None:
        self.subscriptions = Subscriptions(limits)
        self._now = now
        self._idle_driver_s = limits.idle_driver_s
        self._polls: dict[str, _PendingPoll] = {}  # by driver; the one whose last call is longest ago comes first

    def publish(self, data: bytes) -> None:
        """Store encoded segments. Those that it has already are ignored."""
        self._wake_polls(self.subscriptions.publish(decode_segments(data)))
        self._remove_idle_drivers()

    def end_sessions(self, sessions: Mapping[str, int], session_end: SessionEnd) -> None:
        """Record that *sessions*, ids with their epochs, have ended."""
        self._wake_polls(self.subscriptions.end_sessions(sessions, session_end))

    def positions(self) -> bytes:
        """The encoded position of each session."""
        log = self.subscriptions.log
        return _encoder.encode({session_id: log.position(session_id) for session_id in log})

    def update_subscriptions(self, driver_id: str, data: bytes) -> list[int] | None:
        """Apply a driver's encoded ``SubscriptionUpdate``; returns what ``Subscriptions.apply`` does."""
        update = _update_decoder.decode(data)
        unknown = self.subscriptions.apply(driver_id, update)
        if unknown is None:
            return None
        if update.replace_all and (before := self._polls.pop(driver_id, None)):
            before.deliverable.set()  # it returns without deliveries
        self._touch(driver_id)
        if self.subscriptions.has_deliverable(driver_id):
            self._wake_polls((driver_id,))
        self._remove_idle_drivers()
        return unknown

    async def poll(self, driver_id: str) -> bytes | None:
        """Encoded deliveries as soon as there are any, or empty bytes after a timeout.

        ``None``: the driver is unknown.
        """
        if not self.subscriptions.has_driver(driver_id):
            return None
        pending = self._touch(driver_id)
        pending.latest = number = pending.latest + 1
        with suppress(TimeoutError):
            async with asyncio.timeout(min(POLL_S, self._idle_driver_s / 2)):
                await pending.deliverable.wait()
        if self._polls.get(driver_id) is not pending:
            return None
        if pending.latest != number or not pending.deliverable.is_set():
            return b""
        deliveries = self.subscriptions.collect(driver_id)
        if not self.subscriptions.has_deliverable(driver_id):
            pending.deliverable.clear()
        return _encoder.encode(deliveries)

    def _wake_polls(self, driver_ids: Iterable[str]) -> None:
        for driver_id in driver_ids:
            self._polls[driver_id].deliverable.set()

    def _touch(self, driver_id: str) -> _PendingPoll:
        """Record a call of the driver: it is not idle."""
        pending = self._polls.pop(driver_id, None) or _PendingPoll(0.0)
        pending.called_at = self._now()
        self._polls[driver_id] = pending
        return pending

    def _remove_idle_drivers(self) -> None:
        horizon = self._now() - self._idle_driver_s
        while self._polls:
            driver_id, pending = next(iter(self._polls.items()))
            if pending.called_at >= horizon:
                break
            del self._polls[driver_id]
            pending.deliverable.set()
            self.subscriptions.remove_driver(driver_id)
