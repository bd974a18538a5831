"""What processes take: this one, and all that descend from it."""

import asyncio
import os
import time
from asyncio.subprocess import Process
from collections.abc import Iterable, Sequence
from contextlib import suppress

import psutil

from . import shared_ray as own_ray

_TITLES = {"sessions": "ray::_SessionActor", "router": "ray::Router"}
ROLES: tuple[str, ...] = ("sessions", "router", "driver", "Ray")

CLOCK_S = 0.01
"""What a process's CPU time is counted in."""

_IDLE = 0.2
_LOOK_S = 0.15
_LONGEST_S = 20.0


def family(but: int | None = None) -> list[psutil.Process]:
    """This process and its descendants without that of the number *but*, and those of the run's own Ray, if it joined.

    It looks at all processes of the machine, which a busy one may take a second for.
    """
    roots = [psutil.Process(pid) for pid in (os.getpid(), own_ray.joined()) if pid is not None]
    return [process for root in roots for process in (root, *root.children(recursive=True)) if process.pid != but]


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """The CPU time that *processes* have taken so far, the dead not counted."""
    taken = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            taken += times.user + times.system
    return taken


class Meter:
    """The CPU time of *processes* from now on."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes
        self._begun_s = cpu_s(processes)

    def spent_s(self) -> float:
        """What they took; never less than can be counted."""
        return max(CLOCK_S, cpu_s(self._processes) - self._begun_s)


def cpu_s_by_role() -> dict[str, float]:
    """The same, told apart: this process as *driver*, the actors of the runtime by what they are, and Ray's own."""
    taken = dict.fromkeys(ROLES, 0.0)
    for process in family():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            taken[_role(process)] += times.user + times.system
    return taken


def _role(process: psutil.Process) -> str:
    if process.pid == os.getpid():
        return "driver"
    title = " ".join(process.cmdline())
    return next((role for role, name in _TITLES.items() if title.startswith(name)), "Ray")


def unique_bytes() -> int:
    """The memory that would come back if the family ended (USS, summed)."""
    taken = 0
    for process in family():
        with suppress(psutil.NoSuchProcess):
            taken += process.memory_full_info().uss
    return taken


def kill(pid: int) -> None:
    """End the process of that number and all that descend from it, whatever they are at."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                each.kill()


async def wait_or_kill(process: Process, within_s: float) -> None:
    """Wait for the end of *process*, and end it with all that descend from it if that takes too long."""
    try:
        async with asyncio.timeout(within_s):
            await process.wait()
    except TimeoutError:
        kill(process.pid)
        await process.wait()


async def idle() -> None:
    """Come back when the family hardly does anything any more: a Ray that has just started is busy for some seconds."""
    ends_at = time.monotonic() + _LONGEST_S
    while time.monotonic() < ends_at:
        processes = family()
        before = cpu_s(processes)
        await asyncio.sleep(_LOOK_S)
        if cpu_s(processes) - before < _IDLE * _LOOK_S:
            return
