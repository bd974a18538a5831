"""A contestant in its own process on this machine."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from ..adapters.adapter import AdapterConfig
from ..system.processes import kill_tree
from .workloads import Trial, Workload

_decode_trial = msgspec.json.Decoder(Trial).decode
_MAX_LINE_BYTES = 1 << 20
_IDLE_TIMEOUT_S = 2.0


class ContestantFailed(Exception):
    """A contestant's process ended during a trial; its output is on standard error."""


class ContestantProcess:
    """The adapter *name* in its own process, which starts when it is first needed."""

    def __init__(self, name: str, config: AdapterConfig, idle_timeout_s: float = _IDLE_TIMEOUT_S) -> None:
        self.name = name
        self._idle_timeout_s = idle_timeout_s
        self._arguments = ["-m", f"{__package__}.contestant_worker", name, msgspec.json.encode(config).decode()]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> asyncio.subprocess.Process:
        """Start the process, if it is not running; its imports may take seconds."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=_MAX_LINE_BYTES
            )
        return self._process

    async def run(self, workload: Workload, last: bool = False) -> Trial:
        """Run *workload*, and wait until the process is idle: one that takes too long is ended, and starts anew.

        After its *last* workload it is ended at once.

        Raises:
            ContestantFailed: the process ended before it reported the trial.
        """
        process = await self.start()
        assert process.stdin
        process.stdin.write(msgspec.json.encode(workload) + b"\n")
        trial = _decode_trial(await self._read_line(process))
        try:
            async with asyncio.timeout(0 if last else self._idle_timeout_s):
                await self._read_line(process)
        except TimeoutError:
            self._process = None
            kill_tree(process.pid)
            await process.wait()
        return trial

    async def close(self) -> None:
        """Let the process end."""
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            await self._process.wait()

    async def _read_line(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout
        if line := await process.stdout.readline():
            return line
        raise ContestantFailed(f"{self.name} ended during a trial; its output is above")


@asynccontextmanager
async def contestant_process(name: str, config: AdapterConfig) -> AsyncGenerator[ContestantProcess]:
    """The adapter *name* in its own process, which ends with the context."""
    contestant = ContestantProcess(name, config)
    await contestant.start()
    try:
        yield contestant
    finally:
        await contestant.close()
