"""On which nodes the routers are. Sessions are placed near theirs: their events leave the node only for programs."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from ...api.errors import ClusterLost
from ...events.segments import shard_of
from ..nodes.cluster_nodes import Node, node_of_actor, read_nodes
from ..ray_calls import gcs_result, result_within
from ..router_actor import RouterHandle

_FRESH_S = 5.0
"""How long they are taken to be where they were: routers rarely move."""

_CALL_S = 5.0
"""How long Ray may take to say where they are."""

_START_S = 5.0
"""How long the first sessions wait for routers that are just started; it is not known before where they will be."""


class RouterNodes:
    """The nodes of *routers*. Session actors may be on those with the labels *node_labels*, but not on *others*."""

    def __init__(
        self, routers: Sequence[RouterHandle], node_labels: Mapping[str, str], others: Collection[str]
    ) -> None:
        self._routers = routers
        self._node_labels = node_labels
        self._others = others
        self._nodes: Sequence[str] = ()  # by the numbers of the routers
        self._is_on_each = False
        self._fresh_until = 0.0
        self._are_started = False

    async def read(self) -> Sequence[str]:
        """The ids of the nodes, by the numbers of the routers; empty ones are not known just now.

        None if there is one router or one node: then each place is as good as another.
        """
        if len(self._routers) > 1 and time.monotonic() >= self._fresh_until:
            self._fresh_until = time.monotonic() + _FRESH_S
            with suppress(ClusterLost):  # then they are where they were
                fitting = self._fitting(await gcs_result(_CALL_S, read_nodes))
                self._nodes = await self._read() if len(fitting) > 1 else ()
                self._is_on_each = len(fitting) > 1 and fitting <= set(self._nodes)
        return self._nodes

    def near(self, session_id: str) -> str:
        """The node of the session's router, when it was last read, if each node has a router.

        Otherwise it is empty: some nodes would have no session.
        """
        return self._nodes[shard_of(session_id, len(self._nodes))] if self._is_on_each else ""

    async def _read(self) -> list[str]:
        if not self._are_started:
            self._are_started = True
            starting = (result_within(_START_S, router.endpoint.remote, "a router") for router in self._routers)
            await asyncio.gather(*starting, return_exceptions=True)
        nodes = await asyncio.gather(*(gcs_result(_CALL_S, node_of_actor, router) for router in self._routers))
        return [node or "" for node in nodes]

    def _fitting(self, nodes: Sequence[Node]) -> set[str]:
        labels = self._node_labels.items()
        return {node.id for node in nodes if labels <= node.labels.items()} - set(self._others)
