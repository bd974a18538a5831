"""The memory that actors request from Ray, by which it places them: what the benchmarks say that they take.

A request is no limit: an actor may take more. It is what Ray counts when it looks for a node, and what an autoscaler
adds nodes for.
"""

import logging
from collections.abc import Iterable

import msgspec

from .nodes.cluster_nodes import Node

log = logging.getLogger(__name__)

_MIB = 1 << 20

_SMALL_NODE_BYTES = 512 * _MIB
"""What a node must have for requests: Ray starts with 100 MB, where the actors of a program would wait forever."""


class MemoryRequests(msgspec.Struct, frozen=True, kw_only=True):
    """How many bytes each actor requests, by what it is. 0 is no request."""

    directory: int = 64 * _MIB
    """55 MB, and 0.1 KB for each session."""
    router: int = 96 * _MIB
    """67 MB with 1,000 sessions that have had five turns. ``RouterLimits.total_bytes`` bounds it."""
    journal: int = 128 * _MIB
    """58 MB, and up to 64 MB of records that wait for the store."""
    quotas: int = 64 * _MIB
    """55 MB, and 2 KB for each request that waits or is in flight."""
    dedicated: int = 64 * _MIB
    """62 MB with Anthropic's client, after a turn."""
    packed: int = 96 * _MIB
    """54 MB, and 29 KB for each of 1,000 sessions that are being answered."""


def memory_requests(session_actor_bytes: int | None, nodes: Iterable[Node]) -> MemoryRequests:
    """What actors request on these *nodes*; session actors *session_actor_bytes*, if given."""
    requests = MemoryRequests()
    if max((node.resources.get("memory", 0.0) for node in nodes), default=0.0) < _SMALL_NODE_BYTES:
        log.warning("no node has %d MiB of memory for Ray's actors: they request none", _SMALL_NODE_BYTES // _MIB)
        requests = MemoryRequests(directory=0, router=0, journal=0, quotas=0, dedicated=0, packed=0)
    if session_actor_bytes is None:
        return requests
    return msgspec.structs.replace(requests, dedicated=session_actor_bytes, packed=session_actor_bytes)
