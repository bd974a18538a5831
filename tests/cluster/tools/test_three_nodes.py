"""A tool runs on the node of a cluster that has what it requests."""

import os
import subprocess
import sys

import msgspec
import pytest
from servers.two_nodes import ENVIRON, THIRD, three_nodes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

PROGRAM = """
import asyncio, sys
import rayconteur as rc
from rayconteur.runtime import RayTask
from rayconteur.scripted import Call, Say, Script

def where() -> str:
    import ray
    return ray.util.get_node_ip_address()

PLACES = {
    "memory": RayTask(num_cpus=0, memory_bytes=200 << 30),
    "disk": RayTask(num_cpus=0, resources={"disk": 1}),
    "gpu": RayTask(num_gpus=1),
}

async def main(address: str) -> None:
    tools = tuple(rc.tool(name=name, runs=place)(where) for name, place in PLACES.items())
    script = Script(answers=((Call("memory"), Call("disk")), (Say("done"),)))
    async with rc.Runtime(address, placement=rc.Packed()) as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted(script=script), tools=tools[:2]))
        answer = await session.ask("where?")
        print(*(result.content[0].text for result in answer.steps[0].results))
        try:
            await session.configure(rc.Configure(tools=tools))
        except rc.errors.InvalidConfig as error:
            print(error)

asyncio.run(main(sys.argv[1]))
"""


def test_a_tool_runs_on_the_node_that_has_the_memory_or_the_resource_and_is_rejected_where_no_node_has_it() -> None:
    options = (f"--memory={300 << 30}", f"--resources={msgspec.json.encode({'disk': 1}).decode()}")

    with three_nodes(options) as address:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, address],
            env={**os.environ, **ENVIRON},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    places, rejected = done.stdout.splitlines()
    assert places == f"{THIRD} {THIRD}"
    assert "num_gpus" in rejected
