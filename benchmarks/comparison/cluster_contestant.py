"""A contestant spread over the nodes of a cluster: a load server and a driver with a share of the sessions on each."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import cast

import msgspec
import ray
from ray.actor import ActorProxy
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..adapters.adapter import AdapterConfig
from ..adapters.registry import open_adapter
from ..load.pace import Pace
from ..load.process import load_process
from ..system.ray_cluster import kill_actor
from .workload_runner import run_workload
from .workloads import Trial, Workload

_LOOPBACK = "127.0.0.1"

_decoder: msgspec.json.Decoder[Workload] = msgspec.json.Decoder(Workload)


class _Node:
    """One node: a load server of *pace* at the address *host*, and the adapter *name*, which asks it."""

    def __init__(self, name: str, config: AdapterConfig, host: str, pace: Pace) -> None:
        self._exit_stack = ExitStack()
        server = self._exit_stack.enter_context(load_process(pace, host))
        self._adapter = open_adapter(name, msgspec.structs.replace(config, url=server.url))

    @ray.method
    async def run(self, workload: bytes) -> Trial:
        """Run the encoded *workload* on this node."""
        trials: list[Trial] = []
        await run_workload(_decoder.decode(workload), self._adapter, trials.append, owns_processes=False)
        return trials[0]

    @ray.method
    async def close(self) -> None:
        """Release all resources."""
        await self._adapter.close()
        self._exit_stack.close()


_NodeActor = ray.remote(_Node)
_NodeHandle = ActorProxy[_Node]


class ClusterContestant:
    """The adapter *name* on several nodes."""

    def __init__(self, name: str, nodes: Sequence[_NodeHandle]) -> None:
        self.name = name
        self._nodes = nodes

    async def run(self, workload: Workload, last: bool = False) -> Trial:
        """Run *workload* with its sessions divided among the nodes."""
        del last
        shares = map(msgspec.json.encode, divide_workload(workload, len(self._nodes)))
        running = zip(self._nodes, shares, strict=False)  # there may be more nodes than sessions
        return merge_trials(await asyncio.gather(*(node.run.remote(share) for node, share in running)))


def divide_workload(workload: Workload, nodes: int) -> list[Workload]:
    """*workload* with the sessions divided among *nodes* nodes; none is left without a session."""
    shares = [workload.sessions // nodes + (number < workload.sessions % nodes) for number in range(nodes)]
    return [msgspec.structs.replace(workload, sessions=share) for share in shares if share]


def merge_trials(trials: Sequence[Trial]) -> Trial:
    """The sum of concurrent *trials*. Percentiles cannot be added, and CPU time is not known."""
    return Trial(
        sessions=sum(trial.sessions for trial in trials),
        duration_s=max(trial.duration_s for trial in trials),
        tokens=sum(trial.tokens for trial in trials),
        pieces=sum(trial.pieces for trial in trials),
        answers=sum(trial.answers for trial in trials),
        cpu_s=None,
    )


@asynccontextmanager
async def open_on_cluster(
    names: Iterable[str], config: AdapterConfig, pace: Pace
) -> AsyncGenerator[dict[str, ClusterContestant]]:
    """The contestants *names* on all nodes of the cluster at the address in *config*.

    On a cluster of one node everything listens on loopback only.
    """
    joined = not ray.is_initialized()
    if joined:
        ray.init(address=config.address, log_to_driver=False)
    hosts = _node_hosts()
    on_node = msgspec.structs.replace(config, address=None, routers=len(hosts))  # an actor is in its cluster already
    nodes = {name: [_start_node(name, on_node, node, pace) for node in hosts.items()] for name in names}
    try:
        yield {name: ClusterContestant(name, its_nodes) for name, its_nodes in nodes.items()}
    finally:
        all_nodes = [node for its_nodes in nodes.values() for node in its_nodes]
        await asyncio.gather(*(node.close.remote() for node in all_nodes))
        for node in all_nodes:
            kill_actor(node)
        if joined:
            ray.shutdown()


def _node_hosts() -> dict[str, str]:
    """The address of each live node, by its id."""
    nodes = cast(Callable[[], list[dict[str, object]]], ray.nodes)()
    alive = {str(node["NodeID"]): str(node["NodeManagerAddress"]) for node in nodes if node["Alive"]}
    return alive if len(alive) > 1 else dict.fromkeys(alive, _LOOPBACK)


def _start_node(name: str, config: AdapterConfig, node: tuple[str, str], pace: Pace) -> _NodeHandle:
    node_id, host = node
    pinned = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return _NodeActor.options(num_cpus=0, scheduling_strategy=pinned).remote(name, config, host, pace)
