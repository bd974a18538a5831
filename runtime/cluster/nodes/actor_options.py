"""On which nodes Ray places the actors: its options for each of them."""

from collections.abc import Collection
from typing import Any

from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...api.options import RuntimeOptions
from ..ray_calls import CONCURRENCY
from .cluster_nodes import Node

_NODE_ID = "ray.io/node-id"
"""The label that each node has by itself."""

RayOptions = dict[str, Any]
"""Keyword arguments of Ray's ``ActorClass.options``."""


def shared_actor(name: str, options: RuntimeOptions, memory_bytes: int, nodes: RayOptions) -> RayOptions:
    """For the actor of that *name* that all programs of a namespace share, or start if there is none yet.

    It is detached, so that it does not end with the program that starts it, and Ray restarts it when it dies. It runs
    on the *nodes* that ``on_many_nodes`` or ``on_one_node`` says.
    """
    return {
        "name": name,
        "namespace": options.namespace,
        "get_if_exists": True,
        "lifetime": "detached",
        "num_cpus": 0,
        "memory": memory_bytes,
        "max_concurrency": CONCURRENCY,
        "max_restarts": -1,
        **nodes,
    }


def on_many_nodes(options: RuntimeOptions, avoided: Collection[str] = (), near: str = "") -> RayOptions:
    """For routers and session actors: spread over the nodes with the labels, except those *avoided*, by their ids.

    If the node *near* is given, and has room, it is that one.
    """
    labels = dict(options.node_labels)
    if avoided:
        labels[_NODE_ID] = f"!in({','.join(sorted(avoided))})"
    spread: RayOptions = {"scheduling_strategy": "SPREAD", "label_selector": labels or None}
    if near and near not in avoided:
        return spread | {"label_selector": labels | {_NODE_ID: near}, "fallback_strategy": [{"label_selector": labels}]}
    return spread


def control_node(options: RuntimeOptions, nodes: Collection[Node]) -> str:
    """The id of the node for what can't leave it: the head, or one with ``control_node_labels``."""
    fitting = [node for node in nodes if options.control_node_labels.items() <= node.labels.items()]
    return min([node for node in fitting if node.is_head] or fitting or nodes, key=lambda node: node.id).id


def on_one_node(options: RuntimeOptions, nodes: Collection[Node]) -> RayOptions:
    """For the directory, the journal and the quota broker: on a node with ``control_node_labels``, or on the head.

    If that has no room, on any node.
    """
    if options.control_node_labels:
        return {"label_selector": dict(options.control_node_labels)}
    head = next((node.id for node in nodes if node.is_head), None)
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(head, soft=True) if head else "DEFAULT"}
