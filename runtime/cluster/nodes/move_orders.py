"""What the directory and the drivers tell each other over the drivers' leases, such as which sessions are to move."""

from enum import IntEnum

import msgspec


class DirectoryCall(IntEnum):
    """A call of a driver over its lease."""

    HOLD = 1
    """Keeps the lease."""
    MOVE = 2
    """Has sessions move: a ``MoveRequest``. Returns the ids of their hosts, of those that have one."""
    HOSTS = 3
    """How many sessions each host has."""
    DRAINS = 4
    """The nodes that are drained: a list of ``NodeDrain``."""
    TEMPLATES = 5
    """The templates: a ``TemplateBook``."""
    OFFER_TEMPLATES = 6
    """Offers a ``TemplateBook``, which is used if it is of a later revision. Returns the one in use."""
    CLAIM = 7
    """Claims ids of sessions: a ``ClaimRequest``. Returns a ``ClaimOutcome``."""


class MoveRequest(msgspec.Struct, frozen=True, array_like=True):
    """Sessions that are to leave their hosts: ids with the hosts' ids; without one, the host that a session has now.

    They do so when their turns have ended, or after *within_s*.
    """

    sessions: dict[str, str]
    within_s: float


class MoveOrder(msgspec.Struct, frozen=True, array_like=True):
    """A driver is to have the sessions of *host_id* go on in other actors; without *session_ids*, all of them.

    Without those, the host ends then. Its sessions leave when their turns have ended, or after *within_s*. If there is
    no node for them, *wakes* is false: they only leave. The actors that take them are *detached* if the host is.
    """

    host_id: str
    detached: bool
    within_s: float
    session_ids: tuple[str, ...] | None = None
    wakes: bool = True


encode = msgspec.msgpack.encode
decode_request = msgspec.msgpack.Decoder(MoveRequest).decode
decode_orders = msgspec.msgpack.Decoder(list[MoveOrder]).decode
decode_hosts = msgspec.msgpack.Decoder(dict[str, str]).decode
decode_counts = msgspec.msgpack.Decoder(dict[str, int]).decode
