"""The router: an actor that takes segments from sessions and hands them to drivers."""

import asyncio
import time

import msgspec
import ray
from ray.actor import ActorProxy

from ..plane.hub import Wishes
from ..plane.routes import Routes
from ..plane.segments import decode_segments
from ..plane.shelf import RouterLimits

POLL_S = 30.0
"""A poll without news comes back after this time, so that its driver knows that the router lives."""

_encoder = msgspec.msgpack.Encoder()
_wishes = msgspec.msgpack.Decoder(Wishes)


class _Router:
    """Routes, reached by Ray calls. None of them waits for a driver but that driver's own poll."""

    def __init__(self, limits: RouterLimits) -> None:
        self._limits = limits
        self._routes = Routes(limits)
        self._news: dict[str, asyncio.Event] = {}  # by driver
        self._asked_at: dict[str, float] = {}

    @ray.method
    async def publish(self, data: bytes) -> None:
        """Take encoded segments."""
        for driver_id in self._routes.publish(decode_segments(data)):
            self._news[driver_id].set()
        self._forget_idle()

    @ray.method
    async def watch(self, driver_id: str, data: bytes) -> None:
        """Take a driver's encoded ``Wishes``."""
        wishes = _wishes.decode(data)
        self._asks(driver_id)
        news = self._news.setdefault(driver_id, asyncio.Event())
        if self._routes.watch(driver_id, wishes.begun, wishes.ended):
            news.set()

    @ray.method
    async def poll(self, driver_id: str) -> bytes | None:
        """Encoded deliveries once there are any, or nothing after ``POLL_S``.

        ``None`` for a driver without watches here.
        """
        if not self._routes.knows(driver_id):
            return None
        self._asks(driver_id)
        news = self._news[driver_id]
        try:
            async with asyncio.timeout(POLL_S):
                await news.wait()
        except TimeoutError:
            return b""
        if not self._routes.knows(driver_id):
            return None
        deliveries = self._routes.collect(driver_id)
        if not self._routes.has_news(driver_id):
            news.clear()
        return _encoder.encode(deliveries)

    @ray.method
    async def end(self, session_id: str) -> None:
        """Nothing more will come from the session: its actor died."""
        self._routes.shelf.end(session_id)

    @ray.method
    async def ready(self) -> None:
        """Come back when the router runs."""

    def _asks(self, driver_id: str) -> None:
        self._asked_at.pop(driver_id, None)  # so that the one that did not ask for longest stands first
        self._asked_at[driver_id] = time.monotonic()

    def _forget_idle(self) -> None:
        oldest = next(iter(self._asked_at), None)
        horizon = time.monotonic() - self._limits.idle_driver_s
        while oldest is not None and self._asked_at[oldest] < horizon:
            del self._asked_at[oldest]
            self._news.pop(oldest).set()
            self._routes.forget(oldest)
            oldest = next(iter(self._asked_at), None)


RouterActor = ray.remote(_Router)
RouterHandle = ActorProxy[_Router]
