"""The router actor: ``events.router.Router`` in a process of its own."""

from collections.abc import Mapping
from functools import partial

import ray
from ray.actor import ActorProxy

from ..api.options import RouterLimits
from ..events.router import Router
from ..events.router_calls import serve
from ..events.segments import END_SEQ, SessionEnd
from ..streams.endpoint import Endpoint
from ..streams.listener import Listener
from .ray_calls import node_address, node_id, tls


class _RouterActor:
    """Serves one router over streams."""

    def __init__(self, limits: RouterLimits, ports: tuple[int, int] | None) -> None:
        self._router = Router(limits)
        self._listener = Listener(partial(serve, self._router))
        self._ports = ports

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where it listens, and the secret that its peers have to know."""
        return await self._listener.listen(node_id(), node_address(), self._ports, tls())

    @ray.method
    async def end_sessions(self, sessions: Mapping[str, int], session_end: SessionEnd) -> None:
        """Record that *sessions*, ids with their epochs, have ended."""
        self._router.end_sessions(sessions, session_end)

    @ray.method
    async def end_missing_sessions(self, living: Mapping[str, int], before: int) -> None:
        """Record that sessions with an epoch below *before* have died, except the *living*: ids with their epochs."""
        log = self._router.subscriptions.log
        positions = {session_id: log.position(session_id) for session_id in log}
        dead = {
            session_id: epoch
            for session_id, (epoch, seq) in positions.items()
            if seq != END_SEQ and epoch < before and living.get(session_id) != epoch
        }
        self._router.end_sessions(dead, SessionEnd.DIED)


RouterActor = ray.remote(_RouterActor)
RouterHandle = ActorProxy[_RouterActor]
