"""A journal whose actor is on another node than the program: an address that it can't reach is reported at once."""

import os
import subprocess
import sys

import pytest
from servers.two_nodes import ENVIRON, two_nodes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

PROGRAM = """
import asyncio, sys
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
import rayconteur as rc
from rayconteur.errors import JournalUnavailable
from rayconteur.runtime.cluster.journal.actor import JournalActor

CONFIG = rc.runtime.PostgresJournalConfig("postgresql://raven@127.0.0.9:1/ravens")
OPTIONS = rc.RuntimeOptions(namespace="ravens", journal=CONFIG)

async def enter():
    here = ray.get_runtime_context().get_node_id()
    [other] = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["NodeID"] != here]
    strategy = NodeAffinitySchedulingStrategy(other, soft=False)
    placed = {"num_cpus": 0, "lifetime": "detached", "max_concurrency": 1_000, "scheduling_strategy": strategy}
    journal = JournalActor.options(name="_journal", namespace="ravens", **placed).remote(CONFIG, None, "ravens", ())
    node = await journal.__ray_call__.remote(lambda _: ray.get_runtime_context().get_node_id())
    try:
        async with rc.Runtime(options=OPTIONS):
            print("entered")
    except JournalUnavailable as error:
        print("elsewhere" if node == other else "here", error)
    print("left:", ray.util.list_named_actors(all_namespaces=True))

ray.init(sys.argv[1], namespace="ravens")
asyncio.run(enter())
"""


def test_an_address_that_the_other_node_cannot_reach_is_reported_on_entering_and_nothing_is_left() -> None:
    with two_nodes({}) as address:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, address],
            env={**os.environ, **ENVIRON},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    reported, left = done.stdout.splitlines()[-2:]
    assert reported.startswith("elsewhere "), done.stdout + done.stderr
    assert "127.0.0.9" in reported
    assert left == "left: []"
