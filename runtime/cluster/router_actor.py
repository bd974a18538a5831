"""The router's actor."""

import time

import ray
from ray.actor import ActorProxy

from ..api.options import RouterLimits
from ..events.router import Router
from ..events.segments import Over


class _Router:
    """A router, reached by Ray calls."""

    def __init__(self, limits: RouterLimits) -> None:
        self._router = Router(limits, time.monotonic)

    @ray.method
    async def publish(self, data: bytes) -> None:
        """Take encoded segments."""
        self._router.publish(data)

    @ray.method
    async def end(self, sessions: dict[str, int], over: Over) -> None:
        """Nothing more will come from *sessions*, ids with their epochs."""
        self._router.end(sessions, over)

    @ray.method
    async def positions(self) -> bytes:
        """How far each session is, encoded."""
        return self._router.positions()

    @ray.method
    async def watch(self, driver_id: str, wishes: bytes) -> list[int] | None:
        """Take a driver's encoded wishes."""
        return self._router.watch(driver_id, wishes)

    @ray.method
    async def ready(self) -> None:
        """Come back when the router runs."""

    @ray.method
    async def poll(self, driver_id: str) -> bytes | None:
        """What is new for a driver, once there is something."""
        return await self._router.poll(driver_id)


RouterActor = ray.remote(_Router)
RouterHandle = ActorProxy[_Router]
