"""The calls of a router over streams: their numbers, and who serves them."""

import asyncio
from collections.abc import Awaitable
from enum import IntEnum

import msgspec

from ..streams.peer import Peer
from .router import Router
from .segments import EndedSessions, HeldSession

_encode = msgspec.msgpack.encode
_held_sessions = msgspec.msgpack.Decoder(list[HeldSession]).decode
_held_session = msgspec.msgpack.Decoder(HeldSession).decode
_ended_sessions = msgspec.msgpack.Decoder(EndedSessions).decode


class RouterCall(IntEnum):
    """A method of the router."""

    PUBLISH = 1
    POSITIONS = 2
    UPDATE_SUBSCRIPTIONS = 3
    END_SESSIONS = 4
    FIND_GAPS = 5
    PING = 6
    TAKE_OVER = 7
    HELD_SEGMENTS = 8
    FORGET = 9
    REPORT = 10
    REPORTED = 11


def serve(router: Router, peer: Peer, call: int, data: bytes) -> bytes | None | Awaitable[bytes | None]:
    """Have *router* serve a *call* of the process *peer*."""
    match call:
        case RouterCall.PUBLISH if not router.takes_segments:
            return asyncio.get_running_loop().create_future()  # it is made again when this connection has ended
        case RouterCall.PUBLISH:
            return router.publish(data, peer.id)
        case RouterCall.UPDATE_SUBSCRIPTIONS:
            return _encode(router.update_subscriptions(peer, data))
        case RouterCall.POSITIONS:
            return router.positions()
        case RouterCall.END_SESSIONS:
            router.end_sessions(_ended_sessions(data))
            return None
        case RouterCall.FIND_GAPS:
            return _encode(router.find_gaps(_held_sessions(data)))
        case RouterCall.TAKE_OVER:
            return _encode(router.take_over(_held_session(data), peer.id))
        case RouterCall.HELD_SEGMENTS:
            return router.held_segments(_held_session(data))
        case RouterCall.FORGET:
            router.forget(_held_sessions(data))
            return None
        case RouterCall.REPORT:
            router.report(peer, data)
            return None
        case RouterCall.REPORTED:
            router.reports.add(peer.id)
            return None
        case RouterCall.PING:
            return None
        case _:
            raise ValueError(f"a router has no call {call}")
