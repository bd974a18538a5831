"""One driver's lines to the routers, made of Ray calls."""

from collections.abc import Awaitable
from typing import TypeVar

from ..events.router_connection import Hub
from ..events.router_connections import Lines
from ..events.segments import Over
from ..events.transport import RouterGone
from .directory import DirectoryHandle
from .ray_calls import ActorDead, answered
from .router_actor import RouterHandle
from .shared_actors import Shared

T = TypeVar("T")


class _Line:
    """A hub's calls on its router."""

    def __init__(self, router: RouterHandle, directory: DirectoryHandle, driver_id: str) -> None:
        self._router = router
        self._directory = directory
        self._driver_id = driver_id

    async def positions(self) -> bytes:
        return await _heard(self._router.positions.remote())

    async def watch(self, wishes: bytes) -> list[int] | None:
        return await _heard(self._router.watch.remote(self._driver_id, wishes))

    async def poll(self) -> bytes | None:
        return await _heard(self._router.poll.remote(self._driver_id))

    async def end_gone(self, sessions: dict[str, int]) -> int:
        gone = await _heard(self._directory.gone.remote(sessions))
        if gone:
            await _heard(self._router.end.remote(gone, Over.CLOSED))
        return len(gone)


async def _heard(call: Awaitable[T]) -> T:
    try:
        return await answered(call)
    except ActorDead:
        raise RouterGone from None


def lines(shared: Shared) -> Lines:
    """A new driver's lines to the routers of its namespace."""
    return Lines([Hub(_Line(router, shared.directory, shared.driver_id)) for router in shared.routers])
