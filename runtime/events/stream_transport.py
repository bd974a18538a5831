"""The transport that carries calls to a router, and its pushes, over a stream."""

from collections.abc import Awaitable, Callable

import msgspec

from ..streams.calls import CallFailed
from ..streams.channel import Channel
from ..streams.frames import FrameError
from .router_calls import RouterCall
from .segments import FoundEnds
from .transport import UpdateRejected

_encode = msgspec.msgpack.encode
_number = msgspec.msgpack.Decoder(int).decode
_ids = msgspec.msgpack.Decoder(list[int]).decode


class StreamTransport:
    """The connection of one process to one router. *find_ended* says which of the given sessions have ended, and how.

    It has *channel* to itself.
    """

    def __init__(self, channel: Channel, find_ended: Callable[[dict[str, int]], Awaitable[FoundEnds]]) -> None:
        self._channel = channel
        self._find_ended = find_ended

    def receive_pushes(self, on_push: Callable[[bytes], None], on_lost: Callable[[], None]) -> None:
        self._channel.on_push, self._channel.on_lost = on_push, on_lost

    async def publish(self, segments: bytes) -> bytes | None:
        return await self._channel.call(RouterCall.PUBLISH, segments)

    async def find_gaps(self, sessions: bytes) -> bytes:
        return await self._channel.call(RouterCall.FIND_GAPS, sessions) or b""

    async def take_over(self, session: bytes) -> int:
        return _number(await self._channel.call(RouterCall.TAKE_OVER, session) or b"")

    async def held_segments(self, session: bytes) -> bytes:
        return await self._channel.call(RouterCall.HELD_SEGMENTS, session) or b""

    async def forget(self, sessions: bytes) -> None:
        await self._channel.call(RouterCall.FORGET, sessions)

    async def reported(self) -> None:
        await self._channel.call(RouterCall.REPORTED)

    async def report(self, report: bytes) -> None:
        await self._channel.call(RouterCall.REPORT, report)

    async def ping(self) -> None:
        await self._channel.call(RouterCall.PING)

    async def positions(self) -> bytes:
        return await self._channel.call(RouterCall.POSITIONS) or b""

    async def update_subscriptions(self, update: bytes) -> list[int]:
        try:
            return _ids(await self._channel.call(RouterCall.UPDATE_SUBSCRIPTIONS, update) or b"")
        except (CallFailed, FrameError) as error:
            raise UpdateRejected(str(error)) from None

    async def end_lost_sessions(self, sessions: dict[str, int]) -> list[str]:
        found = await self._find_ended(sessions)
        for alike in found.ended:
            await self._channel.call(RouterCall.END_SESSIONS, _encode(alike))
        return found.unknown

    def disconnect(self) -> None:
        self._channel.close()

    async def aclose(self) -> None:
        await self._channel.aclose()
