"""A node runs out of memory, or is lost, while it runs a tool: the model is told, and all else goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
import pytest
from servers.two_nodes import ENVIRON, third_node, two_nodes

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

TOOLS = """
import asyncio, os, sys, time
from pathlib import Path
import ray
import rayconteur as rc
from rayconteur.runtime import RayTask
from rayconteur.scripted import Call, Say, Script

def say(text: str) -> None:
    print(">", text, flush=True)  # Ray prints, too

@rc.tool
async def local() -> str:
    return "here"

async def show(reply: rc.Reply, folder: str, failures: int) -> None:
    # Prints the results, and the answer. After so many failures, the tools that wait may end.
    text = ""
    async for event in reply:
        match event:
            case rc.runtime.ToolFailed():
                failures -= 1
                if not failures:
                    Path(folder, "over").touch()
            case rc.runtime.StepCompleted(results=results):
                for result in results:
                    say(f"{result.is_error}|{''.join(block.text for block in result.content)}")
            case rc.TextChunk():
                text += event.text
            case _:
                pass
    say(text)
"""

OUT_OF_MEMORY = (
    TOOLS
    + """
@rc.tool(runs=RayTask(num_cpus=0))
def stays(folder: str) -> str:
    Path(folder, "stays").touch()
    while not Path(folder, "over").exists():
        time.sleep(0.01)
    return "still there"

@rc.tool(runs=RayTask(num_cpus=0), timeout_s=100)
def hoard(folder: str, most: int) -> int:
    while not Path(folder, "stays").exists():
        time.sleep(0.01)
    hoarded = []
    while len(hoarded) < most:
        hoarded.append(b"x" * (64 << 20))
        time.sleep(0.02)
    return len(hoarded)

async def main(folder: str, share: str, most: str) -> None:
    config = {"memory_usage_threshold": float(share), "memory_monitor_refresh_ms": 50, "worker_niceness": 0}
    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, _system_config=config)
    calls = (Call("stays", {"folder": folder}), Call("hoard", {"folder": folder, "most": int(most)}), Call("local"))
    script = Script(answers=(calls, (Say("done"),), (Call("local"),), (Say("again"),)))
    async with rc.Runtime(placement=rc.Packed()) as runtime:
        tools = (stays, hoard, local)
        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted(script=script), tools=tools))
        await show(session.ask("hoard"), folder, 1)
        await show(session.ask("once more"), folder, 0)

asyncio.run(main(*sys.argv[1:]))
"""
)

LOST_NODE = (
    TOOLS
    + """
ON_DISK = RayTask(num_cpus=0, resources={"disk": 1})

@rc.tool(runs=RayTask(num_cpus=1), timeout_s=100)
def stays(folder: str) -> str:
    while not Path(folder, "over").exists():
        time.sleep(0.01)
    return "still there"

def lost(folder: str) -> None:
    Path(folder, f"{os.getpid()}").write_text(str(os.getppid()))
    Path(folder, f"{os.getpid()}").rename(Path(folder, f"{os.getpid()}.started"))
    time.sleep(600)

async def main(folder: str, address: str) -> None:
    calls = (Call("once", {"folder": folder}), Call("twice", {"folder": folder}), Call("stays", {"folder": folder}))
    script = Script(answers=((*calls, Call("local")), (Say("done"),), (Call("local"),), (Say("again"),)))
    async with rc.Runtime(address, placement=rc.Packed()) as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted(script=script)))
        say("spawned")
        sys.stdin.readline()
        once = rc.tool(name="once", runs=ON_DISK, timeout_s=100)(lost)
        twice = rc.tool(name="twice", runs=ON_DISK, timeout_s=100, retries=1)(lost)
        await session.configure(rc.Configure(tools=(once, twice, stays, local)))
        await show(session.ask("run"), folder, 2)
        await show(session.ask("once more"), folder, 0)

asyncio.run(main(*sys.argv[1:]))
"""
)


@contextmanager
def program(source: str, *arguments: str, **environ: str) -> Generator[tuple[IO[str], IO[str]]]:
    """Runs the program *source*; gives what it reads and what it prints. It must succeed."""
    command = [sys.executable, "-c", source, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env={**os.environ, **environ}, stdin=pipe, stdout=pipe, text=True) as running:
        try:
            assert running.stdin
            assert running.stdout
            yield running.stdin, running.stdout
            assert running.wait(60) == 0
        finally:
            running.kill()


def next_text(printed: IO[str]) -> str:
    """What the program says next."""
    while not (line := printed.readline()).startswith("> "):
        assert line, "the program has ended"
    return line[2:].rstrip("\n")


def next_results(printed: IO[str], number: int) -> tuple[list[tuple[bool, str]], str]:
    """The next *number* results, each with whether it is an error, and the answer after them."""
    texts = [next_text(printed) for _ in range(number)]
    results = [(error == "True", text) for error, _, text in (each.partition("|") for each in texts)]
    return results, next_text(printed)


def memory_share(more_bytes: int) -> float:
    """The share of the memory that is in use when so much more of it is."""
    memory = psutil.virtual_memory()
    return (memory.total - memory.available + more_bytes) / memory.total


def test_a_tool_that_takes_the_last_memory_is_ended_and_the_model_is_told_why(tmp_path: Path) -> None:
    room = 3 << 30
    if psutil.virtual_memory().available < 3 * room:
        pytest.skip("too little memory is free here")

    with program(OUT_OF_MEMORY, str(tmp_path), f"{memory_share(room)}", f"{2 * room >> 26}") as (_, printed):
        [stays, hoard, local], text = next_results(printed, 3)
        again = next_results(printed, 1)

    assert (stays, local, text) == ((False, "still there"), (False, "here"), "done")
    assert hoard == (True, "The tool's process was ended because its node ran out of memory.")
    assert again == ([(False, "here")], "again")


def kill_node(raylet: int) -> None:
    """Kill the processes of a node, all at once."""
    parent = psutil.Process(raylet)
    for process in (parent, *parent.children(recursive=True)):
        process.send_signal(signal.SIGKILL)


def started(folder: Path, number: int) -> int:
    """The process id of the raylet that runs *number* tools, once all of them have started."""
    while len(found := list(folder.glob("*.started"))) < number:
        os.sched_yield()
    return int(found[0].read_text())


def test_tools_on_a_node_that_is_lost_get_an_error_result_and_one_is_tried_again_where_no_node_is_left(
    tmp_path: Path,
) -> None:
    with two_nodes({}) as address, program(LOST_NODE, str(tmp_path), address, **ENVIRON) as (told, printed):
        assert next_text(printed) == "spawned"  # the session is on one of the first two nodes
        with third_node(address, "--num-cpus=0", '--resources={"disk": 2}'):
            told.write("go on\n")
            told.flush()
            kill_node(started(tmp_path, 2))
            [once, twice, stays, local], text = next_results(printed, 4)
            again = next_results(printed, 1)

    assert once == (True, "The node that the tool ran on has died.")
    assert twice[0]
    assert "resources['disk']" in twice[1]
    assert (stays, local, text) == ((False, "still there"), (False, "here"), "done")
    assert again == ([(False, "here")], "again")
