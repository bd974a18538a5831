"""Labels and resources that no node has are reported by name, before Ray waits for a node that has them."""

import msgspec
import pytest

import rayconteur as rc
from rayconteur.errors import IncompatibleNamespace, InvalidConfig
from rayconteur.runtime.cluster.nodes.actor_options import control_node
from rayconteur.runtime.cluster.nodes.cluster_nodes import Node
from rayconteur.runtime.cluster.nodes.node_checks import require_nodes
from rayconteur.runtime.cluster.nodes.node_versions import NOT_INSTALLED

HEAD = "node:__internal_head__"
NODES = [
    Node("1", "10.0.0.1", {"zone": "eu"}, {"slot": 2.0}),
    Node("2", "10.0.0.2", {"zone": "us", "disk": "ssd"}, {"slot": 1.0, "port": 1.0}),
]


@pytest.mark.parametrize(
    "options",
    [
        rc.RuntimeOptions(),
        rc.RuntimeOptions(node_labels={"zone": "us", "disk": "ssd"}, actor_resources={"slot": 1, "port": 0.5}),
        rc.RuntimeOptions(control_node_labels={"zone": "eu"}, actor_resources={"slot": 2}),
    ],
)
def test_what_a_node_has_may_be_asked_for(options: rc.RuntimeOptions) -> None:
    require_nodes(options, NODES, {})


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (rc.RuntimeOptions(node_labels={"zone": "asia"}), "label zone=asia, the nodes have eu, us"),
        (rc.RuntimeOptions(control_node_labels={"rack": "1"}), "label rack=1, no node has that label"),
        (rc.RuntimeOptions(node_labels={"zone": "eu", "disk": "ssd"}), "all of the labels zone, disk"),
        (rc.RuntimeOptions(actor_resources={"slot": 3}), "has 3 of 'slot'; the most that one has is 2"),
        (rc.RuntimeOptions(actor_resources={"gpu": 1}), "has 1 of 'gpu'; the most that one has is 0"),
        (rc.RuntimeOptions(actor_resources={"slot": 2, "port": 1}), "all of slot, port"),
        (rc.RuntimeOptions(node_labels={"zone": "eu"}, actor_resources={"port": 1}), "all of zone, port"),
    ],
)
def test_what_no_node_has_is_named(options: rc.RuntimeOptions, problem: str) -> None:
    with pytest.raises(InvalidConfig, match=problem):
        require_nodes(options, NODES, {})


def test_what_no_node_has_yet_is_not_refused_where_nodes_may_be_added() -> None:
    options = rc.RuntimeOptions(node_labels={"zone": "asia"}, actor_resources={"slot": 3}, autoscales=True)

    require_nodes(options, NODES, {})

    with pytest.raises(IncompatibleNamespace, match=r"10\.0\.0\.1 has version 9"):
        require_nodes(options, NODES, {"1": "9", "2": "9"})


@pytest.mark.parametrize("labels", [{"a b": "x"}, {"a": "!x"}, {"a": "in(x,y)"}, {"": "x"}, {"a": "x" * 64}])
def test_what_is_no_label_is_rejected(labels: dict[str, str]) -> None:
    with pytest.raises(InvalidConfig, match="is no label of a node"):
        rc.RuntimeOptions(node_labels=labels)
    with pytest.raises(InvalidConfig, match="is no label of a node"):
        rc.RuntimeOptions(control_node_labels=labels)


@pytest.mark.parametrize("options", [rc.RuntimeOptions(), rc.RuntimeOptions(node_labels={"zone": "us"})])
def test_nodes_with_another_version_do_not_count_and_are_named_if_there_are_no_others(
    options: rc.RuntimeOptions,
) -> None:
    others = {"2": "9.9"} if options.node_labels else {"1": NOT_INSTALLED, "2": "9.9"}

    with pytest.raises(IncompatibleNamespace, match=r"node 10\.0\.0\.2 has version 9\.9 of rayconteur") as rejected:
        require_nodes(options, NODES, others)

    assert ("10.0.0.1 has no rayconteur" in str(rejected.value)) is ("1" in others)
    require_nodes(rc.RuntimeOptions(node_labels={"zone": "eu"}), NODES, {"2": "9.9"})


@pytest.mark.parametrize(
    ("head", "labels", "node"),
    [("1", {}, "1"), ("2", {}, "2"), ("1", {"zone": "us"}, "2"), ("2", {"zone": "eu"}, "1"), ("", {}, "1")],
)
def test_what_can_not_leave_its_node_is_on_the_head_or_one_with_the_labels(
    head: str, labels: dict[str, str], node: str
) -> None:
    nodes = [msgspec.structs.replace(each, resources={HEAD: 1.0} if each.id == head else {}) for each in NODES]

    assert control_node(rc.RuntimeOptions(control_node_labels=labels), nodes[::-1]) == node
