"""A program of its own that makes a trivial call to a session's host again and again, and says how long one took.

    python -m rayconteur.benchmarks.system.call_watch ADDRESS NAMESPACE SESSION

It prints a line when it has begun. For each line that it reads, it prints the median and the longest of the calls since
the line before, in milliseconds. It ends when its standard input does.
"""

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from statistics import median

import msgspec

import rayconteur as rc

from .processes import wait_or_kill

_PAUSE_S = 0.003
_SHUTDOWN_S = 20.0
_RESOLUTION_MS = 0.001


class Calls(msgspec.Struct, frozen=True):
    """The median and the longest of some calls, in milliseconds."""

    median_ms: float
    longest_ms: float

    @property
    def stall_ms(self) -> float:
        """How much longer than usual the host took at most; not zero, for it may be a divisor."""
        return max(_RESOLUTION_MS, self.longest_ms - self.median_ms)


_decode = msgspec.json.Decoder(Calls).decode


class CallWatch:
    """The program *process*, which is calling."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.pid = process.pid

    async def calls(self) -> Calls:
        """The calls since this was last asked."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(b"\n")
        return _decode(await self._process.stdout.readline())


@asynccontextmanager
async def watch_calls(address: str, namespace: str, session_id: str) -> AsyncGenerator[CallWatch]:
    """Calls the host of the session *session_id*, which is idle, from another process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__, address, namespace, session_id), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    assert process.stdin
    assert process.stdout
    try:
        if not await process.stdout.readline():
            raise RuntimeError("the program that calls the host did not start")
        yield CallWatch(process)
    finally:
        process.stdin.close()
        await wait_or_kill(process, _SHUTDOWN_S)


async def _call_until_ended(address: str, namespace: str, session_id: str) -> None:
    took_ms: list[float] = []
    returned = asyncio.Event()
    async with rc.Runtime(address, options=rc.RuntimeOptions(namespace=namespace)) as runtime:
        session = await runtime.session(session_id)

        async def call() -> None:
            while True:
                started_at = time.perf_counter()
                await session.interrupt()  # nothing: the session is idle
                took_ms.append((time.perf_counter() - started_at) * 1e3)
                returned.set()
                await asyncio.sleep(_PAUSE_S)

        async with asyncio.TaskGroup() as group:
            calling = group.create_task(call())
            print("calling", flush=True)
            while await asyncio.to_thread(sys.stdin.readline):
                returned.clear()
                await returned.wait()  # one that still waits counts
                taken, took_ms = took_ms, []
                print(msgspec.json.encode(Calls(median(taken), max(taken))).decode(), flush=True)
            calling.cancel()


if __name__ == "__main__":
    asyncio.run(_call_until_ended(*sys.argv[1:]))
