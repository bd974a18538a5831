"""What processes take: this one, and all that descend from it."""

import asyncio
import os
import time
from contextlib import suppress

import psutil

_TITLES = {"sessions": "ray::_SessionActor", "router": "ray::_Router"}
ROLES: tuple[str, ...] = ("sessions", "router", "driver", "Ray")

_IDLE = 0.2
_LOOK_S = 0.25
_LONGEST_S = 20.0


def family() -> list[psutil.Process]:
    """This process and its descendants: those of a Ray that was started here are among them."""
    here = psutil.Process()
    return [here, *here.children(recursive=True)]


def cpu_s() -> float:
    """The CPU time that the family has taken so far, its dead not counted."""
    taken = 0.0
    for process in family():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            taken += times.user + times.system
    return taken


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


async def idle() -> None:
    """Come back when the family hardly does anything any more: a Ray that has just started is busy for some seconds."""
    ends_at = time.monotonic() + _LONGEST_S
    while time.monotonic() < ends_at:
        before = cpu_s()
        await asyncio.sleep(_LOOK_S)
        if cpu_s() - before < _IDLE * _LOOK_S:
            return
