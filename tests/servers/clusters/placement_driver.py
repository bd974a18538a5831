"""A program that starts namespaces on a cluster of three nodes: ``placement_driver.py ADDRESS``.

It prints on which nodes their actors are, by what they are, as JSON.
"""

import asyncio
import sys
from typing import Any, cast

import msgspec
import ray

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.runtime.cluster.nodes.cluster_nodes import node_of_actor, read_nodes

SESSIONS = 6
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


def nodes_by_kind(namespace: str) -> dict[str, list[str]]:
    addresses = {node.id: node.address for node in read_nodes()}
    found: dict[str, list[str]] = {}
    for actor in cast(list[dict[str, str]], ray.util.list_named_actors(all_namespaces=True)):
        if actor["namespace"] == namespace:
            node = node_of_actor(cast(object, ray.get_actor(actor["name"], namespace)))
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
    return Found(spread, labelled, slots_left, [await problem_of(address, options) for options in unknown])


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(main(sys.argv[1]))).decode())
