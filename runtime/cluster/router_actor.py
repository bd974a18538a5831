"""The router actor: ``events.router.Router`` in a process of its own."""

import asyncio
import logging
import time
from functools import partial
from typing import Any

import msgspec
import ray
from ray.actor import ActorProxy

from ..api.errors import RuntimeClosed, Unreachable
from ..api.options import RouterLimits
from ..events.router import Router
from ..events.router_calls import serve
from ..events.segments import EndedSessions, LivingSessions, SessionEnd
from ..metrics.counts import Report
from ..metrics.shared import SharedMetrics
from ..streams.endpoint import Endpoint
from ..streams.listener import Listener
from .directory.actor_names import DIRECTORY
from .metrics.exporter import Exporter
from .ray_calls import find_actor, node_address, node_id, result_within, tls, was_restarted
from .ray_errors import ActorDead

log = logging.getLogger(__name__)

_CLOCK_SKEW_MS = 60_000
"""How far the clocks of two nodes may be apart: a session's epoch is from the clock of the directory's."""

_CALL_S = 5.0


class RouterPlace(msgspec.Struct, frozen=True):
    """The router *number* of *namespace*. Sessions with an epoch below *since* are of before: the journal had them."""

    namespace: str
    number: int
    since: int


class _RouterActor:
    """Serves the router at *place* over streams.

    After a restart, the session actors publish again what they hold, and the directory says which sessions died.
    """

    def __init__(self, limits: RouterLimits, ports: tuple[int, int] | None, place: RouterPlace) -> None:
        restarted = was_restarted()
        self._router = Router(limits, int(time.time() * 1000) + _CLOCK_SKEW_MS if restarted else place.since)
        self._listener = Listener(partial(serve, self._router))
        self._ports = ports
        self._namespace = place.namespace
        self._number = place.number
        self._learning: asyncio.Task[None] | None = None
        self._has_learned = not restarted
        metrics = SharedMetrics(lambda: self._router.gauges(place.number), self._router.metrics)
        self._exporter = Exporter(place.namespace, metrics)

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where it listens, and the secret that its peers have to know."""
        if not self._has_learned and self._learning is None:
            self._learning = asyncio.get_running_loop().create_task(self._learn_deaths())
        self._exporter.start()
        return await self._listener.listen(node_id(), node_address(), self._ports, tls())

    @ray.method
    async def end_sessions(self, ended: EndedSessions) -> None:
        """Record that sessions have ended."""
        self._router.end_sessions(ended)

    @ray.method
    async def end_missing_sessions(self, living: LivingSessions) -> None:
        """Record that sessions have died, except those that are *living*, or may be."""
        self._router.end_missing_sessions(living)

    @ray.method
    async def end_of(self, session_id: str, epoch: int) -> SessionEnd:
        """How the session ended, as far as it is known here."""
        return self._router.subscriptions.log.end_of(session_id, epoch)

    @ray.method
    async def metrics(self) -> Report:
        """All that its hosts have counted so far, and the gauges now."""
        return self._exporter.metrics.snapshot()

    async def _learn_deaths(self) -> None:
        """Learn of the deaths that the router of before may have been told of, and readers not yet."""
        while not self._has_learned:
            try:
                for ended in await result_within(_CALL_S, self._ask_for_deaths, "the directory"):
                    self._router.end_sessions(ended)
                self._has_learned = True
            except (ActorDead, RuntimeClosed):
                return  # the namespace has ended
            except Unreachable as error:
                log.warning("router %d does not know yet which sessions died: %s", self._number, error)

    async def _ask_for_deaths(self) -> list[EndedSessions]:
        directory: Any = await asyncio.to_thread(find_actor, DIRECTORY, self._namespace)
        if directory is None:
            raise RuntimeClosed("the namespace has ended")
        deaths: list[EndedSessions] = await directory.deaths.remote(self._number)
        return deaths


RouterActor = ray.remote(_RouterActor)
RouterHandle = ActorProxy[_RouterActor]
