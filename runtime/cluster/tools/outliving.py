"""The actor that runs the tools of one program's sessions on Ray: they outlive the actors of these sessions.

Ray ends a task with the process that has started it.
"""

import asyncio
from collections.abc import Iterable
from typing import cast

import msgspec
import ray
from ray.actor import ActorProxy

from ...api.errors import PeerUnreachable, RuntimeClosed
from ...api.options import RuntimeOptions
from ...session.tools.outliving.client import OutlivingRuns
from ...session.tools.outliving.kept_runs import KeptRuns
from ...session.tools.outliving.server import RunsServer
from ...streams.channel import Channel
from ...streams.endpoint import Endpoint
from ...streams.listener import Listener
from ..actor_logs import Logged, log_as, logged
from ..directory.actor_names import is_tools, tools_name
from ..nodes.actor_options import on_one_node
from ..nodes.cluster_nodes import read_nodes
from ..ray_calls import (
    CONCURRENCY,
    START_S,
    find_actor,
    gcs_result,
    kill_actor,
    list_actors,
    node_address,
    node_id,
    result_within,
    tls,
)
from ..ray_errors import ActorDead
from .runner import TaskRunner

_IDLE_S = 60.0
"""It exits when nobody has been connected for so long, and it has neither runs nor results."""


class ToolsRef(msgspec.Struct, frozen=True):
    """Where the tools of a program's sessions run: in *namespace*, with the actor *name*, which is started if need be.

    It is placed as the directory is, by *options*, and listens on one of their ports.
    """

    namespace: str
    name: str
    options: RuntimeOptions

    @classmethod
    def of(cls, options: RuntimeOptions, driver_id: str) -> "ToolsRef":
        """For the sessions of the program *driver_id*: its tools need its modules, which tasks of others lack."""
        placed = RuntimeOptions(ports=options.ports, control_node_labels=options.control_node_labels)
        return cls(options.namespace, tools_name(driver_id), placed)

    def connect(self, host_id: str) -> OutlivingRuns:
        """Runs tools for the sessions of *host_id*. The first one connects."""
        channel = Channel(self._endpoint, host_id, node_id(), tls())

        async def find_others() -> Iterable[Channel]:
            names = await gcs_result(START_S, list_actors, self.namespace)
            return [self._channel_to(name, host_id) for name in names if is_tools(name) and name != self.name]

        return OutlivingRuns(channel, find_others)

    async def _endpoint(self) -> Endpoint:
        actor = await gcs_result(START_S, self._found_or_started)
        return await _endpoint_of(actor)

    def _channel_to(self, name: str, host_id: str) -> Channel:
        async def locate() -> Endpoint:
            return await _endpoint_of(await gcs_result(START_S, find_actor, name, self.namespace))

        return Channel(locate, host_id, node_id(), tls())

    def _found_or_started(self) -> "ToolsHandle":
        return ToolsActor.options(
            name=self.name,
            namespace=self.namespace,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            max_concurrency=CONCURRENCY,
            max_restarts=-1,
            **on_one_node(self.options, read_nodes()),
        ).remote(self, logged())


class _Tools:
    """Runs tools, and keeps their results until they are stored with the session.

    When it dies, Ray restarts it; what it ran ends, and is run again for those that wait.
    """

    def __init__(self, ref: ToolsRef, logs: Logged) -> None:
        log_as(logs)
        self._ref = ref
        self._runner = TaskRunner((ref.name, ref.namespace))
        self._server = RunsServer(KeptRuns(self._runner))
        self._listener = Listener(self._server.serve)
        self._exiting: asyncio.Task[None] | None = None

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where it listens, and the secret that its peers have to know."""
        self._exiting = self._exiting or asyncio.get_running_loop().create_task(self._exit_when_idle())
        return await self._listener.listen(node_id(), node_address(), self._ref.options.ports, tls())

    @ray.method
    async def tool_progress(self, run: int, progress: str) -> None:
        """A task says this of the progress of its tool."""
        self._runner.report(run, progress)

    async def _exit_when_idle(self) -> None:
        looks = 0
        while looks < 2:  # a moment ago, and now
            await asyncio.sleep(_IDLE_S / 2)
            looks = 0 if self._server.peers or len(self._server.runs) else looks + 1
        kill_actor(cast("ToolsHandle", ray.get_runtime_context().current_actor))


async def _endpoint_of(actor: object) -> Endpoint:
    """Raises:
    PeerUnreachable: it has ended.
    """
    try:
        if actor is not None:
            return await result_within(START_S, cast("ToolsHandle", actor).endpoint.remote, "the tools' actor")
    except (ActorDead, RuntimeClosed):
        pass
    raise PeerUnreachable("the actor that runs tools has ended")


ToolsActor = ray.remote(_Tools)
ToolsHandle = ActorProxy[_Tools]
