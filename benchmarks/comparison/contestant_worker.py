"""The process of a contestant: runs workloads on an adapter, and reports the trials.

    python -m rayconteur.benchmarks.comparison.contestant_worker bare '{"url": "http://127.0.0.1:8000", "tokens": 200}'

It reads one workload per line from standard input, and answers each with a line that has the trial, and another one
when it is idle again. It ends when the input does. Other output, of Ray or a peer, goes to standard error.
"""

import asyncio
import os
import sys
from typing import TextIO

import msgspec

from ..adapters.adapter import AdapterConfig
from ..adapters.registry import open_adapter
from ..load.event_loop import new_event_loop
from .workload_runner import run_workload
from .workloads import Trial, Workload

_decode_config = msgspec.json.Decoder(AdapterConfig).decode
_decoder: msgspec.json.Decoder[Workload] = msgspec.json.Decoder(Workload)


async def _serve(name: str, config: AdapterConfig, output: TextIO) -> None:
    adapter = open_adapter(name, config)
    loop = asyncio.get_running_loop()

    def report(trial: Trial) -> None:
        print(msgspec.json.encode(trial).decode(), file=output, flush=True)

    owns_processes = config.address is None and "RAY_ADDRESS" not in os.environ
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await run_workload(_decoder.decode(line), adapter, report, owns_processes=owns_processes)
            print("idle", file=output, flush=True)
    finally:
        await adapter.close()


def main() -> None:
    """Run workloads until standard input ends."""
    name, config = sys.argv[1:]
    output, sys.stdout = sys.stdout, sys.stderr
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(name, _decode_config(config), output))


if __name__ == "__main__":
    main()
