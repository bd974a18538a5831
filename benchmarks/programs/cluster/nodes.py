"""Several nodes on this machine: turns on one and on three, finding sessions, and draining a node."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import ray
from ray import cluster_utils

import rayconteur as rc
from rayconteur.runtime import NoJournal, SQLiteJournalConfig

from ...comparison.workloads import percentiles
from ...program import Options, run_program
from ...report.rows import Row, Sample, Target
from ...system import shared_ray
from ...system.ray_baselines import start_empty_actor

_Cluster = cast("Callable[..., Any]", cluster_utils.Cluster)  # which has no types
_NODE = {"num_cpus": 1, "object_store_memory": 100 << 20, "memory": 8 << 30}
_ACTORS = rc.Packed(actors=3)
_ECHO = rc.SessionConfig(provider=rc.Scripted())
_SCALING_TARGET = Target("at least", 0.8)
_DRAIN_S = 60.0
_POLL_S = 0.05


async def measure(options: Options) -> AsyncIterator[Row]:
    """Turns on one node, then on three; look-ups and drains there."""
    scale = options.scale
    sessions, rounds = next(iter(options.sessions), scale.pick(300, 300, 6)), scale.pick(5, 3, 1)
    turns, look_ups = scale.pick(20, 10, 1), scale.pick(2_000, 500, 5)
    with _one_node() as cluster, TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may be in memory
        address = str(cluster.address)
        alone = [await _turns_per_s(address, sessions, turns) for _ in range(rounds + 1)][1:]
        for _ in range(2):
            cluster.add_node(**_NODE)
        spread = [await _turns_per_s(address, sessions, turns) for _ in range(rounds + 1)][1:]
        row = Row.measured(f"turns of {sessions} sessions on three nodes", "turns/s", Sample.of(spread))
        yield row.beside("on one node with the same cores", Sample.of(alone)).held_to(_SCALING_TARGET)
        async with _talking(address, Path(folder), sessions) as (runtime, ids):
            for row in await _look_up_rows(runtime, ids, look_ups):
                yield row
        drains = [await _drain_s(cluster, Path(folder), sessions) for _ in range(rounds)]
        yield Row.measured("draining a node, for 100 sessions", "s", Sample.of(drains)).better_if("less")


@contextmanager
def _one_node() -> Generator[Any]:
    """A cluster with one node, to which others are added."""
    os.environ |= shared_ray.SETTINGS
    logging.getLogger("ray").setLevel(logging.ERROR)
    cluster = _Cluster(initialize_head=True, head_node_args={**_NODE, "include_dashboard": False})
    try:
        yield cluster
    finally:
        ray.shutdown()  # or Ray ends this process when the cluster is gone
        for node in (*cluster.worker_nodes, cluster.head_node):
            node.kill_all_processes(check_alive=False, allow_graceful=False)


async def _turns_per_s(address: str, sessions: int, turns: int) -> float:
    """In a namespace of its own, whose actors are spread over the nodes that there are."""
    options = rc.RuntimeOptions(namespace=f"turns-{time.time_ns()}", routers=3, journal=NoJournal())
    async with rc.Runtime(address, placement=_ACTORS, options=options) as runtime:
        handles = await runtime.spawn_many(_ECHO, sessions)
        await asyncio.gather(*(session.ask("Any news?").answer() for session in handles))  # all is connected then

        async def converse(session: rc.SessionHandle) -> None:
            for _ in range(turns):
                await session.ask("Any news?").answer()

        began_at = time.perf_counter()
        await asyncio.gather(*map(converse, handles))
        return sessions * turns / (time.perf_counter() - began_at)


@asynccontextmanager
async def _talking(address: str, folder: Path, sessions: int) -> AsyncGenerator[tuple[rc.Runtime, list[str]]]:
    """A runtime in a namespace of its own with a journal, and the ids of its sessions, each of which had a turn."""
    name = f"nodes-{time.time_ns()}"
    options = rc.RuntimeOptions(namespace=name, journal=SQLiteJournalConfig(str(folder / f"{name}.db")), routers=3)
    async with rc.Runtime(address, placement=_ACTORS, options=options) as runtime:
        handles = await runtime.spawn_many(_ECHO, sessions)
        await asyncio.gather(*(session.ask("Any news?").answer() for session in handles))
        yield runtime, [session.id for session in handles]


async def _look_up_rows(runtime: rc.Runtime, ids: list[str], number: int) -> list[Row]:
    """From an id to a handle that answers, beside a bare Ray call."""
    empty = start_empty_actor()
    ours: list[float] = []
    theirs: list[float] = []
    for index in range(number + 1):
        began_at = time.perf_counter()
        await runtime.session(ids[index % len(ids)])
        found_at = time.perf_counter()
        await empty.do_nothing.remote()
        ours.append((found_at - began_at) * 1e3)
        theirs.append((time.perf_counter() - found_at) * 1e3)
    rows: list[Row] = []
    for percent in (50.0, 99.0):
        found, called = (Sample.of([dict(percentiles(each[1:]))[percent]]) for each in (ours, theirs))
        row = Row.measured(f"finding a session by its id, p{percent:g} of {number:,}", "ms", found)
        rows.append(row.beside("a bare Ray call", called).better_if("less"))
    return rows


async def _drain_s(cluster: Any, folder: Path, sessions: int) -> float:
    """How long idle sessions take to leave a node, and to run elsewhere, for each 100. Another node takes its place.

    The sessions are new ones, spread over the nodes that there are: those that have moved stay where they are then.
    """
    async with _talking(str(cluster.address), folder, sessions) as (runtime, _):
        cluster.add_node(**_NODE)
        nodes = (node for node in await runtime.nodes.statuses() if not node.is_head)
        node = max(nodes, key=lambda node: node.sessions)
        began_at = time.perf_counter()
        await runtime.nodes.drain(node.id, _DRAIN_S)
        while len(await runtime.sessions()) < sessions:  # noqa: ASYNC110  it is not announced
            await asyncio.sleep(_POLL_S)
        return (time.perf_counter() - began_at) / node.sessions * 100


if __name__ == "__main__":
    run_program(measure)
