"""The nodes of the cluster, as Ray's control service (GCS) knows them. All of these calls block."""

import time
from collections.abc import Mapping
from typing import Any, cast

import msgspec
import ray
from ray._private.state import state as global_state  # the public API knows nothing of drained nodes
from ray._private.worker import global_worker
from ray.core.generated import autoscaler_pb2
from ray.exceptions import RayError

from ..ray_errors import translated

_HEAD = "node:__internal_head__"
"""The resource that only the head node has."""

_DRAIN_S = 10.0


class Node(msgspec.Struct, frozen=True):
    """A node that is alive: its id, its IP address, its labels, and what it has in total of each resource."""

    id: str
    address: str
    labels: dict[str, str]
    resources: dict[str, float]

    @property
    def is_head(self) -> bool:
        """True for the node that Ray's control service runs on."""
        return _HEAD in self.resources


def read_nodes() -> list[Node]:
    """The nodes that are alive, drained ones too.

    Raises:
        ClusterLost: Ray does not answer.
    """
    try:
        nodes = cast(list[dict[str, Any]], ray.nodes())  # type: ignore[no-untyped-call]
    except RayError as error:
        raise translated(error) from None
    return [
        Node(node["NodeID"], node["NodeManagerAddress"], node.get("Labels") or {}, node["Resources"])
        for node in nodes
        if node["Alive"]
    ]


class DrainedNodes(msgspec.Struct, frozen=True):
    """The nodes that are drained: the seconds until each ends, by its id; ``None`` if nobody has said when.

    *actors* are the ids of the nodes of all actors that run, by their names, of which most are used once; they are read
    only if a node is drained. *others* is how many nodes are not.
    """

    within_s: dict[str, float | None]
    actors: dict[str, str]
    others: int


def read_drained_nodes() -> DrainedNodes:
    """Raises:
    ClusterLost: Ray does not answer.
    """
    within_s = draining_nodes()
    if not within_s:
        return DrainedNodes({}, {}, 0)
    return DrainedNodes(within_s, nodes_of_actors(), sum(node.id not in within_s for node in read_nodes()))


def draining_nodes() -> dict[str, float | None]:
    """The ids of the nodes that are drained, and the seconds until they end; ``None`` if nobody has said when.

    Ray places no actor on such a node, and ends it when nothing is left there.

    Raises:
        ClusterLost: Ray does not answer.
    """
    try:
        deadlines_ms = cast(Mapping[str, int], cast(Any, global_state).get_draining_nodes())
    except RayError as error:
        raise translated(error) from None
    now = time.time()
    return {node_id: at_ms / 1000 - now if at_ms else None for node_id, at_ms in deadlines_ms.items()}


def drain_in_ray(node_id: str, within_s: float) -> str | None:
    """Have Ray drain a node, which is to end in *within_s* seconds. Returns why Ray does not, if it does not.

    Raises:
        ClusterLost: Ray does not answer.
    """
    reason = cast(Any, autoscaler_pb2).DrainNodeReason.DRAIN_NODE_REASON_PREEMPTION  # the one that Ray never refuses
    deadline_ms = int((time.time() + within_s) * 1000)
    try:
        accepted, problem = cast(Any, global_worker).gcs_client.drain_node(
            node_id, reason, "drained by rayconteur", deadline_ms, timeout=_DRAIN_S
        )
    except RayError as error:
        raise translated(error) from None
    return None if accepted else str(problem)


def nodes_of_actors() -> dict[str, str]:
    """The ids of the nodes of all actors whose processes run, by the actors' names, of which most are used once."""
    try:
        actors = cast(dict[str, dict[str, Any]], global_state.actor_table(None, actor_state_name="ALIVE"))
    except RayError as error:
        raise translated(error) from None
    return {actor["Name"]: actor["Address"]["NodeID"] for actor in actors.values() if actor["Name"]}


def node_of_actor(actor: object) -> str | None:
    """The id of the node on which *actor* runs, if it does just now."""
    try:
        entry = cast(dict[str, Any], global_state.actor_table(cast(Any, actor)._actor_id.hex()))
    except RayError as error:
        raise translated(error) from None
    return entry["Address"]["NodeID"] or None if entry and entry["State"] == "ALIVE" else None
