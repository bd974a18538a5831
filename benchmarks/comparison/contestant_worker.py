"""A side of a comparison: a crowd in a process of its own, which carries out trials and tells what came of them.

    python -m rayconteur.benchmarks.comparison.contestant_worker bare '{"url": "http://127.0.0.1:8000", "tokens": 200}'

It reads a task a line from its standard input, answers each with a trial in a line, says in another that it is at rest,
and ends when the input does. Whatever else is printed, by Ray or a peer, goes to standard error.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import TextIO

import msgspec

from ..adapters.adapter import Site
from ..adapters.registry import open_crowd
from .workload_runner import carry_out
from .workloads import Task, Trial

_site = msgspec.json.Decoder(Site).decode
_task: msgspec.json.Decoder[Task] = msgspec.json.Decoder(Task)


async def _serve(name: str, site: Site, answers: TextIO) -> None:
    crowd = open_crowd(name, site)
    loop = asyncio.get_running_loop()

    def tell(trial: Trial) -> None:
        print(msgspec.json.encode(trial).decode(), file=answers, flush=True)

    whole = site.address is None and "RAY_ADDRESS" not in os.environ
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await carry_out(_task.decode(line), crowd, tell, whole=whole)
            print("at rest", file=answers, flush=True)
    finally:
        await crowd.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What all sides run on: uvloop, where it is installed."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    return new_event_loop


def main() -> None:
    """Serve whoever holds the other ends."""
    name, site = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(name, _site(site), answers))


if __name__ == "__main__":
    main()
