"""On which of three nodes Ray places actors: spread over all, or where the options say."""

import os
import subprocess
import sys

import msgspec
import pytest
from servers.clusters import placement_driver
from servers.clusters.placement_driver import CONTROL_LABELS, LABELS, NODES, PACKED, SESSIONS, SLOTS, Found
from servers.two_nodes import ENVIRON, HEAD, THIRD, WORKER, json_line, three_nodes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def found() -> Found:
    """What a program finds on three nodes, of which the last two have labels, and the last one a resource."""
    slots = msgspec.json.encode({"slot": SLOTS}).decode()
    third = (f"--labels=zone={LABELS['zone']}", f"--resources={slots}")
    with three_nodes(third, (f"--labels=zone={CONTROL_LABELS['zone']}",)) as address:
        done = subprocess.run(
            [sys.executable, placement_driver.__file__, address],
            env={**os.environ, **ENVIRON},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(json_line(done.stdout), type=Found)


def test_routers_and_session_actors_are_spread_and_the_directory_and_the_journal_are_on_the_head(found: Found) -> None:
    assert found.spread["_directory"] == found.spread["_journal"] == [HEAD]
    for kind in ("_router", "_session", "_host"):
        assert set(found.spread[kind]) == {HEAD, WORKER, THIRD}, kind
        assert max(map(found.spread[kind].count, (HEAD, WORKER, THIRD))) <= SESSIONS / 2 + 1, kind


def test_session_actors_request_resources_and_all_actors_their_nodes(found: Found) -> None:
    assert {kind: set(nodes) for kind, nodes in found.labelled.items()} == {
        "_directory": {WORKER},
        "_journal": {WORKER},
        "_router": {THIRD},
        "_session": {THIRD},
        "_host": {THIRD},
    }
    assert found.slots_left == SLOTS - 2 * SESSIONS * 0.5


def test_what_no_node_has_is_named_at_once(found: Found) -> None:
    label, resource = found.problems
    assert "no node of the cluster has the label zone=moon, the nodes have third, worker" in label
    assert f"no node of the cluster has {SLOTS + 1} of 'slot'" in resource


def test_sessions_are_on_the_nodes_of_their_routers_and_as_many_on_each_actor(found: Found) -> None:
    assert found.near["dedicated"] == 1
    assert found.near["packed"] > 0.9
    assert found.sizes == [PACKED // NODES] * NODES
