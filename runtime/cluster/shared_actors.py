"""The actors that all drivers of a namespace share: directory, routers, and a journal and quota brokers if any."""

import asyncio
import time
import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ...providers.schema.errors import InvalidConfig
from ..api.errors import RuntimeClosed, Unreachable
from ..api.journal import SQLiteJournalConfig
from ..api.options import NEEDS_JOURNAL, RuntimeOptions
from ..events.readers.unknown_sessions import FindRecorded
from ..events.router_connections import RouterConnections, connections_of
from ..journal.remote.remote_journal import RemoteJournal
from .directory.actor import DirectoryActor, DirectoryHandle
from .directory.actor_names import DIRECTORY, router_name
from .directory.client import DirectoryClient
from .directory.lease import Lease
from .directory.namespace import Given, Namespace
from .directory.package_version import incompatible, package_version
from .journal.client import JournalOpening, JournalRef, find_or_start_journal, opened_or_opening
from .journal.place import JournalPlace, journal_place, require_folder
from .memory import MemoryRequests, memory_requests
from .nodes.actor_options import RayOptions, control_node, on_many_nodes, on_one_node, shared_actor
from .nodes.cluster_nodes import Node
from .nodes.node_checks import checked_nodes
from .quotas.client import QuotasRef, find_or_start_quotas
from .ray_calls import START_S, find_actor, gcs_result, kill_actor, require_gcs, result_within
from .ray_errors import ActorDead
from .router_actor import RouterActor, RouterHandle, RouterPlace
from .router_transport import transport_to

_TRIES = 100
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class SharedActors:
    """One driver's handles to the shared actors. They end when no driver and no session is left."""

    driver_id: str
    directory: DirectoryClient
    routers: list[RouterHandle]
    lease: Lease
    memory: MemoryRequests
    other_versions: dict[str, str]
    """The versions of this package on nodes that have another one, by their ids: no session actor is started there."""
    journal: JournalRef | None = None
    journal_opening: JournalOpening | None = None
    """Where nobody waits for the journal before it is needed: it is new, and in a file that nobody has named."""
    quotas: QuotasRef | None = None

    def connect_to_routers(self, find_recorded: FindRecorded | None) -> RouterConnections:
        """Connect this driver to all routers, for its readers.

        *find_recorded* finds how far sessions are recorded that the routers do not know, if there is a journal.
        """
        transports = [transport_to(router, self.directory, self.driver_id) for router in self.routers]
        return connections_of(transports, find_recorded, self.directory.timeout_s)

    def connect_to_journal(self) -> RemoteJournal | None:
        """The journal of the namespace, if it has one, for this driver. It connects with the first call."""
        opened = self.journal_opened if self.journal_opening else None
        return self.journal.connect(self.driver_id, self.directory.timeout_s, opened) if self.journal else None

    async def journal_opened(self) -> None:
        """Wait until the journal is open, if there is one. Raises what ``opened_journal`` does."""
        if self.journal_opening:
            await self.journal_opening.opened()

    async def release(self, unregisters: bool = True) -> None:
        """Unregister this driver: its actors end, and the shared ones too if nobody else uses them.

        That is not needed before Ray is shut down, whose processes may already be gone.
        """
        if self.journal_opening:
            self.journal_opening.stop()
        await self.lease.aclose()
        if not unregisters:
            return
        with suppress(RuntimeClosed, Unreachable):  # then its lease runs out
            await self.directory.call(lambda directory: directory.remove_driver.remote(self.driver_id))


async def find_or_start_shared_actors(options: RuntimeOptions) -> SharedActors:
    """Register a new driver with the shared actors of the namespace; starts them if there are none."""
    await require_gcs()
    for _ in range(_TRIES):
        with suppress(ActorDead, RuntimeClosed):  # the last driver has just left them
            return await _find_or_start(options)
        await asyncio.sleep(_PAUSE_S)
    return await _find_or_start(options)


async def _find_or_start(options: RuntimeOptions) -> SharedActors:
    driver_id = uuid.uuid4().hex
    nodes, others = await checked_nodes(options)
    memory, node = memory_requests(options.actor_memory_bytes, nodes), on_one_node(options, nodes)
    exists = await gcs_result(options.call_timeout_s, find_actor, DIRECTORY, options.namespace) is not None
    given, new = _given(options, exists, nodes)
    directory = DirectoryClient(_directory(new, options, memory, node), options.call_timeout_s)
    namespace = await _register(driver_id, directory, given)
    routers = [_router(number, options, memory, others) for number in range(namespace.routers)]
    journal = find_or_start_journal(namespace.journal, options, memory.journal, node) if namespace.journal else None
    quotas = find_or_start_quotas(namespace.quotas, options, memory.quotas, node) if namespace.quotas else None
    lease = Lease(directory, driver_id)
    shared_actors = SharedActors(driver_id, directory, routers, lease, memory, others, quotas=quotas)
    try:
        if waits := exists or options.ports is not None:  # they may be of another version, or find no port
            starting = [result_within(START_S, router.endpoint.remote, "a router") for router in routers]
            starting += [quotas.started(number) for number in range(len(quotas.actors))] if quotas else []
            await asyncio.gather(directory.call(lambda directory: directory.endpoint.remote()), *starting)
        if journal and namespace.journal:
            ref, opening = await opened_or_opening(journal, namespace.journal, waits)
            shared_actors = replace(shared_actors, journal=ref, journal_opening=opening)
        elif options.passivate_after_s:
            raise InvalidConfig("options.passivate_after_s", NEEDS_JOURNAL)
    except BaseException:
        await shared_actors.release()
        if not exists:  # whoever starts the next ones may have other options
            for router in routers:
                kill_actor(router)
            if journal:
                kill_actor(journal)
            for broker in quotas.actors if quotas else ():
                kill_actor(broker)
            kill_actor(directory.actor)
        raise
    try:
        await shared_actors.lease.acquired(options.call_timeout_s)
    except BaseException:
        await shared_actors.release()
        raise
    return shared_actors


def _given(options: RuntimeOptions, exists: bool, nodes: Sequence[Node]) -> tuple[Given, Namespace]:
    """What a program with these *options* gives, and the namespace that it starts, unless it *exists*."""
    place = journal_place(options.journal or SQLiteJournalConfig(), control_node(options, nodes))
    given = Given(place if options.journal else None, options.quotas)
    journal = place if isinstance(place, JournalPlace) else None
    if journal and not exists:  # else it has its own open already
        require_folder(journal)
    return given, Namespace(options.namespace, options.routers, journal, options.quotas)


async def _register(driver_id: str, directory: DirectoryClient, given: Given) -> Namespace:
    """Register a driver, with what it gives."""
    version = package_version()
    try:
        return await directory.call(lambda actor: actor.add_driver.remote(driver_id, version, given), START_S)
    except TypeError:  # Ray compares the arguments with those of the actor's own version
        raise incompatible("an older version", version) from None


def _directory(
    namespace: Namespace, options: RuntimeOptions, memory: MemoryRequests, one_node: RayOptions
) -> DirectoryHandle:
    actor_options = shared_actor(DIRECTORY, options, memory.directory, one_node)
    return DirectoryActor.options(**actor_options).remote(namespace, options.ports)


def _router(number: int, options: RuntimeOptions, memory: MemoryRequests, avoided: Collection[str]) -> RouterHandle:
    place = RouterPlace(options.namespace, number, int(time.time() * 1000))
    actor_options = shared_actor(router_name(number), options, memory.router, on_many_nodes(options, avoided))
    return RouterActor.options(**actor_options).remote(options.router_limits, options.ports, place)
