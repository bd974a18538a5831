"""A program that starts namespaces on a cluster of three nodes: ``placement_driver.py ADDRESS``.

It prints on which nodes their actors are, by what they are, as JSON.
"""

import asyncio
import sys
from collections import Counter
from typing import Any, cast

import msgspec
import ray

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime.cluster.directory.actor import DirectoryHandle
from rayconteur.runtime.cluster.directory.actor_names import router_name
from rayconteur.runtime.cluster.nodes.cluster_nodes import node_of_actor, read_nodes
from rayconteur.runtime.events.segments import shard_of

SESSIONS = 6
NODES = 3
PACKED = 300
LABELS = {"zone": "third"}
CONTROL_LABELS = {"zone": "worker"}
SLOTS = 10
"""What ``THIRD`` has of the custom resource."""


class Found(msgspec.Struct, frozen=True):
    """The addresses of the nodes of each kind of actor."""

    spread: dict[str, list[str]]
    """Without options."""
    labelled: dict[str, list[str]]
    slots_left: float
    """Of the custom resource, while each session has one."""
    problems: list[str]
    """What is said of a label, and of a resource, that no node has."""
    near: dict[str, float]
    """The shares of packed and of dedicated sessions that are on the nodes of their routers."""
    sizes: list[int]
    """How many packed sessions each actor has."""


def nodes_by_kind(namespace: str) -> dict[str, list[str]]:
    addresses = {node.id: node.address for node in read_nodes()}
    found: dict[str, list[str]] = {}
    for actor in cast(list[dict[str, str]], ray.util.list_named_actors(all_namespaces=True)):
        if actor["namespace"] == namespace:
            node = node_of_named(actor["name"], namespace)
            found.setdefault(actor["name"].partition("-")[0], []).append(addresses[node or ""])
    return {kind: sorted(nodes) for kind, nodes in found.items()}


async def placed(address: str, options: rc.RuntimeOptions) -> tuple[dict[str, list[str]], float]:
    async with rc.Runtime(address, options=options) as runtime:
        await runtime.spawn_many(rc.SessionConfig(provider=rc.Scripted()), SESSIONS)
        await runtime.spawn_many(rc.SessionConfig(provider=rc.Scripted()), SESSIONS, rc.Packed(actors=SESSIONS))
        await asyncio.sleep(1)  # Ray reports what is available every 100 ms
        left = cast(dict[str, float], cast(Any, ray).available_resources()).get("slot", 0.0)
        return nodes_by_kind(options.namespace), left


async def problem_of(address: str, options: rc.RuntimeOptions) -> str:
    try:
        async with rc.Runtime(address, options=options):
            return "none"
    except InvalidConfig as error:
        return str(error)


async def near_their_routers(address: str) -> tuple[dict[str, float], list[int]]:
    options = rc.RuntimeOptions(namespace="near", routers=NODES)
    async with rc.Runtime(address, options=options) as runtime:
        config = rc.SessionConfig(provider=rc.Scripted())
        packed = await runtime.spawn_many(config, PACKED, rc.Packed(actors=NODES))
        dedicated = [await runtime.spawn(config, placement=rc.Dedicated()) for _ in range(SESSIONS)]
        routers = [node_of_named(router_name(number), "near") for number in range(NODES)]
        directory = cast(DirectoryHandle, ray.get_actor("_directory", "near"))
        places: dict[str, str] = {}
        for session in (*packed, *dedicated):
            place = await directory.find.remote(session.id)
            assert place is not None
            places[session.id] = place.host_id
        hosts = {host_id: node_of_named(host_id, "near") for host_id in set(places.values())}

        def share(sessions: list[rc.SessionHandle]) -> float:
            near = [hosts[places[each.id]] == routers[shard_of(each.id, NODES)] for each in sessions]
            return sum(near) / len(near)

        of_packed = Counter(places[session.id] for session in packed)
        return {"packed": share(packed), "dedicated": share(dedicated)}, sorted(of_packed.values())


def node_of_named(name: str, namespace: str) -> str | None:
    return node_of_actor(cast(object, ray.get_actor(name, namespace)))


async def main(address: str) -> Found:
    spread, _ = await placed(address, rc.RuntimeOptions(namespace="spread", routers=SESSIONS))
    labelled, slots_left = await placed(
        address,
        rc.RuntimeOptions(
            namespace="labelled",
            routers=SESSIONS,
            node_labels=LABELS,
            control_node_labels=CONTROL_LABELS,
            actor_resources={"slot": 0.5},
        ),
    )
    unknown = [
        rc.RuntimeOptions(namespace="none", node_labels={"zone": "moon"}),
        rc.RuntimeOptions(namespace="none", actor_resources={"slot": SLOTS + 1}),
    ]
    problems = [await problem_of(address, options) for options in unknown]
    return Found(spread, labelled, slots_left, problems, *await near_their_routers(address))


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(main(sys.argv[1]))).decode())
