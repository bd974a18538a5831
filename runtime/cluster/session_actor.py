"""The session actor: a host of sessions in a process of its own."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import cast

import msgspec
import ray
from ray import ObjectRef
from ray.actor import ActorProxy

from ...providers.registry import ProviderConfig, load_provider
from ..api.config import SessionConfig
from ..api.errors import DirectoryUnreachable, RuntimeClosed
from ..api.fleet.templates import TemplateBook
from ..api.fleet.where import SessionOutcome
from ..api.status import SessionStatus, SessionSummary
from ..journal.entry import Position
from ..session.durable.lacking import lacking_credentials, supply_credentials
from ..session.fleet.orders import FleetOrder, carry_out, select
from ..session.forks import ForkStart, fork_start
from ..session.garbage import SessionFreezer
from ..session.host import Host, SessionKey
from ..session.leaving import HandedOver
from ..session.pages import HistoryPosition, HistorySelection, encode_history_page, encode_statuses
from ..session.requests.client_pool import ClientPool
from ..session.requests.credentials import Supplied, known_provider
from ..session.requests.quota_gate import QuotaGate
from ..streams.endpoint import Endpoint
from ..streams.listener import Listener
from ..streams.liveness import no_answer
from .actor_logs import log_as
from .directory.actor import DirectoryHandle
from .directory.client import DirectoryClient
from .directory.host_claims import HostClaims
from .directory.places import Claim, HostOwner, HostReport
from .host_calls import serve
from .metrics.reporter import Reporter
from .pool.actor_settings import SessionActorSettings
from .ray_calls import kill_actor, node_address, node_id, tls
from .router_actor import RouterHandle
from .router_transport import transport_to
from .shipping import read_pages
from .tools.runner import TaskRunner

log = logging.getLogger(__name__)

_GRACE_S = 0.1
"""For the answers to the last calls. ``ray.actor.exit_actor`` waits for them itself, but keeps the name for seconds."""


class Predecessor(msgspec.Struct, frozen=True):
    """The actor that stored a session as far as *position*. It ran *out_of_memory*, as far as that is known.

    *templates* are those of the namespace, without secrets, as the session is claimed.
    """

    position: Position
    out_of_memory: bool
    templates: TemplateBook = TemplateBook()


class _SessionActor:
    """Hosts one session or many. No call waits for a model, except ``close`` with *drain*."""

    def __init__(
        self,
        owner: HostOwner,
        routers: list[RouterHandle],
        directory: DirectoryHandle,
        settings: SessionActorSettings,
    ) -> None:
        log_as(settings.logged)
        self._claims = HostClaims(owner)
        self._directory = DirectoryClient(directory, settings.call_timeout_s)
        self._retired = settings.dedicated
        transports = [transport_to(router, self._directory, owner.host_id) for router in routers]
        publish = [transport.publish for transport in transports]
        journal, timeout_s = settings.journal, settings.call_timeout_s
        journaling = journal.journaling(owner.host_id, timeout_s) if journal else None
        gate = QuotaGate(settings.quotas.connect(owner.host_id)) if settings.quotas else None
        clients = ClientPool(gate=gate)
        self._host = Host(publish, self._on_sessions_end, clients, settings.history_bytes, journaling)
        self._host.leaving.idle_timer.default_s = settings.passivate_after_s
        self._reporter = Reporter([transport.report for transport in transports], self._host.gauges.read)
        self._task_runner = TaskRunner((owner.host_id, settings.namespace))
        self._host.ray_tools.runner = settings.tools.connect(owner.host_id) if settings.tools else self._task_runner
        for publisher, transport in zip(self._host.publishers, transports, strict=True):
            publisher.find_gaps, publisher.call_take_over = transport.find_gaps, transport.take_over
            publisher.call_held_segments = transport.held_segments
            publisher.ask_within_s = settings.call_timeout_s
            publisher.call_forget, publisher.call_reported = transport.forget, transport.reported
            transport.receive_pushes(_ignore_push, publisher.on_connection_lost)
        self._listener = Listener(partial(serve, self._host))
        self._ports = settings.ports
        self._publishing: asyncio.Task[None] | None = None
        self._exiting = asyncio.Event()
        if settings.provider:
            load_provider(settings.provider)
        self._freezer = SessionFreezer()

    @ray.method
    async def open(
        self, session_ids: list[str], claim: Claim, config: SessionConfig, history: "list[ObjectRef[bytes]]"
    ) -> Endpoint:
        """Open a session for each id: all of them, or none. Returns where they take messages.

        *history* has the pages of an initial history, for one session.

        Raises:
            StaleClaim: the directory that granted the claim has died.
            DirectoryUnreachable: it does not answer, and this actor has not met it yet.
        """
        await self._use(session_ids, claim)
        try:
            endpoint = await self._start(session_ids[0])
            await self._host.open(session_ids, claim.epoch, config, read_pages(history) if history else None)
            self._freezer.on_opened(len(session_ids))
            return endpoint
        finally:
            self._claims.finish(session_ids)

    @ray.method
    async def rebuild(
        self, session_id: str, claim: Claim, before: "Predecessor", known: list[ProviderConfig]
    ) -> Endpoint | list[ProviderConfig]:
        """Rebuild a session, and take it over from the actor *before*. Returns as ``open`` does.

        If it needs the secrets of providers that *known* does not have, it is not taken over before ``resume``, which
        must follow: these are returned, without secrets. Raises what ``open`` does, and ``JournalError``.
        """
        await self._use([session_id], claim)
        self._host.templates.learn_all(before.templates)
        try:
            needed = await self._host.rebuild(key := (session_id, claim.epoch), before.position)
        except BaseException:
            self._claims.finish([session_id])
            raise
        providers = [provider for each in needed if (provider := known_provider(each, known))]
        if len(providers) < len(needed):
            return needed
        return await self._resume(key, Supplied(providers), before.out_of_memory)

    @ray.method
    async def resume(self, key: SessionKey, supplied: Supplied, out_of_memory: bool) -> Endpoint:
        """Take over a session that was rebuilt here, with the secrets of what is *supplied*. Returns as ``open`` does.

        The actor before ran *out_of_memory*, as far as that is known.
        """
        return await self._resume(key, supplied, out_of_memory)

    async def _resume(self, key: SessionKey, supplied: Supplied, out_of_memory: bool) -> Endpoint:
        try:
            endpoint = await self._start(key[0])
            await self._host.resume(key, supplied, out_of_memory)
            return endpoint
        finally:
            self._claims.finish([key[0]])

    @ray.method
    async def lacking_credentials(self, key: SessionKey) -> list[ProviderConfig]:
        """The providers that the session waits for the secrets of."""
        return lacking_credentials(self._host, key)

    @ray.method
    async def supply_credentials(self, key: SessionKey, providers: list[ProviderConfig]) -> None:
        """Give the session the secrets of *providers*."""
        await supply_credentials(self._host, key, providers)

    @ray.method
    async def report(self, directory_id: str) -> HostReport:
        """What is here. From now on, only claims that this directory has granted count."""
        return self._claims.report(directory_id, self._host.epochs())

    async def _use(self, session_ids: list[str], claim: Claim) -> None:
        if not self._claims.has_met:
            self._claims.meet(await self._directory.check_in())
        self._claims.use(session_ids, claim)

    async def _start(self, session_id: str) -> Endpoint:
        """Publish events, report metrics to the router of *session_id*, and listen for messages."""
        if self._publishing is None:
            self._publishing = asyncio.get_running_loop().create_task(self._host.run())
            self._publishing.add_done_callback(_log_failure)
            self._reporter.start(self._host.router_of(session_id))
        return await self._listen()

    @ray.method
    async def endpoint(self) -> Endpoint:
        """Where it listens for messages, and the secret that its peers have to know."""
        return await self._listen()

    @ray.method
    async def learn_facts(self, key: SessionKey, model: str) -> None:
        """Ask the models endpoint about *model*, if the session's provider says so."""
        await self._host.learn_facts(key, model)

    @ray.method
    async def prepare(self, providers: list[ProviderConfig]) -> None:
        """Open the clients of *providers*, resolved, before a ``Configure`` names them."""
        await self._host.prepare(providers)

    @ray.method
    async def close(self, keys: list[SessionKey], drain: bool) -> list[Exception | None]:
        """Close sessions. Returns when all have ended and their ids are free, with the error for each that failed.

        That is ``Unreachable`` if its router does not respond. It ends, but its id is not free before the router does.
        """
        by_router: dict[int, list[SessionKey]] = {}
        for key in keys:
            by_router.setdefault(self._host.router_of(key[0]), []).append(key)
        closing = (self._close(number, alike, drain) for number, alike in by_router.items())
        outcomes: dict[SessionKey, Exception | None] = {}
        for alike, errors in zip(by_router.values(), await asyncio.gather(*closing), strict=True):
            outcomes.update(zip(alike, errors, strict=True))
        return [outcomes[key] for key in keys]

    async def _close(self, router: int, keys: list[SessionKey], drain: bool) -> Sequence[Exception | None]:
        closing = asyncio.ensure_future(self._host.close_all(keys, drain))
        timeout_s = self._directory.timeout_s
        while not (await asyncio.wait({closing}, timeout=timeout_s))[0]:
            if self._host.publishers[router].waits_s >= timeout_s:
                closing.cancel()
                error = no_answer(f"router {router}, which the last events of the session are for,", timeout_s)
                return [error] * len(keys)
        return closing.result()

    @ray.method
    async def select(self, session_ids: list[str], order: FleetOrder) -> list[SessionKey]:
        """Those of *session_ids* on this host that *order* is for."""
        return await select(self._host, session_ids, order)

    @ray.method
    async def carry_out(self, session_ids: list[str], order: FleetOrder) -> list[SessionOutcome]:
        """Tell those of *session_ids* on this host what *order* says, as far as it is for them."""
        return await carry_out(self._host, session_ids, order)

    @ray.method
    async def passivated(self) -> int:
        """How many idle sessions have left memory so far."""
        return self._host.leaving.passivated

    @ray.method
    async def settings(self, key: SessionKey) -> SessionConfig:
        """The settings in force, without secrets."""
        return self._host.settings(key)

    @ray.method
    async def status(self, key: SessionKey) -> SessionStatus:
        """The session's status."""
        return self._host.status(key)

    @ray.method
    async def summary(self, key: SessionKey) -> SessionSummary:
        """What has happened in the session."""
        return self._host.summary(key)

    @ray.method
    async def statuses(self, session_ids: list[str]) -> bytes:
        """The encoded statuses of those of *session_ids* that are on this host: at most a page of them."""
        return encode_statuses(self._host.statuses(session_ids))

    @ray.method
    async def history(
        self, key: SessionKey, full: bool, position: HistoryPosition | None, selection: HistorySelection
    ) -> bytes:
        """A page of the session's messages; if *full*, with those that compactions removed, and without summaries."""
        return encode_history_page(self._host.history(key, full, selection.at), position, selection)

    @ray.method
    async def fork_start(self, key: SessionKey, at: int | None) -> ForkStart:
        """What a fork of the session starts from, after the turn *at*, or now, without the turn that runs."""
        return await asyncio.to_thread(fork_start, self._host.past(key, at), key, at)

    @ray.method
    async def tool_progress(self, run: int, progress: str) -> None:
        """A task says this of the progress of its tool."""
        self._task_runner.report(run, progress)

    @ray.method
    async def ready(self) -> None:
        """Return once the process runs."""

    @ray.method
    async def retire(self) -> None:
        """Exit with the last session: no driver opens more."""
        self._retired = True
        self._exit_if_empty()

    @ray.method
    async def drain(self, timeout_s: float) -> list[str]:
        """Have all sessions leave, then exit. Returns the ids of those whose turns did not end within *timeout_s*."""
        self._retired = True
        late = await self._host.leaving.drain(timeout_s)
        self._exit_if_empty()
        return late

    @ray.method
    async def hand_over(self, session_ids: list[str] | None, known: list[SessionKey], within_s: float) -> HandedOver:
        """As ``Leaving.hand_over``. Without *session_ids*, the actor exits with its last session."""
        self._retired = self._retired or session_ids is None
        handed_over = await self._host.leaving.hand_over(session_ids, known, within_s)
        self._exit_if_empty()
        return handed_over

    @ray.method
    async def wait_exit(self) -> None:
        """Return when the actor is about to exit; if it dies instead, the call fails."""
        await self._exiting.wait()

    async def _listen(self) -> Endpoint:
        return await self._listener.listen(node_id(), node_address(), self._ports, tls())

    async def _on_sessions_end(self, sessions: dict[str, int]) -> None:
        with suppress(RuntimeClosed):  # the directory and its ids ended with the namespace
            while True:
                try:
                    await self._directory.release(sessions, self._claims.owner.host_id)
                    break
                except DirectoryUnreachable:
                    log.warning("%d ids can't be released yet: the directory is away", len(sessions))
                    here = self._host.epochs() | self._claims.opening  # some may have left memory, and come back
                    sessions = {each: epoch for each, epoch in sessions.items() if here.get(each) != epoch}
        self._exit_if_empty()

    def _exit_if_empty(self) -> None:
        if self._retired and not len(self._host) and not self._claims:
            self._exiting.set()
            self._reporter.finish()
            this_actor = cast("SessionActorHandle", ray.get_runtime_context().current_actor)
            asyncio.get_running_loop().call_later(_GRACE_S, kill_actor, this_actor)


def _ignore_push(data: bytes) -> None:
    """A router pushes nothing to a process that does not subscribe."""


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("publishing failed: no session of this process sends events any more", exc_info=error)


SessionActor = ray.remote(_SessionActor)
SessionActorHandle = ActorProxy[_SessionActor]
