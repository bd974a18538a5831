"""What the gate measures in a running Ray: CPU time of all its processes, and memory."""

from collections.abc import Awaitable, Mapping

import rayconteur as rc
from rayconteur.scripted import Call

from .program import Scale
from .programs.memory import packed
from .programs.throughput import Load, Peers, spawn
from .report.rows import Sample
from .rounds import rounds
from .system.bare_actor import BareActor
from .system.processes import CLOCK_S, cpu_s, family
from .system.ray_cluster import end

_PIECE = "abcd"
_CONFIG = rc.SessionConfig(provider=rc.Scripted())
_ROOM = rc.Packed(sessions_per_actor=1_000_000)


def ratio(found: Mapping[str, Sample], over: str, under: str) -> float:
    """The least of all rounds of each: whatever else runs makes CPU time longer, never shorter."""
    return min(found[over].values) / min(found[under].values)


async def events(runtime: rc.Runtime, scale: Scale) -> float:
    """CPU time of a Ray call for each event, times that of an event through the router."""
    load = Load(100, scale.of(1_000, 1_000, 20), scale.of(5, 5, 2))
    crowd = await spawn(runtime, load, Call(name="write", input={"text": _PIECE * load.pieces}))
    peers = Peers(load)

    async def ours() -> float:
        return await _spent_s(crowd.events_per_s()) / (load.sessions * load.pieces)

    async def calls() -> float:
        return await _spent_s(peers.by_calls()) / (load.sessions * load.events)

    found = await rounds(scale.of(2, 2, 1), {"ours": ours, "calls": calls})
    peers.end()
    await crowd.close()
    return ratio(found, "calls", "ours")


async def spawns(runtime: rc.Runtime, scale: Scale) -> float:
    """CPU time of a packed spawn, times that of a bare round trip to an actor."""
    sessions, trips = scale.of((5_000, 500), (5_000, 500), (20, 20))
    bare = BareActor.options(num_cpus=0).remote()

    async def ours() -> float:
        return await _spent_s(runtime.spawn_many(_CONFIG, sessions, _ROOM)) / sessions

    async def calls() -> float:
        return await _spent_s(call()) / trips

    async def call() -> None:
        for _ in range(trips):
            await bare.nothing.remote()

    found = await rounds(scale.of(2, 2, 1), {"ours": ours, "calls": calls})
    end(bare)
    return ratio(found, "ours", "calls")


async def memory_kb(runtime: rc.Runtime, scale: Scale) -> float:
    """What a packed idle session takes."""
    idle_row, _ = await packed(runtime, scale.of(1_000, 1_000, 20), scale.of(2, 2, 1))
    return idle_row.ours.median


async def _spent_s(work: Awaitable[object]) -> float:
    """The CPU time of all processes while *work* is done."""
    before = cpu_s(family())
    await work
    return max(CLOCK_S, cpu_s(family()) - before)
