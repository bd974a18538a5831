"""Nodes that are drained: the directory has the sessions on them move, and says how far that is."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import msgspec

from ...api.status import NodeDrain
from ...streams.peer import Peer
from ..directory.actor_names import driver_of, is_host
from ..directory.leases import Leases
from ..directory.places import Places
from ..ray_calls import UNTIL_LOST_S, gcs_result
from .cluster_nodes import DrainedNodes, read_drained_nodes
from .move_orders import MoveOrder, MoveRequest, encode

log = logging.getLogger(__name__)

_POLL_S = 1.0
"""How often Ray is asked which nodes are drained: it does not tell the actors on them."""

_WITHIN_S = 300.0
"""How long running turns have if nobody has said when the node ends."""

_MARGIN = 0.3
_MOST_MARGIN_S = 5.0
"""What is left of the time when turns are broken off: their sessions have to be stored, and to go on elsewhere."""

_SHARED_S = 10.0
"""When so little of the time is left, routers and the directory move, even if there are sessions on the node."""


class NodeDrains:
    """Finds nodes that are drained, and orders the drivers of the session actors there to have the sessions move.

    Orders are repeated while there is something to move, so that no one has to arrive. Hosts whose driver is gone are
    another driver's; if there is none, *drain_host* has their sessions leave, to go on when somebody opens them.
    *move_shared* is called with a node that routers, the journal and the directory are to leave. Without a journal,
    sessions can't move: they end with the node.
    """

    def __init__(
        self,
        places: Places,
        leases: Leases,
        drain_host: Callable[[str, float], Awaitable[None]],
        move_shared: Callable[[str], Awaitable[None]],
    ) -> None:
        self._places = places
        self._leases = leases
        self._drain_host = drain_host
        self._move_shared = move_shared
        self._draining: dict[str, asyncio.Task[None]] = {}  # hosts that nobody moves, by their ids
        self.drains: dict[str, NodeDrain] = {}
        """How far the nodes are that are drained, by their ids."""

    async def run(self) -> None:
        """Look for such nodes until cancelled."""
        while True:
            await asyncio.sleep(_POLL_S)
            try:
                await self.look(await gcs_result(UNTIL_LOST_S, read_drained_nodes))
            except Exception as error:  # of Ray, which is asked again
                log.warning("it is not known at the moment which nodes are drained: %s", error)

    async def look(self, drained: DrainedNodes) -> None:
        """Have moved what is on the nodes that are *drained*."""
        for gone in self.drains.keys() - drained.within_s.keys():
            log.warning("node %s has left the cluster, with %d sessions on it", gone, self.drains.pop(gone).sessions)
        for node_id, within_s in drained.within_s.items():
            hosts = [name for name, on_node in drained.actors.items() if on_node == node_id and self._is_known(name)]
            self._report(node_id, within_s, hosts)
            if self._places.durable:
                for host_id in hosts:
                    self._order(self._order_for(host_id, _turns_have(within_s), None, drained.others > 0))
            if drained.others and (not hosts or (within_s is not None and within_s < _SHARED_S)):
                await self._move_shared(node_id)

    def move(self, request: MoveRequest) -> dict[str, str]:
        """Order sessions to leave the hosts that *request* names. Returns the hosts of those that have one."""
        hosts = {each: place.host_id for each in request.sessions if (place := self._places.find(each))}
        leaving: dict[str, list[str]] = {}
        for session_id, host_id in hosts.items():
            if request.sessions[session_id] in ("", host_id):
                leaving.setdefault(host_id, []).append(session_id)
        for host_id, session_ids in leaving.items():
            self._order(self._order_for(host_id, request.within_s, tuple(session_ids)))
        return hosts

    def _is_known(self, name: str) -> bool:
        """True if it is the name of a session actor of this namespace: Ray's list has those of all."""
        return is_host(name) and (name in self._places.owners or driver_of(name) in self._leases)

    def _report(self, node_id: str, within_s: float | None, hosts: Sequence[str]) -> None:
        sessions = sum(self._places.counts(hosts).values())
        drain = self.drains.get(node_id)
        if drain is None:
            ends = "nobody has said when" if within_s is None else f"in {within_s:.0f} s"
            what = "they move to other nodes" if self._places.durable else "they end with it: there is no journal"
            log.warning("node %s is drained and ends (%s), with %d sessions: %s", node_id, ends, sessions, what)
            drain = NodeDrain(node_id=node_id, since=time.time(), sessions=sessions, left=0)
        elif drain.sessions and not sessions:
            log.warning("node %s: all sessions have left, after %.1f s", node_id, time.time() - drain.since)
        left = drain.left + max(0, drain.sessions - sessions)
        self.drains[node_id] = msgspec.structs.replace(drain, sessions=sessions, left=left)

    def _order_for(
        self, host_id: str, within_s: float, session_ids: tuple[str, ...] | None, wakes: bool = True
    ) -> MoveOrder:
        owner = self._places.owners.get(host_id)
        return MoveOrder(host_id, owner is not None and owner.detached, within_s, session_ids, wakes)

    def _order(self, order: MoveOrder) -> None:
        peer = self._leases.connection(driver_of(order.host_id))
        if peer is None and order.detached:
            peer = self._leases.any_connection()
        if peer is not None:
            cast(Peer, peer).push(encode([order]))
        elif order.detached and order.session_ids is None and order.host_id not in self._draining:
            draining = asyncio.ensure_future(self._drain_host(order.host_id, order.within_s))
            self._draining[order.host_id] = draining
            draining.add_done_callback(lambda _: self._draining.pop(order.host_id, None))


def _turns_have(within_s: float | None) -> float:
    """How long running turns have, of the time until a node ends."""
    return _WITHIN_S if within_s is None else max(0.0, within_s - min(_MOST_MARGIN_S, _MARGIN * within_s))
