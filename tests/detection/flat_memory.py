"""Open, ask and close many sessions, and print how much memory each process has after each group of them, as JSON.

    cd tests && python -m detection.flat_memory 20000

Of what processes keep, some is limited and not full before thousands of sessions: the ends of sessions in a router, for
instance. So what counts is the second half.
"""

import asyncio
import gc
import sys
from statistics import fmean

import msgspec
import psutil
from detection.clusters import one_node
from detection.stage import ECHO, QUESTION

import rayconteur as rc

GROUPS = 20
TITLES = {
    "ray::_SessionActor": "host",
    "ray::_RouterActor": "router",
    "ray::_Directory": "directory",
    "ray::_JournalActor": "journal",
}
PROGRAMS = {"gcs_server": "GCS", "raylet": "raylet"}


def role_of(process: psutil.Process) -> str | None:
    """What a process is, if it is one of those that live as long as the namespace."""
    if process.pid == psutil.Process().pid:
        return "program"
    if process.name() in PROGRAMS:
        return PROGRAMS[process.name()]
    title = (process.cmdline() or [""])[0]
    return next((role for prefix, role in TITLES.items() if title.startswith(prefix)), None)


def unique_mib() -> dict[str, float]:
    """The memory that each process shares with no other one."""
    gc.collect()
    found: dict[str, float] = {}
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        if role := role_of(process):
            found[role] = found.get(role, 0.0) + process.memory_full_info().uss / (1 << 20)
    return found


async def measured(sessions: int) -> list[dict[str, float]]:
    """The memory after each group."""
    after: list[dict[str, float]] = []
    async with rc.Runtime(placement=rc.Packed()) as runtime:
        for _ in range(GROUPS):
            opened = await runtime.spawn_many(ECHO, sessions // GROUPS)
            await asyncio.gather(*(session.ask(QUESTION).answer() for session in opened))
            await asyncio.gather(*(session.close() for session in opened))
            del opened
            after.append(unique_mib())
    return after


def growth_mib(after: list[dict[str, float]]) -> dict[str, float]:
    """By how much each process grew in the second half: by the averages of its first and its second part."""
    part = len(after) // 4
    earlier, later = after[-2 * part : -part], after[-part:]
    return {role: fmean(each[role] for each in later) - fmean(each[role] for each in earlier) for role in after[-1]}


def main(sessions: int) -> None:
    """Measure, and print all figures, and the growth."""
    with one_node():
        after = asyncio.run(measured(sessions))
    for each in (*after, growth_mib(after)):
        print(msgspec.json.encode({role: round(mib, 1) for role, mib in each.items()}).decode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
