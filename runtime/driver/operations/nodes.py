"""The nodes of a cluster, and which actors run where, as Ray's control service knows them."""

from collections import Counter
from typing import Any, cast

import msgspec
import ray
from ray._private.state import state as global_state  # as in ``ray_calls``
from ray.exceptions import RayError

from ...api.operations.cluster_status import NodeStatus
from ...cluster.directory.actor_names import is_host, is_ours
from ...cluster.nodes.node_versions import known_versions
from ...cluster.ray_calls import find_actor, list_actors
from ...cluster.ray_errors import translated

_HEAD = "node:__internal_head__"
"""The resource that Ray gives to the head node."""


class ActorPlaces(msgspec.Struct, frozen=True):
    """The actors of a namespace: the nodes of those that run, by name, and those that have no process yet."""

    running: dict[str, str]
    starting: tuple[str, ...]


def actor_places(namespace: str) -> ActorPlaces:
    """Where the actors of *namespace* run.

    Raises:
        ClusterLost: Ray's control service does not answer.
    """
    names = [name for name in list_actors(namespace) if is_ours(name)]
    try:
        alive = cast("dict[str, dict[str, Any]]", global_state.actor_table(None, actor_state_name="ALIVE"))
    except RayError as error:
        raise translated(error) from None
    by_name = {entry["Name"]: entry for entry in alive.values()}  # of those that are in one namespace only
    running: dict[str, str] = {}
    for name in names:
        entry = by_name.get(name) if is_host(name) else alive.get(_id_of(name, namespace))
        if entry:
            running[name] = entry["Address"]["NodeID"]
    return ActorPlaces(running, tuple(sorted(set(names) - set(running))))


def node_statuses(actors: ActorPlaces) -> tuple[NodeStatus, ...]:
    """The nodes that the cluster has had, those that are alive first. Raises as ``actor_places``."""
    try:
        nodes = cast("list[dict[str, Any]]", ray.nodes())  # type: ignore[no-untyped-call]
        available = cast("dict[str, dict[str, float]]", global_state.available_resources_per_node())  # type: ignore[no-untyped-call]
    except RayError as error:
        raise translated(error) from None
    counts = Counter(actors.running.values())
    versions = known_versions([node["NodeID"] for node in nodes if node["Alive"]])
    statuses = [
        NodeStatus(
            id=node["NodeID"],
            address=node["NodeManagerAddress"],
            is_alive=node["Alive"],
            is_head=_HEAD in node["Resources"],
            memory_bytes=int(node["Resources"].get("memory", 0)),
            free_memory_bytes=int(available.get(node["NodeID"], {}).get("memory", 0)),
            actors=counts[node["NodeID"]],
            version=versions.get(node["NodeID"], ""),
        )
        for node in nodes
    ]
    return tuple(sorted(statuses, key=lambda node: (not node.is_alive, not node.is_head, node.address)))


def _id_of(name: str, namespace: str) -> str:
    actor = cast(Any, find_actor(name, namespace))
    return actor._actor_id.hex() if actor else ""
