"""Attach, kill, attach again: a detached session survives the programs that use it, whatever ends them.

The first program starts a session and asks; it is killed in the middle of the answer. The second attaches by the
session's id, reads on from the last event that the first has seen, asks again, and is killed, too. The third attaches,
and closes the session.

python examples/attach.py
"""

import asyncio
import logging
import os
import subprocess
import sys
from typing import cast

import ray

import rayconteur as rc

DETACHED = rc.RuntimeOptions(namespace="attaching", detached=True)
SLOW = rc.Scripted(script=rc.scripted.Script(tokens_per_s=20))
QUESTION = "Once upon a midnight dreary, while I pondered, weak and weary, over many a quaint volume"


async def first(address: str) -> None:
    async with rc.Runtime(address, options=DETACHED) as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=SLOW), "huginn")
        async for event in session.ask(QUESTION):
            if isinstance(event, rc.TextChunk):
                print(f"{event.seq} {event.text}", flush=True)


async def second(address: str, last_seq: int) -> None:
    async with rc.Runtime(address, options=DETACHED) as runtime:
        session = await runtime.session("huginn")
        async for event in session.events(after=last_seq):
            if isinstance(event, rc.TextChunk):
                print(f"{event.seq} {event.text}", flush=True)
            if isinstance(event, rc.Completed):
                break
        await session.ask("And then?").answer()
        print("asked again", flush=True)
        await asyncio.Event().wait()  # until it is killed


async def third(address: str) -> None:
    async with rc.Runtime(address, options=DETACHED) as runtime:
        session = await runtime.session("huginn")
        status = await session.status()
        print(f"third program: {status.turns} turns, {status.messages} messages", flush=True)
        await session.close()
    await rc.runtime.shutdown("attaching", address)  # ends what a detached runtime leaves running


def run_and_kill(*arguments: str, last_line: str) -> list[str]:
    """Run a program until it prints a line with *last_line*, and kill it. Returns what it has printed."""
    lines: list[str] = []
    with subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout or ():
            lines.append(line.rstrip("\n"))
            if last_line in line:
                break
        program.kill()
    return lines


def main(address: str) -> None:
    """Run the programs on the cluster at *address*, one after the other."""
    seen = run_and_kill("first", address, last_line="dreary")
    last_seq = seen[-1].partition(" ")[0]
    print(f"the first program was killed after event {last_seq}")
    rest = run_and_kill("second", address, last_seq, last_line="asked again")
    print(f"the second one read on, and was killed after {rest[-1]!r}")
    text = "".join(line.partition(" ")[2] for line in [*seen, *rest[:-1]])
    print(f"both have read: {text}")
    subprocess.run([sys.executable, __file__, "third", address], check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["first", address]:
            asyncio.run(first(address))
        case ["second", address, last_seq]:
            asyncio.run(second(address, int(last_seq)))
        case ["third", address]:
            asyncio.run(third(address))
        case _ if "RAY_ADDRESS" in os.environ:
            main(os.environ["RAY_ADDRESS"])
        case _:
            ray.init("local", num_cpus=2, include_dashboard=False, logging_level=logging.ERROR)
            main(cast(str, ray.get_runtime_context().gcs_address))
            ray.shutdown()
