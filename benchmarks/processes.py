"""What processes take: this one, and all that descend from it."""

import asyncio
import time
from contextlib import suppress

import psutil

_IDLE = 0.1
_LOOK_S = 0.5
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
