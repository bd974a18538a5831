"""The calls of a router over streams: their numbers, and who serves them."""

from collections.abc import Awaitable
from enum import IntEnum

import msgspec

from .router import Router
from .segments import SessionEnd

_encode = msgspec.msgpack.encode
_ends = msgspec.msgpack.Decoder(dict[str, int]).decode


class RouterCall(IntEnum):
    """A method of the router."""

    PUBLISH = 1
    POSITIONS = 2
    UPDATE_SUBSCRIPTIONS = 3
    POLL = 4
    END_SESSIONS = 5


def serve(router: Router, peer: str, call: int, data: bytes) -> bytes | None | Awaitable[bytes | None]:
    """Have *router* serve a *call* of the process *peer*."""
    match call:
        case RouterCall.PUBLISH:
            router.publish(data)
            return None
        case RouterCall.POLL:
            return router.poll(peer)
        case RouterCall.UPDATE_SUBSCRIPTIONS:
            unknown = router.update_subscriptions(peer, data)
            return None if unknown is None else _encode(unknown)
        case RouterCall.POSITIONS:
            return router.positions()
        case RouterCall.END_SESSIONS:
            router.end_sessions(_ends(data), SessionEnd.CLOSED)
            return None
        case _:
            raise ValueError(f"a router has no call {call}")
