"""What idle sessions cost that have left memory: ``wake_up_times.py SESSIONS`` prints figures, as JSON.

It starts a Ray of its own, with a journal in an SQLite file. Times are in milliseconds, from the call to the receipt
and to the first event of the turn.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from fixtures.named_actors import actor_names, process_id

import rayconteur as rc
from rayconteur.runtime import SQLiteJournalConfig

NAMESPACE = "wake-up"
AFTER_S = 1.0
ECHO = rc.SessionConfig(provider=rc.Scripted())
NEVER = rc.SessionConfig(provider=rc.Scripted(), passivate_after_s=1e9)
TURNS = 2
AT_ONCE = 100


def quantiles(samples: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile, in milliseconds."""
    ordered = sorted(samples)
    return {
        "p50": round(1_000 * statistics.median(ordered), 2),
        "p99": round(1_000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 2),
    }


async def times(session: rc.SessionHandle) -> tuple[float, float]:
    """The time to the receipt of a message, and to the first event of its turn."""
    reader = session.events(session.last_seq)
    began_at = time.perf_counter()
    receipt = await session.send(rc.UserMessage.of("wake up"))
    received_at = time.perf_counter()
    async for event in reader:
        if event.turn == receipt.turn:
            break
    first_at = time.perf_counter()
    async for event in reader:
        if isinstance(event, rc.Completed):
            break
    reader.close()
    return received_at - began_at, first_at - began_at


async def measured(sessions: Sequence[rc.SessionHandle]) -> dict[str, dict[str, float]]:
    """The times of one message to each of *sessions*, one after the other."""
    await times(sessions[0])
    samples = [await times(session) for session in sessions[1:]]
    return {
        "receipt": quantiles([each[0] for each in samples]),
        "first event": quantiles([each[1] for each in samples]),
    }


def memory() -> dict[str, int]:
    """The unique bytes of the processes that all sessions share, by the names of their actors."""
    return {
        name.partition("-")[0]: psutil.Process(process_id(name, NAMESPACE)).memory_full_info().uss
        for name in actor_names(NAMESPACE)
    }


async def left(runtime: rc.Runtime, but: int) -> None:
    """Wait until no more sessions run than *but*."""
    while len(await runtime.sessions()) > but:  # noqa: ASYNC110  it is not announced
        await asyncio.sleep(0.2)


async def talk(sessions: Sequence[rc.SessionHandle]) -> None:
    """Some turns of each session."""
    for _ in range(TURNS):
        for start in range(0, len(sessions), AT_ONCE):
            await asyncio.gather(*(session.ask("lore " * 50).answer() for session in sessions[start : start + AT_ONCE]))


async def main(count: int) -> None:
    """Print the figures for *count* sessions."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        options = rc.RuntimeOptions(
            namespace=NAMESPACE, journal=SQLiteJournalConfig(str(path)), passivate_after_s=AFTER_S, num_cpus=2
        )
        async with rc.Runtime(placement=rc.Packed(), options=options) as runtime:
            live = await runtime.spawn_many(NEVER, 101)
            await talk(live)
            figures: dict[str, object] = {"live": await measured(live)}
            first = await runtime.spawn_many(ECHO, count)  # these also pay for what all of them share
            await talk(first)
            await left(runtime, len(live))
            before, stored = memory(), sum(os.stat(each).st_size for each in path.parent.iterdir())
            second = await runtime.spawn_many(ECHO, count)
            await talk(second)
            await left(runtime, len(live))
            after = memory()
            figures["memory_kb_per_1000"] = {
                name: round((after[name] - before[name]) / 1_024 / count * 1_000) for name in sorted(after)
            }
            grown = sum(os.stat(each).st_size for each in path.parent.iterdir()) - stored
            figures["disk_kb_per_1000"] = round(grown / 1_024 / count * 1_000)
            figures["woken"] = await measured(second[:200])
            figures["live again"] = await measured(live)
            print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
