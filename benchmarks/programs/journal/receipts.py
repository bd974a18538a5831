"""How long a receipt takes whose message is on the disk, in fsyncs, and what commits of many records gain."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import rayconteur as rc
from rayconteur.runtime import AddMessages, SQLiteJournalConfig

from ...comparison.workloads import percentiles
from ...program import Options, run_program
from ...report.rows import Row, Sample, Target
from ...rounds import Measurement, measure_in_rounds
from ...system.ray_cluster import ONE_ACTOR, local_runtime
from .timed import ask_timed

_TARGETS = {99.0: Target("under", 3)}
_GROUP_TARGET = Target("at least", 10)
_WRITERS = 200
_BLOCK = os.urandom(4_096)
"""What an fsync makes durable: a page of SQLite."""

_ADDED = AddMessages(messages=(rc.Message.of_user("Any news?"), rc.Message.of_assistant("lore " * 50)))


async def measure(options: Options) -> AsyncIterator[Row]:
    """One session whose turns do not overlap, then many that only add messages."""
    number = options.scale.pick(300, 100, 3)
    with TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may be in memory
        journal = SQLiteJournalConfig(str(Path(folder) / "receipts.db"))
        namespace = f"receipts-{Path(folder).name}"
        async with local_runtime(options.address, namespace=namespace, journal=journal) as runtime:
            session = await runtime.spawn(rc.SessionConfig(provider=rc.Scripted()), placement=ONE_ACTOR)
            with _fsyncs(Path(folder) / "synced") as fsync_ms:
                times = [((await ask_timed(session)).receipt_ms, fsync_ms()) for _ in range(number + 1)][1:]
            for percent in (50.0, 99.0):
                ours, theirs = (Sample.of([dict(percentiles(each))[percent]]) for each in zip(*times, strict=True))
                row = Row.measured(f"receipt of a message that is stored, p{percent:g} of {number}", "ms", ours)
                row = row.beside("an fsync of the same disk", theirs)
                yield row.judged_by(row.figure, "fsyncs").held_to(_TARGETS.get(percent)).better_if("less")
            yield await _group_row(runtime, options)


@contextmanager
def _fsyncs(path: Path) -> Generator[Callable[[], float]]:
    """Gives a function that writes a block to the end of *path*, and returns how long that and its fsync took."""
    with path.open("wb", buffering=0) as file:

        def fsync_ms() -> float:
            started_at = time.perf_counter()
            file.write(_BLOCK)
            os.fsync(file)
            return (time.perf_counter() - started_at) * 1e3

        yield fsync_ms


async def _group_row(runtime: rc.Runtime, options: Options) -> Row:
    """Receipts/s of many sessions at once, beside those of one. What is added to a history at once has one record."""
    alone, together = options.scale.pick((500, 50), (200, 20), (5, 2))
    sessions = await runtime.spawn_many(rc.SessionConfig(provider=rc.Scripted()), _WRITERS, ONE_ACTOR)

    async def add(session: rc.SessionHandle, number: int) -> None:
        for _ in range(number):
            await session.send(_ADDED)

    async def by_one() -> float:
        started_at = time.perf_counter()
        await add(sessions[0], alone)
        return alone / (time.perf_counter() - started_at)

    async def by_all() -> float:
        started_at = time.perf_counter()
        await asyncio.gather(*(add(session, together) for session in sessions))
        return together * _WRITERS / (time.perf_counter() - started_at)

    sides: dict[str, Measurement] = {"all": by_all, "one": by_one}
    samples = await measure_in_rounds(options.scale.pick(3, 2, 1), sides)
    row = Row.measured(f"records/s of {_WRITERS} sessions, in commits of what has arrived", "/s", samples["all"])
    return row.beside("one session, a commit for each", samples["one"]).held_to(_GROUP_TARGET)


if __name__ == "__main__":
    run_program(measure)
