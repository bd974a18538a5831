"""The nodes of the cluster, and what of a namespace is on them, or leaves them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.errors import DirectoryUnreachable
from ...api.options import validated_session_id
from ...api.status import ClusterNode, NodeDrain
from ...cluster.nodes.cluster_nodes import Node, drain_in_ray, draining_nodes, nodes_of_actors, read_nodes
from ...cluster.nodes.move_orders import DirectoryCall, MoveRequest, decode_counts, decode_hosts, encode
from ...cluster.nodes.node_versions import known_versions
from ...cluster.ray_calls import gcs_result, require_gcs
from ...journal.errors import JournalRequired
from ..calls.arguments import checked_timeout
from ..resources import Resources

T = TypeVar("T")

_POLL_S = 0.2
_LATE_S = 10.0
"""How long sessions whose turns were broken off may take to go on elsewhere."""

_decode_drains = msgspec.msgpack.Decoder(list[NodeDrain]).decode


class Nodes:
    """The nodes of the cluster: what of the namespace is on each, and what leaves it.

    Sessions leave a node between two turns, or in the middle of one that takes too long, and go on in another actor:
    their numbers, histories and queues go on, and readers notice a pause. That needs a journal.
    """

    def __init__(self, resources: Resources) -> None:
        self._lease = resources.shared_actors.lease
        self._registry = resources.registry

    def __repr__(self) -> str:
        return f"Nodes(namespace={shown(self._registry.options.namespace)})"

    async def statuses(self) -> list[ClusterNode]:
        """The nodes that are alive, in the order of their addresses.

        Raises:
            ClusterLost: Ray's control service can't be reached.
            DirectoryUnreachable: the directory of the namespace does not answer.
        """
        nodes, drained, actors = await self._read()
        counts = await self._counts()
        versions = await self._of_gcs(known_versions, [node.id for node in nodes])
        hosts = {node.id: [name for name in counts if actors.get(name) == node.id] for node in nodes}
        return [
            ClusterNode(
                id=node.id,
                address=node.address,
                is_head=node.is_head,
                actors=len(hosts[node.id]),
                sessions=sum(counts[name] for name in hosts[node.id]),
                is_drained=node.id in drained,
                version=versions.get(node.id, ""),
            )
            for node in sorted(nodes, key=lambda node: (node.address, node.id))
        ]

    async def drains(self) -> list[NodeDrain]:
        """How far the nodes are that are drained just now, whoever has them drained: this program, Ray, a signal.

        Raises:
            DirectoryUnreachable: the directory of the namespace does not answer.
        """
        return _decode_drains(await self._lease.call(DirectoryCall.DRAINS))

    async def watch(self) -> AsyncIterator[NodeDrain]:
        """As ``drains``, event by event: each node that is drained at first, then whenever something has changed.

        The last event of a node says that it *has_ended*. While the directory is away, it is asked again. It goes on
        until the loop over it is left, or the runtime.
        """
        last: dict[str, NodeDrain] = {}
        while True:
            with suppress(DirectoryUnreachable):
                now = {drain.node_id: drain for drain in await self.drains()}
                for drain in now.values():
                    if drain != last.get(drain.node_id):
                        yield drain
                for node_id in last.keys() - now.keys():
                    yield msgspec.structs.replace(last[node_id], has_ended=True)
                last = now
            await asyncio.sleep(_POLL_S)
            self._registry.require_open()

    async def drain(
        self,
        node: str,
        timeout_s: float = 300.0,
        passivate: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Have everything leave a *node*, given by its id, the beginning of that, or its address; then Ray ends it.

        It is as if Ray had been told so by ``ray drain-node``, with *timeout_s* until the node ends. Turns may run
        until shortly before. If there is no other node, it is refused, unless sessions are to *passivate*: to leave
        memory, and to go on when they are opened. *on_progress* is called with the number of sessions that have left,
        and of all that there were.

        Returns how many sessions have not left the node in time: they are lost with it, and go on from the journal.

        Raises:
            InvalidConfig: there is no such node, or several, or it is the last one.
            JournalRequired: the namespace has none.
        """
        within_s = checked_timeout(timeout_s)
        self._require_journal()
        nodes, drained, _ = await self._read()
        found = _found(nodes, node)
        if not passivate and not any(other.id != found.id and other.id not in drained for other in nodes):
            problem = f"{found.address} is the last node: its sessions can't go on elsewhere"
            raise InvalidConfig("node", f"{problem}; add a node, or have them leave memory with passivate=True")
        before = await self._sessions_on(found.id)
        refused = await self._of_gcs(drain_in_ray, found.id, within_s)
        if refused:
            raise InvalidConfig("node", f"Ray does not drain {found.address}: {refused}")
        deadline, left = asyncio.get_running_loop().time() + within_s + _LATE_S, before
        while left and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_POLL_S)
            with suppress(DirectoryUnreachable):  # it may be moving, too
                left = await self._sessions_on(found.id)
            if on_progress:
                on_progress(max(0, before - left), before)
        return left

    async def move(self, session_ids: Iterable[str], timeout_s: float = 60.0) -> list[str]:
        """Have sessions go on in other actors, on other nodes than theirs if there are any.

        The program that has spawned them starts these actors, or this one if that is gone. Turns have *timeout_s* to
        end. Sessions that are only stored stay so.

        Returns the ids of those that were not seen elsewhere in that time.

        Raises:
            UnknownSession: there is no session of one of the ids.
            JournalRequired: the namespace has none.
        """
        within_s = checked_timeout(timeout_s)
        self._require_journal()
        before = await self._order(dict.fromkeys(map(validated_session_id, session_ids), ""), within_s)
        deadline = asyncio.get_running_loop().time() + within_s + _LATE_S
        pending = {session_id: host_id for session_id, host_id in before.items() if host_id}
        for session_id in before.keys() - pending.keys():
            await self._require_stored(session_id)
        while pending and (remaining_s := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(_POLL_S)
            with suppress(DirectoryUnreachable):
                now = await self._order(pending, max(0.0, remaining_s - _LATE_S))
                pending = {each: host_id for each, host_id in pending.items() if now[each] in ("", host_id)}
        return sorted(pending)

    async def _order(self, sessions: dict[str, str], within_s: float) -> dict[str, str]:
        """Order *sessions* to leave these hosts, or the ones that they have. Returns those that they have now."""
        request = encode(MoveRequest(sessions, within_s))
        hosts = decode_hosts(await self._lease.call(DirectoryCall.MOVE, request))
        return {session_id: hosts.get(session_id, "") for session_id in sessions}

    async def _require_stored(self, session_id: str) -> None:
        await self._registry.stored.entry(session_id)

    def _require_journal(self) -> None:
        self._registry.require_open()
        if not self._registry.is_durable:
            raise JournalRequired("sessions move by way of a journal: start the namespace without NoJournal()")

    async def _read(self) -> tuple[Sequence[Node], dict[str, float | None], dict[str, str]]:
        self._registry.require_open()
        await require_gcs()
        return await self._of_gcs(lambda: (read_nodes(), draining_nodes(), nodes_of_actors()))

    async def _of_gcs(self, call: Callable[..., T], *arguments: object) -> T:
        return await gcs_result(self._registry.options.call_timeout_s, call, *arguments)

    async def _counts(self) -> dict[str, int]:
        return decode_counts(await self._lease.call(DirectoryCall.HOSTS))

    async def _sessions_on(self, node_id: str) -> int:
        counts, actors = await asyncio.gather(self._counts(), self._of_gcs(nodes_of_actors))
        return sum(count for name, count in counts.items() if actors.get(name) == node_id)


def _found(nodes: Sequence[Node], name: str) -> Node:
    """The node with that id, a beginning of it, or that address.

    Raises:
        InvalidConfig: there is none, or more than one.
    """
    alike = [node for node in nodes if name in (node.id, node.address)] or [
        node for node in nodes if name and node.id.startswith(name)
    ]
    if len(alike) == 1:
        return alike[0]
    known = ", ".join(f"{node.id} ({node.address})" for node in alike or nodes)
    problem = "several nodes are" if alike else "no node is"
    raise InvalidConfig("node", f"{problem} {shown(name)}; give the id of one: {known}")
