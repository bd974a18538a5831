"""The transport that carries calls to routers over streams. Ray calls find the routers."""

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from ..events.router_calls import EndedSessions, RouterCall
from ..events.segments import SessionEnd
from ..events.transport import RouterGone
from ..streams.channel import Channel
from ..streams.endpoint import Endpoint
from .directory import DirectoryHandle
from .ray_calls import ActorDead, node_id, result_of
from .router_actor import RouterHandle

_encode = msgspec.msgpack.encode
_ids = msgspec.msgpack.Decoder(list[int]).decode


class StreamTransport:
    """The calls of one process to one router. *caller_id* identifies the driver or the host."""

    def __init__(self, router: RouterHandle, directory: DirectoryHandle, caller_id: str) -> None:
        self._router = router
        self._directory = directory
        self._channel = Channel(self._locate, caller_id, node_id())

    async def publish(self, segments: bytes) -> None:
        await self._channel.call(RouterCall.PUBLISH, segments)

    async def positions(self) -> bytes:
        return await self._channel.call(RouterCall.POSITIONS) or b""

    async def update_subscriptions(self, update: bytes) -> list[int] | None:
        unknown = await self._channel.call(RouterCall.UPDATE_SUBSCRIPTIONS, update)
        return None if unknown is None else _ids(unknown)

    async def poll(self) -> bytes | None:
        return await self._channel.call(RouterCall.POLL)

    async def end_lost_sessions(self, sessions: dict[str, int]) -> int:
        with _translate_errors():
            ended = await self._directory.ended.remote(sessions)
        for of_kind, session_end in ((ended.closed, SessionEnd.CLOSED), (ended.died, SessionEnd.DIED)):
            if of_kind:
                await self._channel.call(RouterCall.END_SESSIONS, _encode(EndedSessions(of_kind, session_end)))
        return len(ended.closed) + len(ended.died)

    async def aclose(self) -> None:
        await self._channel.aclose()

    async def _locate(self) -> Endpoint:
        with _translate_errors():
            return await result_of(self._router.endpoint.remote())


@contextmanager
def _translate_errors() -> Generator[None]:
    try:
        yield
    except ActorDead:
        raise RouterGone from None
