"""What the options ask of nodes and none has: Ray would wait for such a node in silence."""

from collections.abc import Mapping, Sequence

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.options import RuntimeOptions
from .cluster_nodes import Node

_MOST_SHOWN = 5


def require_nodes(options: RuntimeOptions, nodes: Sequence[Node]) -> None:
    """Raises:
    InvalidConfig: a label or a resource that *options* ask for is on none of *nodes*, or all of them on none together.
    """
    _require_labels("options.control_node_labels", options.control_node_labels, nodes)
    _require_labels("options.node_labels", options.node_labels, nodes)
    for name, amount in options.actor_resources.items():
        most = max((node.resources.get(name, 0.0) for node in nodes), default=0.0)
        if most < amount:
            problem = f"no node of the cluster has {amount:g} of {shown(name)}; the most that one has is {most:g}"
            raise InvalidConfig(f"options.actor_resources[{name!r}]", f"{problem}: start a node that has it")
    for node in nodes:
        has_all = all(node.resources.get(name, 0.0) >= amount for name, amount in options.actor_resources.items())
        if has_all and _has(node, options.node_labels):
            return
    names = ", ".join([*options.node_labels, *options.actor_resources])
    raise InvalidConfig("options.actor_resources", f"no node of the cluster has all of {names}: start one that has")


def _require_labels(field: str, labels: Mapping[str, str], nodes: Sequence[Node]) -> None:
    for name, value in labels.items():
        if not any(_has(node, {name: value}) for node in nodes):
            found = sorted({node.labels[name] for node in nodes if name in node.labels})
            there = f"the nodes have {', '.join(found[:_MOST_SHOWN])}" if found else "no node has that label"
            problem = f"no node of the cluster has the label {name}={value}, {there}: start one with --labels"
            raise InvalidConfig(f"{field}[{name!r}]", problem)
    if not any(_has(node, labels) for node in nodes):
        raise InvalidConfig(field, f"no node of the cluster has all of the labels {', '.join(labels)}: start one")


def _has(node: Node, labels: Mapping[str, str]) -> bool:
    return all(node.labels.get(name) == value for name, value in labels.items())
