"""A router without a network: routes, and drivers that wait until there is something for them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec

from ..api.options import RouterLimits
from .segments import Over, decode_segments
from .subscriptions import Routes, Wishes

POLL_S = 30.0
"""A poll without news comes back after this time, so that its driver knows that the router lives."""

_encoder = msgspec.msgpack.Encoder()
_wishes = msgspec.msgpack.Decoder(Wishes)


@dataclass(slots=True, eq=False)
class _Desk:
    """Where one driver's polls wait. The latest of them gets what comes: nobody waits for an earlier one any more."""

    asked_at: float
    news: asyncio.Event = field(default_factory=asyncio.Event)
    polls: int = 0


class Router:
    """Takes segments and hands them to drivers. No call waits for a driver but that driver's own poll."""

    def __init__(self, limits: RouterLimits, now: Callable[[], float]) -> None:
        self.routes = Routes(limits)
        self._now = now
        self._idle_driver_s = limits.idle_driver_s
        self._desks: dict[str, _Desk] = {}  # the one that did not ask for longest stands first

    def publish(self, data: bytes) -> None:
        """Take encoded segments."""
        self._announce(self.routes.publish(decode_segments(data)))
        self._forget_idle()

    def end(self, sessions: Mapping[str, int], over: Over) -> None:
        """Nothing more will come from *sessions*, ids with their epochs."""
        self._announce(self.routes.end(sessions, over))

    def positions(self) -> bytes:
        """How far each session is, encoded."""
        shelf = self.routes.shelf
        return _encoder.encode({session_id: shelf.position(session_id) for session_id in shelf})

    def watch(self, driver_id: str, data: bytes) -> list[int] | None:
        """Take a driver's encoded ``Wishes``. ``Routes.heed`` says what comes back."""
        wishes = _wishes.decode(data)
        unknown = self.routes.heed(driver_id, wishes)
        if unknown is None:
            return None
        if wishes.whole and (before := self._desks.pop(driver_id, None)):
            before.news.set()
        self._desk(driver_id)
        if self.routes.has_news(driver_id):
            self._announce((driver_id,))
        self._forget_idle()
        return unknown

    async def poll(self, driver_id: str) -> bytes | None:
        """Encoded deliveries once there are any, or nothing after a while. ``None`` for a driver not known here."""
        if not self.routes.knows(driver_id):
            return None
        desk = self._desk(driver_id)
        desk.polls = poll = desk.polls + 1
        with suppress(TimeoutError):
            async with asyncio.timeout(min(POLL_S, self._idle_driver_s / 2)):
                await desk.news.wait()
        if self._desks.get(driver_id) is not desk:
            return None
        if desk.polls != poll or not desk.news.is_set():
            return b""
        deliveries = self.routes.collect(driver_id)
        if not self.routes.has_news(driver_id):
            desk.news.clear()
        return _encoder.encode(deliveries)

    def _announce(self, driver_ids: Iterable[str]) -> None:
        for driver_id in driver_ids:
            self._desks[driver_id].news.set()

    def _desk(self, driver_id: str) -> _Desk:
        desk = self._desks.pop(driver_id, None) or _Desk(0.0)
        desk.asked_at = self._now()
        self._desks[driver_id] = desk
        return desk

    def _forget_idle(self) -> None:
        horizon = self._now() - self._idle_driver_s
        while self._desks:
            driver_id, desk = next(iter(self._desks.items()))
            if desk.asked_at >= horizon:
                break
            del self._desks[driver_id]
            desk.news.set()
            self.routes.forget(driver_id)
