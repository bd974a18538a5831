"""What the options ask of nodes and none has: Ray would wait for such a node in silence."""

import logging
from collections.abc import Collection, Mapping, Sequence

import msgspec

from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig
from ...api.errors import IncompatibleNamespace
from ...api.options import RuntimeOptions
from ..ray_calls import gcs_result
from .cluster_nodes import Node, read_nodes
from .node_versions import other_versions, version_problem

log = logging.getLogger(__name__)

_MOST_SHOWN = 5


async def checked_nodes(options: RuntimeOptions, known: Collection[str] = ()) -> tuple[list[Node], dict[str, str]]:
    """The nodes that are alive, and the versions of this package on those that have another one, by their ids.

    The latter are logged, but for those that are *known*.

    Raises:
        ClusterLost: Ray does not answer.
        InvalidConfig, IncompatibleNamespace: as for ``require_nodes``.
    """
    nodes = await gcs_result(options.call_timeout_s, read_nodes)
    others = await other_versions(nodes, options.call_timeout_s)
    require_nodes(options, nodes, others)
    for node in nodes:
        if node.id in others.keys() - set(known):
            log.warning("%s", version_problem(node.address, others[node.id]))
    return nodes, others


def require_nodes(options: RuntimeOptions, nodes: Sequence[Node], others: Mapping[str, str]) -> None:
    """*others* are the versions of this package on nodes that have another one, by their ids.

    If nodes may be added that have what the options ask for, only the versions are checked.

    Raises:
        InvalidConfig: a label or a resource that *options* ask for is on none of *nodes*, or all of them on none
            together.
        IncompatibleNamespace: only nodes with other versions have them.
    """
    if options.autoscales:  # Ray's autoscalers tell nobody which labels their nodes will have
        options = msgspec.structs.replace(options, node_labels={}, control_node_labels={}, actor_resources={})
    try:
        _require_nodes(options, [node for node in nodes if node.id not in others])
    except InvalidConfig:
        _require_nodes(options, nodes)
        problems = [version_problem(node.address, others[node.id]) for node in nodes if node.id in others]
        shown_problems = "; ".join(problems[:_MOST_SHOWN])
        raise IncompatibleNamespace(f"{shown_problems}; install the same on all nodes, and start them again") from None


def _require_nodes(options: RuntimeOptions, nodes: Sequence[Node]) -> None:
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
