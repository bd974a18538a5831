"""Sides as programs of their own, for as long as somebody needs them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from .crowd import Site
from .trial import Task, Trial

_trial = msgspec.json.Decoder(Trial).decode
_LINE_BYTES = 1 << 20


class SideFailed(Exception):
    """A side ended in the middle of a trial; what it said is on standard error."""


class Side:
    """The crowd called *name*, in its process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process

    async def carry_out(self, task: Task) -> Trial:
        """What came of *task*.

        Raises:
            SideFailed: the process ended before it told.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(msgspec.json.encode(task) + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise SideFailed(f"{self.name} ended in the middle of a trial; what it said is above")
        return _trial(line)


@asynccontextmanager
async def side(name: str, site: Site) -> AsyncGenerator[Side]:
    """The crowd called *name*, which asks *site*, in a process of its own, until it is left."""
    words = ["-m", "rayconteur.benchmarks.crowds.side", name, msgspec.json.encode(site).decode()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=_LINE_BYTES
    )
    assert process.stdin
    try:
        yield Side(name, process)
    finally:
        process.stdin.close()
        await process.wait()
