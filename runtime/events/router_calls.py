"""The calls of a router over streams: their numbers, and who serves them."""

from enum import IntEnum

import msgspec

from ..streams.peer import Peer
from .router import Router
from .segments import SessionEnd


class EndedSessions(msgspec.Struct, frozen=True, array_like=True):
    """Ids of sessions with their epochs, and how they ended."""

    sessions: dict[str, int]
    session_end: SessionEnd


_encode = msgspec.msgpack.encode
_ended_sessions = msgspec.msgpack.Decoder(EndedSessions).decode


class RouterCall(IntEnum):
    """A method of the router."""

    PUBLISH = 1
    POSITIONS = 2
    UPDATE_SUBSCRIPTIONS = 3
    END_SESSIONS = 4


def serve(router: Router, peer: Peer, call: int, data: bytes) -> bytes | None:
    """Have *router* serve a *call* of the process *peer*."""
    match call:
        case RouterCall.PUBLISH:
            router.publish(data)
            return None
        case RouterCall.UPDATE_SUBSCRIPTIONS:
            return _encode(router.update_subscriptions(peer, data))
        case RouterCall.POSITIONS:
            return router.positions()
        case RouterCall.END_SESSIONS:
            ended = _ended_sessions(data)
            router.end_sessions(ended.sessions, ended.session_end)
            return None
        case _:
            raise ValueError(f"a router has no call {call}")
