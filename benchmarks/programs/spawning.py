"""Sessions spawned per second, and time to the first event, packed and dedicated, against bare Ray actors."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import rayconteur as rc
from rayconteur.runtime import Placement

from ..program import Options, run_program
from ..report.rows import Row, Target
from ..rounds import measure_in_rounds
from ..system.ray_baselines import BareActor
from ..system.ray_cluster import ONE_ACTOR, kill_actor, local_runtime, total_unique_bytes

_TARGET = Target("at least", 1_000)
_CONFIG = rc.SessionConfig(provider=rc.Scripted())


async def measure(options: Options) -> AsyncIterator[Row]:
    """Packed sessions add to those of earlier rounds; dedicated ones and bare actors are ended after each."""
    scale = options.scale
    async with local_runtime(options.address) as runtime:
        spawning = _Spawning(runtime, scale.pick(2_000, 1_000, 20), scale.pick(2, 2, 1))
        samples = await measure_in_rounds(scale.pick(5, 3, 1), {"packed": spawning.packed_per_s})
        yield Row.measured("packed sessions spawned", "/s", samples["packed"]).held_to(_TARGET)
        samples = await measure_in_rounds(
            scale.pick(2, 1, 1), {"dedicated": spawning.dedicated_per_s, "bare": spawning.bare_per_s}
        )
        row = Row.measured("dedicated sessions spawned", "/s", samples["dedicated"])
        yield row.beside("bare Ray actors", samples["bare"]).better_if("more")
        async for row in _first_events(runtime, options):
            yield row


async def _first_events(runtime: rc.Runtime, options: Options) -> AsyncIterator[Row]:
    """From ``spawn`` to the first event; dedicated sessions also in a runtime that keeps an idle actor ready."""
    async with local_runtime(options.address, warm=1) as warm:

        async def cold_ms() -> float:
            return await _first_event_ms(runtime, rc.Dedicated())

        async def warm_ms() -> float:
            return await _first_event_ms(warm, rc.Dedicated())

        async def packed_ms() -> float:
            return await _first_event_ms(runtime, ONE_ACTOR)

        sides = {"bare": _bare_ms, "dedicated": cold_ms, "dedicated, of a warm actor": warm_ms, "packed": packed_ms}
        samples = await measure_in_rounds(options.scale.pick(2, 1, 1), sides)
    bare = samples.pop("bare")
    for what, sample in samples.items():
        row = Row.measured(f"from spawn to the first event, {what}", "ms", sample)
        yield row.beside("a bare Ray actor's first answer", bare).better_if("less")


class _Spawning:
    """Spawns *packed* sessions in one actor, or *dedicated* ones or bare actors, at a time."""

    def __init__(self, runtime: rc.Runtime, packed: int, dedicated: int) -> None:
        self._runtime = runtime
        self._packed = packed
        self._dedicated = dedicated

    async def packed_per_s(self) -> float:
        """Sessions per second until all can be asked."""
        started_at = time.perf_counter()
        await self._runtime.spawn_many(_CONFIG, self._packed, ONE_ACTOR)
        return self._packed / (time.perf_counter() - started_at)

    async def dedicated_per_s(self) -> float:
        """Sessions per second until all can be asked."""
        started_at = time.perf_counter()
        sessions = await self._runtime.spawn_many(_CONFIG, self._dedicated, rc.Dedicated())
        spent_s = time.perf_counter() - started_at
        await asyncio.gather(*(session.close() for session in sessions))
        return self._dedicated / spent_s

    async def bare_per_s(self) -> float:
        """Actors per second until all have answered a call."""
        started_at = time.perf_counter()
        actors = [BareActor.options(num_cpus=0).remote() for _ in range(self._dedicated)]
        await asyncio.gather(*(actor.do_nothing.remote() for actor in actors))
        spent_s = time.perf_counter() - started_at
        for actor in actors:
            kill_actor(actor)
        return self._dedicated / spent_s


async def _bare_ms() -> float:
    """An actor until it has answered a call."""
    started_at = time.perf_counter()
    actor = BareActor.options(num_cpus=0).remote()
    await actor.do_nothing.remote()
    spent_s = time.perf_counter() - started_at
    kill_actor(actor)
    return spent_s * 1e3


async def _first_event_ms(runtime: rc.Runtime, placement: Placement) -> float:
    await total_unique_bytes()  # returns when all actors are ready, the idle one too
    started_at = time.perf_counter()
    session = await runtime.spawn(_CONFIG, placement=placement)
    async with aclosing(aiter(session.ask("Hi"))) as answer:
        await anext(answer)
    spent_s = time.perf_counter() - started_at
    await session.close()
    return spent_s * 1e3


if __name__ == "__main__":
    run_program(measure)
