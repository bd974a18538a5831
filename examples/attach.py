"""Two programs share one session: the first starts it and exits, the second attaches to it by its id and continues.

python examples/attach.py
"""

import asyncio
import logging
import subprocess
import sys
from typing import cast

import ray

import rayconteur as rc

DETACHED = rc.RuntimeOptions(namespace="ravens", detached=True)


async def first(address: str) -> None:
    async with rc.Runtime(address, options=DETACHED) as runtime:
        session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), "huginn")
        answer = await session.ask("I fly out at dawn.").answer()
        print(f"first program: {answer.text!r}; exits", flush=True)


async def second(address: str) -> None:
    async with rc.Runtime(address, options=DETACHED) as runtime:
        session = await runtime.session("huginn")
        async for event in session.events(after=0):  # replays the session from its first event
            if isinstance(event, rc.TextChunk):
                print(f"second program replays event {event.seq}: {event.text!r}")
            if isinstance(event, rc.Completed):
                break
        answer = await session.ask("I come back at noon.").answer()
        status = await session.status()
        print(f"second program: {answer.text!r}, turn {status.turns}, {status.messages} messages")
        await session.close()


def main() -> None:
    """Start a Ray cluster for both programs, run one after the other, and shut it down."""
    ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR)
    address = cast(str, ray.get_runtime_context().gcs_address)
    for program in ("first", "second"):
        subprocess.run([sys.executable, __file__, program, address], check=True)
    ray.shutdown()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["first", address]:
            asyncio.run(first(address))
        case ["second", address]:
            asyncio.run(second(address))
        case _:
            main()
