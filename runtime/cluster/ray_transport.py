"""The transport that carries calls to routers as Ray calls."""

from collections.abc import Generator
from contextlib import contextmanager

from ..events.segments import SessionEnd
from ..events.transport import RouterGone
from .directory import DirectoryHandle
from .ray_calls import ActorDead
from .router_actor import RouterHandle


class RayTransport:
    """The calls of one process to one router. *caller_id* identifies the driver or the host."""

    def __init__(self, router: RouterHandle, directory: DirectoryHandle, caller_id: str) -> None:
        self._router = router
        self._directory = directory
        self._caller_id = caller_id

    async def publish(self, segments: bytes) -> None:
        with _translate_errors():
            await self._router.publish.remote(segments)

    async def positions(self) -> bytes:
        with _translate_errors():
            return await self._router.positions.remote()

    async def update_subscriptions(self, update: bytes) -> list[int] | None:
        with _translate_errors():
            return await self._router.update_subscriptions.remote(self._caller_id, update)

    async def poll(self) -> bytes | None:
        with _translate_errors():
            return await self._router.poll.remote(self._caller_id)

    async def end_lost_sessions(self, sessions: dict[str, int]) -> int:
        with _translate_errors():
            ended = await self._directory.ended.remote(sessions)
            if ended:
                await self._router.end_sessions.remote(ended, SessionEnd.CLOSED)
        return len(ended)


@contextmanager
def _translate_errors() -> Generator[None]:
    try:
        yield
    except ActorDead:
        raise RouterGone from None
