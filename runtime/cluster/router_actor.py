"""The router actor: ``events.router.Router`` in a process of its own."""

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from typing import Any, cast

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
from .directory.places import RouterBriefing
from .directory.timing import REPORT_S
from .metrics.exporter import Exporter
from .nodes.kept_values import keep_value, take_kept_value
from .ray_calls import (
    UNTIL_LOST_S,
    find_actor,
    gcs_result,
    node_address,
    node_id,
    restart_elsewhere,
    result_within,
    tls,
    was_restarted,
)
from .ray_errors import ActorDead

log = logging.getLogger(__name__)

_CLOCK_SKEW_MS = 60_000
"""How far the clocks of two nodes may be apart: a session's epoch is from the clock of the directory's."""

_CALL_S = 5.0
_ASK_AGAIN_S = 0.1

_KEPT_BYTES = 16 << 20
"""What a router that moves hands over, at most, of the latest events: Ray's control service holds it for seconds."""

_DELIVER_S = 2.0
_PAUSE_S = 0.01
_GRACE_S = 0.1
"""For what has been written to sockets, and the answer to the call."""


class RouterPlace(msgspec.Struct, frozen=True):
    """The router *number* of *namespace*. Sessions with an epoch below *since* are of before: the journal had them."""

    namespace: str
    number: int
    since: int


class _RouterActor:
    """Serves the router at *place* over streams.

    After a restart, the session actors publish again what they hold. The directory says which sessions died, and which
    session actors there are: until all have reported, or for 3 s, no reader is told what is new from now on.
    """

    def __init__(self, limits: RouterLimits, ports: tuple[int, int] | None, place: RouterPlace) -> None:
        restarted = was_restarted()
        since = int(time.time() * 1000) + _CLOCK_SKEW_MS if restarted else place.since
        self._router = Router(limits, since, restarted)
        self._listener = Listener(partial(serve, self._router))
        self._ports = ports
        self._namespace = place.namespace
        self._number = place.number
        self._learning: asyncio.Task[None] | None = None
        self._has_learned = not restarted
        metrics = SharedMetrics(lambda: self._router.gauges(place.number), self._router.metrics)
        self._exporter = Exporter(place.namespace, metrics)
        self._kept_as = f"{place.namespace}/router/{place.number}"
        self._is_restarted = restarted
        self._taking_over: asyncio.Task[None] | None = None

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where it listens, and the secret that its peers have to know."""
        if self._is_restarted:  # before hosts publish what is newer
            self._taking_over = self._taking_over or asyncio.get_running_loop().create_task(self._take_over())
            await asyncio.shield(self._taking_over)
        if not self._has_learned and self._learning is None:
            self._learning = asyncio.get_running_loop().create_task(self._learn())
            asyncio.get_running_loop().call_later(REPORT_S, self._router.reports.finish)
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

    @ray.method
    async def move(self) -> None:
        """Take no more events, deliver those that are here, and have Ray restart the actor: elsewhere, if it can.

        The process after this one begins with what this one holds: a reader may not have asked for it yet.
        """
        self._router.takes_segments = False
        await gcs_result(UNTIL_LOST_S, keep_value, self._kept_as, self._router.encoded_segments(_KEPT_BYTES))
        with suppress(TimeoutError):
            async with asyncio.timeout(_DELIVER_S):
                while self._router.has_deliverable:  # noqa: ASYNC110  each iteration of the loop delivers some
                    await asyncio.sleep(_PAUSE_S)
        this_actor = cast("RouterHandle", ray.get_runtime_context().current_actor)
        asyncio.get_running_loop().call_later(_GRACE_S, restart_elsewhere, this_actor)

    async def _take_over(self) -> None:
        """Begin with what the process before this one has kept, if it was moved."""
        if kept := await gcs_result(UNTIL_LOST_S, take_kept_value, self._kept_as):
            self._router.publish(kept)

    async def _learn(self) -> None:
        """Learn of the deaths that readers may not have been told of yet, and await the reports of hosts."""
        while not (self._has_learned and self._router.reports.are_complete):
            try:
                briefing = await result_within(_CALL_S, self._ask_directory, "the directory")
            except (ActorDead, RuntimeClosed):
                return  # the namespace has ended
            except Unreachable as error:
                log.warning("router %d does not know yet which sessions died: %s", self._number, error)
                continue
            for ended in briefing.deaths:
                self._router.end_sessions(ended)
            self._has_learned = True
            self._router.reports.expect(briefing.hosts)
            await asyncio.sleep(_ASK_AGAIN_S)  # hosts end, too

    async def _ask_directory(self) -> RouterBriefing:
        directory: Any = await gcs_result(UNTIL_LOST_S, find_actor, DIRECTORY, self._namespace)
        if directory is None:
            raise RuntimeClosed("the namespace has ended")
        briefing: RouterBriefing = await directory.brief.remote(self._number)
        return briefing


RouterActor = ray.remote(_RouterActor)
RouterHandle = ActorProxy[_RouterActor]
