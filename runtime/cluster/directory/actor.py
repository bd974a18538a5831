"""The directory: an actor that knows which session actor hosts which session, and who uses the namespace.

When it dies, Ray restarts it, and it learns from the session actors that are alive what it knew. No call is answered
before that.
"""

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Coroutine

import msgspec
import ray
from ray.actor import ActorProxy

from ...api.errors import DeathReason, DirectoryUnreachable, RuntimeClosed
from ...events.segments import EndedSessions, FoundEnds
from ...metrics.counts import Report
from ...streams.endpoint import Endpoint
from ...streams.listener import Listener
from ...streams.peer import Peer
from ..ray_calls import node_address, node_id, tls
from .actor_names import driver_of
from .driver_calls import DriverCalls
from .leases import Leases
from .metrics import directory_exporter
from .namespace import Given, Namespace
from .namespace_actors import NamespaceActors, call_if_restarted
from .places import Claim, ClaimRequest, HostOwner, Places, RouterBriefing, SessionPage, SessionPlace
from .timing import BUSY_S, DEATHS_S, EMPTY_S, LEASE_S, REPORT_S, TOLD_S, WATCHED_S

log = logging.getLogger(__name__)


class _Directory:
    """The place of each session. An id belongs to one session until it is released, or its host has died."""

    def __init__(self, namespace: Namespace, ports: tuple[int, int] | None) -> None:
        self._namespace = namespace
        self._ports = ports
        self._places = Places(uuid.uuid4().hex, durable=namespace.journal is not None)
        self._leases = Leases(LEASE_S)
        self._actors = NamespaceActors(namespace.name, namespace.routers)
        self._driver_calls = DriverCalls(namespace, self._places, self._leases, self._actors, self._claim)
        self._listener = Listener(self._serve)
        self._watchers: dict[str, asyncio.Task[None]] = {}  # of hosts, by their ids
        self._tasks: set[asyncio.Task[None]] = set()
        self._deaths: deque[EndedSessions] = deque()
        self._rebuilding: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None  # which sessions are missing
        self._is_missing_due = False
        self._has_ended = False
        self._exporter = directory_exporter(namespace.name, self._places, self._leases, self._driver_calls)
        self._awaits_drivers_until = time.monotonic() + LEASE_S + BUSY_S if call_if_restarted() else 0.0
        """After a restart, until a driver is heard of: those without a session are not known from a host's report."""

    @ray.method
    async def add_driver(self, driver_id: str, version: str, given: Given) -> Namespace:
        """Register a driver. Returns what all drivers agree on.

        Raises:
            IncompatibleNamespace: the driver has another *version* of the package, another journal, or other quotas.
            RuntimeClosed: the namespace is just being removed.
        """
        await self._be_ready()
        self._awaits_drivers_until = 0.0
        if self._has_ended:
            raise RuntimeClosed("the namespace is being removed: nobody has used it")
        self._namespace.admit(version, given)
        self._leases.expect(driver_id, time.monotonic())
        self._sweep_later(LEASE_S)
        return self._namespace

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where drivers connect, to keep their leases. They do so at once when this process is a new one."""
        self._begin_rebuild()
        self._exporter.start()
        return await self._listener.listen(node_id(), node_address(), self._ports, tls())

    @ray.method
    async def remove_driver(self, driver_id: str) -> None:
        """Unregister a driver. What it owns ends; the namespace ends too if nobody else uses it."""
        await self._be_ready()
        self._awaits_drivers_until = 0.0
        self._leases.leave(driver_id)
        await self._end_driver(driver_id)

    @ray.method
    async def abandon(self, request: ClaimRequest) -> None:
        """Undo a claim whose answer was lost."""
        await self._be_ready()
        self._places.abandon(request)

    @ray.method
    async def release(self, sessions: dict[str, int], host_id: str) -> None:
        """Free the ids of those of *sessions*, ids with their epochs, that are at the host."""
        await self._be_ready()
        self._places.release(sessions, host_id)

    @ray.method
    async def check_in(self, version: str) -> str:
        """The id of this directory, for a session actor of that *version* that is about to use its first claim."""
        self._namespace.admit(version, Given())
        return self._places.directory_id

    @ray.method
    async def gone_hosts(self, host_ids: list[str]) -> list[str]:
        """Those of the hosts, which have had sessions, that have ended."""
        await self._be_ready()
        known = self._places.owners.keys() | self._places.unreported
        return [host_id for host_id in host_ids if host_id not in known]

    @ray.method
    async def mark_dead(self, host_id: str, reason: DeathReason) -> None:
        """Free all ids of a host that has died, and tell the readers of its sessions.

        *reason* is what a driver knows; Ray tells the directory as well, which knows more.
        """
        await self._be_ready()
        if watcher := self._watchers.get(host_id):
            await asyncio.wait({watcher}, timeout=WATCHED_S)
        await self._mark_dead(host_id, reason)

    @ray.method
    async def death_reason(self, session_id: str, epoch: int, host_id: str) -> DeathReason | None:
        """Why the session's host died, if the session died with it.

        Raises:
            DirectoryUnreachable: the host has not said yet whether it has the session.
        """
        await self._be_ready()
        if self._places.may_be_unreported(session_id, epoch, host_id):
            self._require_reports()
        reason = self._places.death_reason(session_id, epoch, host_id)
        if reason is None or self._places.has_tombstone(session_id, epoch):
            return reason
        # From before a restart, and no host has it: it died, or was closed before.
        return None if await self._actors.was_closed(session_id, epoch) else reason

    @ray.method
    async def find(self, session_id: str) -> SessionPlace | None:
        """The place of the session, if it exists.

        Raises:
            DirectoryUnreachable: an actor has not said yet whether it has the session.
        """
        await self._be_ready()
        place = self._places.find(session_id)
        if place is None:
            self._require_reports()
        return place

    @ray.method
    async def running(self, session_ids: list[str]) -> dict[str, int]:
        """Those of the sessions that are on an actor, or about to be, with their epochs.

        Raises:
            DirectoryUnreachable: an actor has not said yet which sessions it has.
        """
        await self._be_ready()
        self._require_reports()
        return self._places.running(session_ids)

    @ray.method
    async def ended(self, sessions: dict[str, int]) -> FoundEnds:
        """Those of *sessions*, ids with their epochs, that no longer exist."""
        await self._be_ready()
        return self._places.ended(sessions)

    @ray.method
    async def brief(self, router: int) -> RouterBriefing:
        """What a router that was restarted has to know."""
        await self._be_ready()
        deaths = [self._actors.of_router(alike, router) for alike in self._deaths]
        return RouterBriefing(deaths, self._places.hosts_of(router, self._namespace.routers))

    @ray.method
    async def page(self, after: str, limit: int) -> SessionPage:
        """The first *limit* sessions by their ids, of those that come after *after*."""
        await self._be_ready()
        page = self._places.page(after, limit)
        return msgspec.structs.replace(page, unreported=tuple(sorted(self._places.unreported)))

    @ray.method
    async def metrics(self) -> Report:
        """What was counted so far, and the gauges now."""
        return self._exporter.metrics.snapshot()

    async def _be_ready(self) -> None:
        """Wait until this process knows what the one before it knew."""
        rebuilding = self._begin_rebuild()
        if not rebuilding.done():
            await asyncio.shield(rebuilding)

    def _begin_rebuild(self) -> asyncio.Task[None]:
        if self._rebuilding is None:
            self._rebuilding = self._run(self._rebuild())
            self._run(self._driver_calls.run())
        return self._rebuilding

    async def _rebuild(self) -> None:
        hosts, started = await self._actors.find_hosts()
        self._places.learn_deaths(await self._actors.death_reasons())
        self._places.unreported.update(started)
        asking = {host_id: self._run(self._restore(host_id)) for host_id in hosts}
        if awaited := [asking[host_id] for host_id in started]:
            await asyncio.wait(awaited, timeout=REPORT_S)
            log.warning("the directory was restarted: it knows %d sessions again", len(self._places))
        self._places.end_rebuild(int(time.time() * 1000))
        self._end_missing_sessions()
        self._sweep_later(LEASE_S + (BUSY_S if self._awaits_drivers_until else 0.0))

    def _require_reports(self, are_new: bool = False) -> None:
        """Check that nothing is unknown, unless it is about ids that *are_new*."""
        if not are_new and (unreported := sorted(self._places.unreported)):
            raise DirectoryUnreachable(
                f"the directory was restarted, and {', '.join(unreported[:3])} has not said yet which "
                "sessions it has; try again later"
            )

    async def _restore(self, host_id: str) -> None:
        driver_id = driver_of(host_id)
        self._leases.expect(driver_id, time.monotonic() + BUSY_S)
        self._sweep_later(LEASE_S + BUSY_S)
        report = await self._actors.report_of(host_id, self._places.directory_id)
        if report:
            self._places.restore(report)
            self._watch(report.owner)
        else:
            self._places.learn_deaths({host_id: DeathReason.CRASHED})
        self._places.unreported.discard(host_id)
        if self._places.rebuilt_before:  # nobody waits for this report any more
            self._end_missing_sessions()
        if report and driver_id not in self._leases:
            await self._end_driver(driver_id)  # it left before this host could be ended

    def _end_missing_sessions(self) -> None:
        """Sessions of before a restart are dead if no host has them, and none may have them that has not reported."""
        self._is_missing_due = True
        if self._telling is None or self._telling.done():
            self._telling = self._run(self._tell_missing_sessions())

    async def _tell_missing_sessions(self) -> None:
        while self._is_missing_due:
            self._is_missing_due = False
            await self._actors.end_missing_sessions(self._places.living())

    async def _mark_dead(self, host_id: str, reason: DeathReason) -> None:
        watcher = self._watchers.pop(host_id, None)
        if watcher and watcher is not asyncio.current_task():
            watcher.cancel()
        if dead := self._places.mark_dead(host_id, reason):
            ended = EndedSessions(dead, self._places.end_with_host, reason, host_id)
            self._remember_deaths(ended)
            await asyncio.wait({self._run(self._actors.end_sessions(ended))}, timeout=TOLD_S)

    def _remember_deaths(self, ended: EndedSessions) -> None:
        self._deaths.append(ended)
        asyncio.get_running_loop().call_later(DEATHS_S, self._deaths.popleft)

    def _watch(self, owner: HostOwner) -> None:
        if owner.host_id not in self._watchers:
            self._watchers[owner.host_id] = self._run(self._wait_exit(owner))

    async def _wait_exit(self, owner: HostOwner) -> None:
        host_id = owner.host_id
        reason = await self._actors.wait_exit(host_id)
        if reason is DeathReason.CRASHED and not owner.detached and owner.driver_id not in self._leases:
            reason = DeathReason.DRIVER_GONE  # it was killed for that
        if reason is None:
            self._watchers.pop(host_id, None)
            self._places.remove_host(host_id)
        else:
            await self._mark_dead(host_id, reason)
        self._sweep_later(EMPTY_S)

    def _serve(self, peer: Peer, call: int, data: bytes) -> bytes | None | Awaitable[bytes]:
        """Serve a driver, which has its lease as long as it is connected."""
        if self._has_ended or not self._leases.connect(peer.id, peer):
            raise ValueError("the driver has left the namespace")
        self._awaits_drivers_until = 0.0
        peer.on_lost = lambda: self._on_lost(peer)
        return self._driver_calls.serve(call, data)

    async def _claim(self, request: ClaimRequest) -> Claim:
        await self._be_ready()
        self._require_reports(request.are_new)
        claim = self._places.claim(request, int(time.time() * 1000))
        if not claim.taken:
            self._watch(request.owner)
        return claim

    def _on_lost(self, peer: Peer) -> None:
        self._leases.disconnect(peer.id, peer, time.monotonic())
        self._sweep_later(LEASE_S)

    def _sweep_later(self, after_s: float) -> None:
        asyncio.get_running_loop().call_later(after_s + 0.01, lambda: self._run(self._sweep()))

    async def _sweep(self) -> None:
        """End what belongs to drivers that are gone, and the namespace if nobody uses it."""
        for driver_id in self._leases.expire(time.monotonic()):
            log.warning("driver %s is gone; what it owned ends", driver_id)
            await self._end_driver(driver_id)
        if time.monotonic() < self._awaits_drivers_until:
            return
        if self._has_ended or self._leases or self._places or await self._actors.hosts():
            return
        if not self._leases and not self._places:  # none came meanwhile
            self._has_ended = True
            await self._actors.end_namespace()

    async def _end_driver(self, driver_id: str) -> None:
        owners = tuple(self._places.owners.values())
        await asyncio.wait({self._run(self._actors.end_hosts_of(driver_id, self._places))}, timeout=TOLD_S)
        for owner in owners:
            if owner.driver_id == driver_id and not owner.detached:
                await self._mark_dead(owner.host_id, DeathReason.DRIVER_GONE)
        self._sweep_later(EMPTY_S)

    def _run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("the directory could not finish a task", exc_info=error)


DirectoryActor = ray.remote(_Directory)
DirectoryHandle = ActorProxy[_Directory]
