"""Sides as programs of their own, for as long as somebody needs them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from ..adapters.adapter import Site
from ..system.processes import kill
from .workloads import Task, Trial

_trial = msgspec.json.Decoder(Trial).decode
_LINE_BYTES = 1 << 20
_PATIENCE_S = 2.0


class SideFailed(Exception):
    """A side ended in the middle of a trial; what it said is on standard error."""


class Side:
    """The crowd called *name*, which asks *site*, in a process of its own from when it is first needed."""

    def __init__(self, name: str, site: Site, patience_s: float = _PATIENCE_S) -> None:
        self.name = name
        self._patience_s = patience_s
        self._words = [
            "-m",
            "rayconteur.benchmarks.comparison.contestant_worker",
            name,
            msgspec.json.encode(site).decode(),
        ]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> asyncio.subprocess.Process:
        """Have the process; it may take seconds to import what it needs."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=_LINE_BYTES
            )
        return self._process

    async def carry_out(self, task: Task, last: bool = False) -> Trial:
        """What came of *task*. The crowd is at rest then: who takes too long for that is ended, and begins anew.

        After its *last* task it is ended at once.

        Raises:
            SideFailed: the process ended before it told.
        """
        process = await self.start()
        assert process.stdin
        process.stdin.write(msgspec.json.encode(task) + b"\n")
        trial = _trial(await self._line(process))
        try:
            async with asyncio.timeout(0 if last else self._patience_s):
                await self._line(process)
        except TimeoutError:
            self._process = None
            kill(process.pid)
            await process.wait()
        return trial

    async def close(self) -> None:
        """Let the process end."""
        if self._process is not None:
            assert self._process.stdin
            self._process.stdin.close()
            await self._process.wait()

    async def _line(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout
        if line := await process.stdout.readline():
            return line
        raise SideFailed(f"{self.name} ended in the middle of a trial; what it said is above")


@asynccontextmanager
async def side(name: str, site: Site) -> AsyncGenerator[Side]:
    """The crowd called *name*, which asks *site*, until it is left."""
    crowd = Side(name, site)
    await crowd.start()
    try:
        yield crowd
    finally:
        await crowd.close()
