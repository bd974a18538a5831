"""A node runs out of memory while it runs a tool: the model is told, and all else goes on."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
import pytest

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

TOOLS = """
import asyncio, os, sys, time
from pathlib import Path
import ray
import rayconteur as rc
from rayconteur.runtime import RayTask
from rayconteur.scripted import Call, Say, Script

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
                    print(result.is_error, "".join(block.text for block in result.content), sep="|", flush=True)
            case rc.TextChunk():
                text += event.text
            case _:
                pass
    print(text, flush=True)
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
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, _system_config=config)
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


def next_results(printed: IO[str], number: int) -> tuple[list[tuple[bool, str]], str]:
    """The next *number* results, each with whether it is an error, and the answer after them."""
    lines = [printed.readline().rstrip("\n") for _ in range(number)]
    results = [(error == "True", text) for error, _, text in (line.partition("|") for line in lines)]
    return results, printed.readline().rstrip("\n")


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
