"""The transport that carries calls to routers as Ray calls."""

from ..events.router_connection import RouterConnection
from ..events.router_connections import RouterConnections
from ..events.segments import SessionEnd
from .directory import DirectoryHandle
from .ray_calls import router_result_of
from .router_actor import RouterHandle
from .shared_actors import SharedActors


class RayTransport:
    """One driver's calls to one router."""

    def __init__(self, router: RouterHandle, directory: DirectoryHandle, driver_id: str) -> None:
        self._router = router
        self._directory = directory
        self._driver_id = driver_id

    async def positions(self) -> bytes:
        return await router_result_of(self._router.positions.remote())

    async def update_subscriptions(self, update: bytes) -> list[int] | None:
        return await router_result_of(self._router.update_subscriptions.remote(self._driver_id, update))

    async def poll(self) -> bytes | None:
        return await router_result_of(self._router.poll.remote(self._driver_id))

    async def end_lost_sessions(self, sessions: dict[str, int]) -> int:
        ended = await router_result_of(self._directory.ended.remote(sessions))
        if ended:
            await router_result_of(self._router.end_sessions.remote(ended, SessionEnd.CLOSED))
        return len(ended)


def connect_to_routers(actors: SharedActors) -> RouterConnections:
    """Connect a new driver to all routers of its namespace."""
    return RouterConnections(
        [RouterConnection(RayTransport(router, actors.directory, actors.driver_id)) for router in actors.routers]
    )
