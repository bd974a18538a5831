"""The journal actor: the journal of a namespace, in a process of its own."""

import asyncio
from collections.abc import Mapping
from typing import cast

import ray
from ray.actor import ActorProxy

from ...api.catalog.retention import Retention
from ...api.errors import DirectoryUnreachable
from ...api.journal import JournalStore
from ...journal.catalog.retention import RetentionSweeper
from ...journal.errors import JournalInUse
from ...journal.journal import Capabilities, Journal
from ...journal.opening import open_journal
from ...journal.remote.server import JournalServer
from ...metrics.counts import Report, Values
from ...metrics.shared import SharedMetrics
from ...streams.endpoint import Endpoint
from ...streams.listener import Listener
from ..directory.actor import DirectoryHandle
from ..directory.actor_names import DIRECTORY
from ..directory.client import DirectoryClient
from ..metrics.exporter import Exporter
from ..ray_calls import find_actor, gcs_result, node_address, node_id, tls
from .place import located

_IN_USE_S = 5.0
"""How long the process of before may still have the file: Ray does not wait for the end of one that it kills."""

_PAUSE_S = 0.1

_DIRECTORY_S = 10.0
"""How long the directory may take to say which sessions run."""


class _JournalActor:
    """Has the journal of *config* open, serves it over streams, and applies the rules of *retention* to it.

    When it dies, Ray restarts it: the next call opens what is stored.
    """

    def __init__(
        self,
        config: JournalStore,
        ports: tuple[int, int] | None,
        namespace: str,
        retention: tuple[Retention, ...],
    ) -> None:
        self._config = config
        self._namespace = namespace
        self._ports = ports
        self._retention = retention
        self._sweeping: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[tuple[JournalServer, Listener]] | None = None
        self._exporter = Exporter(namespace, SharedMetrics(self._gauges))

    @ray.method
    async def open(self) -> Capabilities:
        """Open the journal, if it is not open. Returns what it guarantees.

        Raises:
            JournalError: it can't be opened; the class says why. The next call tries again.
        """
        server, _ = await self._opened()
        return server.journal.capabilities

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where it listens, and the secret that its peers have to know. Raises what ``open`` does."""
        _, listener = await self._opened()
        return await listener.listen(node_id(), node_address(), self._ports, tls())

    @ray.method
    async def metrics(self) -> Report:
        """What was counted so far, and the gauges now."""
        return self._exporter.metrics.snapshot()

    @ray.method
    async def close(self) -> None:
        """Close the journal: nobody uses the namespace."""
        if self._opening:
            server, listener = await self._opened()
            if self._sweeping:
                self._sweeping.cancel()
            listener.close()
            await server.aclose()

    async def _opened(self) -> tuple[JournalServer, Listener]:
        failed = self._opening is not None and self._opening.done() and self._opening.exception() is not None
        if self._opening is None or failed:
            self._opening = asyncio.get_running_loop().create_task(_open(located(self._config, self._namespace)))
        server, listener = await asyncio.shield(self._opening)
        self._exporter.start()
        if self._retention and self._sweeping is None:
            sweeper = RetentionSweeper(server.journal, self._retention, self._running)
            self._sweeping = asyncio.get_running_loop().create_task(sweeper.run())
        return server, listener

    def _gauges(self) -> Values:
        is_open = self._opening and self._opening.done() and not self._opening.exception()
        return self._opening.result()[0].gauges() if self._opening and is_open else []

    async def _running(self, session_ids: list[str]) -> Mapping[str, int]:
        """Those of the sessions that run, or are about to, with their epochs."""
        directory = await gcs_result(_DIRECTORY_S, find_actor, DIRECTORY, self._namespace)
        if directory is None:
            raise DirectoryUnreachable("the directory is gone, which knows the sessions that run")
        return await DirectoryClient(cast(DirectoryHandle, directory), _DIRECTORY_S).running(session_ids)


async def _open(config: JournalStore) -> tuple[JournalServer, Listener]:
    server = JournalServer(await _open_when_free(config))
    return server, Listener(server.serve)


async def _open_when_free(config: JournalStore) -> Journal:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _IN_USE_S
    while True:
        try:
            return await open_journal(config)
        except JournalInUse:
            if loop.time() >= deadline:
                raise
            await asyncio.sleep(_PAUSE_S)


JournalActor = ray.remote(_JournalActor)
JournalHandle = ActorProxy[_JournalActor]
