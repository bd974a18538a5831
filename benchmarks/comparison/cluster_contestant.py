"""A crowd spread over the nodes of a cluster: on each a load server, and a driver with its share of the sessions."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import cast

import msgspec
import ray
from ray.actor import ActorProxy
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..adapters.adapter import Site
from ..adapters.registry import open_crowd
from ..load.pace import Pace
from ..load.process import load_process
from ..system.ray_cluster import end
from .rounds_by_contestant import Party
from .workload_runner import carry_out
from .workloads import Task, Trial

_LOOPBACK = "127.0.0.1"

_task: msgspec.json.Decoder[Task] = msgspec.json.Decoder(Task)


class _Node:
    """What is on one node: a load server of *pace* at the address *host*, and the crowd *name*, which asks it."""

    def __init__(self, name: str, site: Site, host: str, pace: Pace) -> None:
        self._inside = ExitStack()
        server = self._inside.enter_context(load_process(pace, host))
        self._crowd = open_crowd(name, msgspec.structs.replace(site, url=server.url))

    @ray.method
    async def carry_out(self, task: bytes) -> Trial:
        """What came of it here."""
        told: list[Trial] = []
        await carry_out(_task.decode(task), self._crowd, told.append, whole=False)
        return told[0]

    @ray.method
    async def close(self) -> None:
        """Give everything back."""
        await self._crowd.close()
        self._inside.close()


_NodeActor = ray.remote(_Node)
_NodeHandle = ActorProxy[_Node]


class Spread:
    """The crowd called *name*, a part of it on each node."""

    def __init__(self, name: str, nodes: Sequence[_NodeHandle]) -> None:
        self.name = name
        self._nodes = nodes

    async def carry_out(self, task: Task, last: bool = False) -> Trial:
        """What came of *task* on all nodes together, each of which has its share of the sessions."""
        del last
        tasks = shares(task, len(self._nodes))
        told = zip(self._nodes, map(msgspec.json.encode, tasks), strict=False)  # there may be more nodes than sessions
        return together(await asyncio.gather(*(node.carry_out.remote(task) for node, task in told)))


def shares(task: Task, nodes: int) -> list[Task]:
    """*task* for each of so many *nodes*, none of them without a session."""
    sessions = [task.sessions // nodes + (number < task.sessions % nodes) for number in range(nodes)]
    return [msgspec.structs.replace(task, sessions=number) for number in sessions if number]


def together(trials: Sequence[Trial]) -> Trial:
    """What parts of a crowd heard at the same time. Percentiles can't be added, and CPU time is not known."""
    return Trial(
        sessions=sum(trial.sessions for trial in trials),
        for_s=max(trial.for_s for trial in trials),
        tokens=sum(trial.tokens for trial in trials),
        pieces=sum(trial.pieces for trial in trials),
        answers=sum(trial.answers for trial in trials),
        cpu_s=None,
    )


@asynccontextmanager
async def spread(names: Iterable[str], site: Site, pace: Pace) -> AsyncGenerator[dict[str, Party]]:
    """The crowds of these *names* on all nodes of the cluster at the address of *site*, until it is left.

    On a cluster of one node nothing listens but on loopback.
    """
    joined = not ray.is_initialized()
    if joined:
        ray.init(address=site.address, log_to_driver=False)
    hosts = _hosts()
    there = msgspec.structs.replace(site, address=None, routers=len(hosts))  # an actor is in its cluster already
    crowds = {name: [_start(name, there, node, pace) for node in hosts.items()] for name in names}
    try:
        yield {name: Spread(name, nodes) for name, nodes in crowds.items()}
    finally:
        nodes = [node for part in crowds.values() for node in part]
        await asyncio.gather(*(node.close.remote() for node in nodes))
        for node in nodes:
            end(node)
        if joined:
            ray.shutdown()


def _hosts() -> dict[str, str]:
    """The nodes that are alive, by their ids, and the address of each."""
    nodes = cast(Callable[[], list[dict[str, object]]], ray.nodes)()
    alive = {str(node["NodeID"]): str(node["NodeManagerAddress"]) for node in nodes if node["Alive"]}
    return alive if len(alive) > 1 else dict.fromkeys(alive, _LOOPBACK)


def _start(name: str, site: Site, node: tuple[str, str], pace: Pace) -> _NodeHandle:
    node_id, host = node
    pinned = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return _NodeActor.options(num_cpus=0, scheduling_strategy=pinned).remote(name, site, host, pace)
