"""Idle sessions that have left memory: what they cost, and how long it takes to wake one."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import rayconteur as rc
from rayconteur.runtime import SQLiteJournalConfig

from ...comparison.workloads import percentiles
from ...program import Options, run_program
from ...report.rows import MB, Row, Sample, Target
from ...system.ray_cluster import ONE_ACTOR, local_runtime, shared_actors, unique_bytes
from .timed import Timed, ask_timed

_AWAKE = rc.SessionConfig(provider=rc.Scripted())
_LEAVING = rc.SessionConfig(provider=rc.Scripted(), passivate_after_s=1)
_TURNS = 2
_AT_ONCE = 100
_POLL_S = 0.2
_WAKING_TARGETS = {99.0: Target("under", 20)}


async def measure(options: Options) -> AsyncIterator[Row]:
    """Many sessions that leave, of which some are woken one at a time, beside sessions that stay."""
    scale = options.scale
    number, woken = next(iter(options.sessions), scale.pick(20_000, 1_000, 10)), scale.pick(500, 100, 3)
    with TemporaryDirectory(dir=Path.cwd()) as name:  # /tmp may be in memory
        folder = Path(name)
        journal = SQLiteJournalConfig(str(folder / "journal.db"))
        namespace = f"passivated-{folder.name}"
        async with local_runtime(options.address, namespace=namespace, journal=journal, placement=ONE_ACTOR) as runtime:
            stay = await runtime.spawn_many(_AWAKE, woken + 1, ONE_ACTOR)
            await _talk(stay)
            await _passivated(runtime, number, len(stay))  # these also pay for what all of them share
            memory, disk = await _memory(namespace), _disk(folder)
            left = await _passivated(runtime, number, len(stay))
            grown = await _memory(namespace)
            disk_mb = (_disk(folder) - disk) / MB / number * 1_000
            for whose in sorted(grown):
                mb = (grown[whose] - memory.get(whose, 0)) / MB / number * 1_000
                row = Row.measured(f"memory of 1,000 sessions that have left, the {whose}'s", "MB", Sample.of([mb]))
                yield row.better_if("less")
            row = Row.measured(f"disk of 1,000 sessions of {_TURNS} turns", "MB", Sample.of([disk_mb]))
            yield row.better_if("less")
            awake = [await ask_timed(session) for session in stay][1:]
            waking = [await ask_timed(session) for session in left[: woken + 1]][1:]
            for row in _rows(waking, awake):
                yield row


async def _passivated(runtime: rc.Runtime, number: int, stay: int) -> list[rc.SessionHandle]:
    """So many sessions, which have had some turns, and have left."""
    sessions = await runtime.spawn_many(_LEAVING, number, ONE_ACTOR)
    await _talk(sessions)
    while len(await runtime.sessions()) > stay:  # noqa: ASYNC110  it is not announced
        await asyncio.sleep(_POLL_S)
    return sessions


async def _talk(sessions: Sequence[rc.SessionHandle]) -> None:
    for start in range(0, len(sessions), _AT_ONCE):
        await asyncio.gather(*map(_converse, sessions[start : start + _AT_ONCE]))


async def _converse(session: rc.SessionHandle) -> None:
    for _ in range(_TURNS):
        await session.ask("lore " * 50).answer()


async def _memory(namespace: str) -> dict[str, int]:
    return {name: await unique_bytes(actor) for name, actor in shared_actors(namespace).items()}


def _disk(folder: Path) -> int:
    return sum(os.stat(each).st_size for each in folder.iterdir())


def _rows(waking: Sequence[Timed], awake: Sequence[Timed]) -> Iterator[Row]:
    number = len(waking)
    for percent in (50.0, 99.0):
        for what, woken, stayed, target in (
            ("receipt", [each.receipt_ms for each in waking], [each.receipt_ms for each in awake], _WAKING_TARGETS),
            ("first event", [each.first_event_ms for each in waking], [each.first_event_ms for each in awake], {}),
        ):
            ours, theirs = (Sample.of([dict(percentiles(each))[percent]]) for each in (woken, stayed))
            row = Row.measured(f"{what} of a session that has left memory, p{percent:g} of {number}", "ms", ours)
            row = row.beside("a session in memory", theirs)
            yield row.judged_by(ours, "ms").held_to(target.get(percent)).better_if("less")


if __name__ == "__main__":
    run_program(measure)
