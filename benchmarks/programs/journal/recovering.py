"""How fast a session goes on after its process was killed, and what the length of its past adds to that."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

import rayconteur as rc
from rayconteur.runtime import Placement, SQLiteJournalConfig
from rayconteur.scripted import Say, Script, Wait

from ...comparison.workloads import percentiles
from ...program import Options, run_program
from ...report.rows import Row, Sample, Target
from ...rounds import Measurement, measure_in_rounds
from ...system.ray_baselines import bare_start_ms
from ...system.ray_cluster import ONE_ACTOR, actor_of, local_runtime, process_of
from .timed import ask_timed

_REBUILD_TARGET = Target("under", 2)
_AT_ONCE = 500
_POLL_S = 0.05
_SPEAKING = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(text="lore"), Wait()),))))
"""Its answer does not end."""

_LEAVING = rc.SessionConfig(provider=rc.Scripted(), compaction=None, passivate_after_s=0.3)


async def measure(options: Options) -> AsyncIterator[Row]:
    """Kills first, then sessions that wake with a short and with a long past."""
    kills = options.scale.pick(20, 5, 1)
    with TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may be in memory
        journal = SQLiteJournalConfig(str(Path(folder) / "journal.db"))
        namespace = f"recovering-{Path(folder).name}"
        async with local_runtime(options.address, namespace=namespace, journal=journal, placement=ONE_ACTOR) as runtime:
            bare = [await bare_start_ms() for _ in range(kills + 1)][1:]
            for what, placement in (("a new actor", ONE_ACTOR), ("an actor that runs", rc.Dedicated())):
                times = [await _recovery_ms(runtime, namespace, placement) for _ in range(kills + 1)][1:]
                for percent in (50.0, 99.0):
                    ours, theirs = (Sample.of([dict(percentiles(each))[percent]]) for each in (times, bare))
                    row = Row.measured(
                        f"from SIGKILL to the next event, on {what}, p{percent:g} of {kills}", "ms", ours
                    )
                    yield row.beside("the start of a bare Ray actor", theirs).better_if("less")
            yield await _rebuilding_row(runtime, options)


async def _recovery_ms(runtime: rc.Runtime, namespace: str, placement: Placement) -> float:
    """From the SIGKILL of a session's process, in the middle of an answer, to the next event that its reader gets.

    It goes on in the actor of packed sessions, where that is not the process that was killed.
    """
    session = await runtime.spawn(_SPEAKING, placement=placement)
    async with aclosing(aiter(session.ask("Any news of the ravens?"))) as events:
        async for event in events:
            if isinstance(event, rc.TextChunk):
                break
        process = await process_of(await actor_of(session.id, namespace))
        killed_at = time.perf_counter()
        process.kill()
        await anext(events)
        spent_s = time.perf_counter() - killed_at
    await session.close()
    return spent_s * 1e3


async def _rebuilding_row(runtime: rc.Runtime, options: Options) -> Row:
    """From a message to the receipt of a session that has left, by the length of its past."""
    short, long = options.scale.pick((10, 2_000), (10, 500), (2, 4))
    stays = len(await runtime.sessions())
    sessions = {turns: await _with_turns(runtime, turns) for turns in (short, long)}

    async def waking_ms(turns: int) -> float:
        while len(await runtime.sessions()) > stays:  # noqa: ASYNC110  it is not announced
            await asyncio.sleep(_POLL_S)
        return (await ask_timed(sessions[turns])).receipt_ms

    sides: dict[str, Measurement] = {"long": lambda: waking_ms(long), "short": lambda: waking_ms(short)}
    samples = await measure_in_rounds(options.scale.pick(15, 5, 1), sides)
    row = Row.measured(f"to the receipt of a session that has left after {long:,} turns", "ms", samples["long"])
    return row.beside(f"after {short:,} turns", samples["short"]).held_to(_REBUILD_TARGET).better_if("less")


async def _with_turns(runtime: rc.Runtime, turns: int) -> rc.SessionHandle:
    session = await runtime.spawn(_LEAVING, placement=ONE_ACTOR)
    while turns:
        number = min(turns, _AT_ONCE)
        await asyncio.gather(*(session.send(rc.UserMessage.of("Any news?")) for _ in range(number - 1)))
        await session.ask("Any news?").answer()
        turns -= number
    return session


if __name__ == "__main__":
    run_program(measure)
