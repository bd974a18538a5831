"""CPU time and memory of this process and its descendants."""

import asyncio
import os
import time
from asyncio.subprocess import Process
from collections.abc import Iterable, Sequence
from contextlib import suppress

import psutil

from . import shared_ray

_TITLES = {"sessions": "ray::_SessionActor", "router": "ray::_RouterActor"}
ROLES: tuple[str, ...] = ("sessions", "router", "driver", "Ray")

CLOCK_S = 0.01
"""The resolution of a process's CPU time."""

_IDLE_SHARE = 0.2
_IDLE_SAMPLE_S = 0.15
_IDLE_TIMEOUT_S = 20.0


def process_tree(without: int | None = None) -> list[psutil.Process]:
    """This process and its descendants, without that of pid *without*, and those of the shared Ray if it has joined.

    It looks at all processes of the machine, which takes up to a second on a busy one.
    """
    roots = [psutil.Process(pid) for pid in (os.getpid(), shared_ray.joined_pid()) if pid is not None]
    return [process for root in roots for process in (root, *root.children(recursive=True)) if process.pid != without]


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """The CPU time of *processes* so far; processes that have ended do not count."""
    total_s = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total_s += times.user + times.system
    return total_s


class CpuMeter:
    """Measures the CPU time of *processes* from its creation on.

    One that ends meanwhile does not count: Ray ends those that run no task.
    """

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._before_s = {process: cpu_s([process]) for process in processes}

    def spent_s(self) -> float:
        """The CPU time since then, at least the resolution of the clock."""
        return max(CLOCK_S, sum(max(0.0, cpu_s([each]) - before_s) for each, before_s in self._before_s.items()))


def router_processes() -> list[psutil.Process]:
    """The processes of the runtime's routers."""
    return [process for process in process_tree() if _role(process) == "router"]


def cpu_s_by_role() -> dict[str, float]:
    """CPU time by role: *driver* is this process, the runtime's actors have their own, *Ray* is everything else."""
    total_s = dict.fromkeys(ROLES, 0.0)
    for process in process_tree():
        with suppress(psutil.NoSuchProcess):
            total_s[_role(process)] += cpu_s([process])
    return total_s


def _role(process: psutil.Process) -> str:
    if process.pid == os.getpid():
        return "driver"
    title = " ".join(process.cmdline())
    return next((role for role, prefix in _TITLES.items() if title.startswith(prefix)), "Ray")


def tree_unique_bytes() -> int:
    """The unique memory (USS) of the process tree."""
    total = 0
    for process in process_tree():
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().uss
    return total


def kill_tree(pid: int) -> None:
    """Kill the process *pid* and all its descendants."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                each.kill()


async def wait_or_kill(process: Process, timeout_s: float) -> None:
    """Wait for *process* to end; after *timeout_s*, kill it and its descendants."""
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        kill_tree(process.pid)
        await process.wait()


async def wait_until_idle() -> None:
    """Wait until the process tree takes hardly any CPU time: a Ray that has just started is busy for some seconds."""
    deadline = time.monotonic() + _IDLE_TIMEOUT_S
    while time.monotonic() < deadline:
        meter_processes = process_tree()
        before_s = cpu_s(meter_processes)
        await asyncio.sleep(_IDLE_SAMPLE_S)
        if cpu_s(meter_processes) - before_s < _IDLE_SHARE * _IDLE_SAMPLE_S:
            return
