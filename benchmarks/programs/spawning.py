"""Sessions spawned per second, and how soon one speaks, packed and dedicated, against bare Ray actors."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import rayconteur as rc
from rayconteur.runtime import Placement

from ..program import Options, run
from ..report.rows import Row, Target
from ..rounds import rounds
from ..system.bare_actor import BareActor
from ..system.ray_cluster import all_unique_bytes, end, local_runtime

_TARGET = Target("at least", 1_000)
_CONFIG = rc.SessionConfig(provider=rc.Scripted())
_ROOM = 1_000_000


async def measure(options: Options) -> AsyncIterator[Row]:
    """Packed sessions come on top of those of the runs before; dedicated ones and bare actors make room."""
    scale = options.scale
    async with local_runtime(options.address) as runtime:
        packed = _Packed(runtime, scale.of(2_000, 1_000, 20))
        found = await rounds(scale.of(5, 3, 1), {"packed": packed.per_s})
        yield Row(
            what="packed sessions spawned",
            unit="/s",
            ours=found["packed"],
            figure=found["packed"],
            figure_unit="/s",
            target=_TARGET,
        )
        dedicated = _Dedicated(runtime, scale.of(2, 2, 1))
        found = await rounds(scale.of(2, 1, 1), {"dedicated": dedicated.per_s, "bare": dedicated.bare_per_s})
        yield Row(
            what="dedicated sessions spawned",
            unit="/s",
            ours=found["dedicated"],
            peer="bare Ray actors",
            theirs=found["bare"],
            figure=found["dedicated"].over(found["bare"]),
            figure_unit="times",
            better="more",
        )
        async for row in _first_events(runtime, options):
            yield row


async def _first_events(runtime: rc.Runtime, options: Options) -> AsyncIterator[Row]:
    """From ``spawn`` to the first event, dedicated ones in *runtime* and in one that keeps an idle actor ready."""
    async with local_runtime(options.address, warm=1) as warm:
        first = _First(runtime, warm)
        found = await rounds(
            options.scale.of(2, 1, 1),
            {"bare": first.bare_ms, "cold": first.cold_ms, "warm": first.warm_ms, "packed": first.packed_ms},
        )
    for side, what in (("cold", "dedicated"), ("warm", "dedicated, of a warm actor"), ("packed", "packed")):
        yield Row(
            what=f"from spawn to the first event, {what}",
            unit="ms",
            ours=found[side],
            peer="a bare Ray actor's first answer",
            theirs=found["bare"],
            figure=found[side].over(found["bare"]),
            figure_unit="times",
            better="less",
        )


class _Packed:
    """So many sessions at a time, in one actor."""

    def __init__(self, runtime: rc.Runtime, sessions: int) -> None:
        self._runtime = runtime
        self._sessions = sessions

    async def per_s(self) -> float:
        """Sessions that are open and can be asked, in a second."""
        begun_at = time.perf_counter()
        await self._runtime.spawn_many(_CONFIG, self._sessions, rc.Packed(sessions_per_actor=_ROOM))
        return self._sessions / (time.perf_counter() - begun_at)


class _Dedicated:
    """So many actors at a time, begun together."""

    def __init__(self, runtime: rc.Runtime, actors: int) -> None:
        self._runtime = runtime
        self._actors = actors

    async def per_s(self) -> float:
        """Sessions that are open and can be asked, in a second."""
        begun_at = time.perf_counter()
        sessions = await self._runtime.spawn_many(_CONFIG, self._actors, rc.Dedicated())
        spent_s = time.perf_counter() - begun_at
        await asyncio.gather(*(session.close() for session in sessions))
        return self._actors / spent_s

    async def bare_per_s(self) -> float:
        """Actors that answer a call, in a second."""
        begun_at = time.perf_counter()
        actors = [BareActor.options(num_cpus=0).remote() for _ in range(self._actors)]
        await asyncio.gather(*(actor.nothing.remote() for actor in actors))
        spent_s = time.perf_counter() - begun_at
        for actor in actors:
            end(actor)
        return self._actors / spent_s


class _First:
    """One session at a time: spawned in *runtime*, or in *warm*, which keeps an idle actor ready."""

    def __init__(self, runtime: rc.Runtime, warm: rc.Runtime) -> None:
        self._runtime = runtime
        self._warm = warm

    async def bare_ms(self) -> float:
        """An actor that answers a call."""
        begun_at = time.perf_counter()
        actor = BareActor.options(num_cpus=0).remote()
        await actor.nothing.remote()
        spent_s = time.perf_counter() - begun_at
        end(actor)
        return spent_s * 1e3

    async def cold_ms(self) -> float:
        """A dedicated session whose process is yet to start."""
        return await self._first_event_ms(self._runtime, rc.Dedicated())

    async def warm_ms(self) -> float:
        """A dedicated session that takes an idle actor."""
        return await self._first_event_ms(self._warm, rc.Dedicated())

    async def packed_ms(self) -> float:
        """A session in an actor that has others."""
        return await self._first_event_ms(self._runtime, rc.Packed(sessions_per_actor=_ROOM))

    async def _first_event_ms(self, runtime: rc.Runtime, placement: Placement) -> float:
        await all_unique_bytes()  # comes back when all actors are there, the idle one, too
        begun_at = time.perf_counter()
        session = await runtime.spawn(_CONFIG, placement=placement)
        async with aclosing(aiter(session.ask("Hi"))) as answer:
            await anext(answer)
        spent_s = time.perf_counter() - begun_at
        await session.close()
        return spent_s * 1e3


if __name__ == "__main__":
    run(measure)
