"""What fails beyond actors and programs: nodes, their memory, and Ray's control service (GCS)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

import psutil
import ray
from detection.clusters import add_node
from detection.readings import Reading, require_reasons
from detection.stage import ECHO, HANGS, LONGEST_S, NAMESPACE, Stage, host_of, require_answer, seconds_until
from fixtures.named_actors import process_id

import rayconteur as rc
from rayconteur.errors import ClusterLost
from rayconteur.runtime import DeathReason
from rayconteur.runtime.cluster.nodes.cluster_nodes import node_of_actor

GCS_AWAY_S = 3.0


async def raylet(stage: Stage) -> list[float]:
    """The raylet of one of three nodes dies: readers of a session there are told, and one elsewhere goes on."""
    bystander = await stage.asked(placement=rc.Packed())
    session = await stage.runtime.spawn(HANGS)
    spawned = [session]
    while (node := await _node_of(session)) in {stage.cluster.head_node.node_id, await _node_of(bystander)}:
        session = await stage.runtime.spawn(HANGS)
        spawned.append(session)
    [victim] = [worker for worker in stage.cluster.worker_nodes if worker.node_id == node]
    reports = await stage.reports_of_death(session)

    seconds, reasons = await seconds_until(reports, lambda: victim.kill_raylet(check_alive=False))

    require_reasons(reasons, DeathReason.NODE_DIED)
    await require_answer(bystander)
    await asyncio.gather(*(each.close() for each in (bystander, *spawned[:-1])))
    stage.cluster.remove_node(victim, allow_graceful=False)
    add_node(stage.cluster)  # only in the main thread
    return [seconds]


async def out_of_memory(stage: Stage) -> list[float]:
    """A session's actor grows until Ray's memory monitor kills it: its readers are told so."""
    bystander = await stage.asked(placement=rc.Packed())
    session = await stage.runtime.spawn(HANGS)
    reports = await stage.reports_of_death(session)
    host_id = await host_of(session)
    process = psutil.Process(await asyncio.to_thread(process_id, host_id, NAMESPACE))
    told = asyncio.gather(*reports)

    cast(Any, ray.get_actor(host_id, NAMESPACE)).__ray_call__.remote(_hoarding())
    await asyncio.to_thread(process.wait, LONGEST_S)
    killed_at = time.perf_counter()
    async with asyncio.timeout(LONGEST_S):
        reasons = await told
    seconds = time.perf_counter() - killed_at

    require_reasons(reasons, DeathReason.OUT_OF_MEMORY)
    await require_answer(bystander)
    await bystander.close()
    return [seconds]


async def gcs(stage: Stage) -> list[float]:
    """The GCS dies while a session streams, and stays away: its reader goes on. The longest pause."""
    pause_s, error = await _gcs_lost(stage)
    assert isinstance(error, ClusterLost), f"a spawn raised {error!r}"
    return [pause_s]


async def gcs_with_redis(stage: Stage) -> list[float]:
    """The GCS, whose state is in Redis, dies while a session streams, and is started again.

    Its reader goes on, and sessions can be spawned on new actors. The longest pause.
    """
    pause_s, _ = await _gcs_lost(stage)
    stage.cluster.head_node.start_gcs_server()
    async with asyncio.timeout(60):
        while True:
            try:
                session = await stage.asked()
                break
            except ClusterLost:
                await asyncio.sleep(0.1)
    await session.close()
    return [pause_s]


async def _gcs_lost(stage: Stage) -> tuple[float, BaseException | None]:
    """The longest pause of a reader in the time without the GCS, and the error of a spawn then."""
    session = await stage.streaming()
    reading = Reading(await stage.reader(session))
    await reading.until(lambda event: event.seq >= 20)
    stage.cluster.head_node.kill_gcs_server(check_alive=False)
    lost_at = time.perf_counter()
    reading.restart_clock()
    spawning = asyncio.ensure_future(stage.runtime.spawn(ECHO))
    await reading.until(lambda event: time.perf_counter() - lost_at >= GCS_AWAY_S)
    assert not reading.missed
    (error,) = await asyncio.gather(spawning, return_exceptions=True)
    await session.close()
    return reading.longest_pause_s, error if isinstance(error, BaseException) else None


async def _node_of(session: rc.SessionHandle) -> str | None:
    """The id of the node on which the actor of *session* runs."""
    return await asyncio.to_thread(node_of_actor, cast(object, ray.get_actor(await host_of(session), NAMESPACE)))


def _hoarding() -> Callable[[object], None]:
    """A function that never ends. It is pickled by value: the actor can't import this file."""

    def hoard(_: object) -> None:
        hoarded: list[bytes] = []
        while True:
            hoarded.append(b"x" * (64 << 20))
            time.sleep(0.02)

    return hoard
