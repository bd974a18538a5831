"""The session registry: one driver's access to the sessions of a namespace, and to the actors that host them."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from ....providers.registry import ProviderConfig
from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import InvalidConfig, RayconteurError
from ...api.config import SessionConfig
from ...api.errors import (
    ClusterLost,
    DeathReason,
    IncompatibleNamespace,
    PeerUnreachable,
    RuntimeClosed,
    SessionClosed,
    SessionDied,
    SessionExists,
    UnknownSession,
    Unreachable,
)
from ...api.options import NEEDS_JOURNAL, RuntimeOptions
from ...api.placement import Placement
from ...events.owner import Owner
from ...streams.endpoint import Endpoint
from ...streams.liveness import no_answer
from ..background import Background, tell_directory
from ..directory.actor_names import is_warm
from ..directory.places import Claim, ClaimRequest, StaleClaim
from ..nodes.mover import Mover
from ..pool.actor_pool import ActorPool
from ..ray_calls import START_S, require_gcs
from ..ray_errors import ActorDead, ActorUnavailable
from ..refs import HostRef, SessionRef
from ..shared_actors import SharedActors
from ..shipping import put_pages
from ..templates.client import TemplatesClient
from .fleet_calls import FleetCalls
from .known_hosts import KnownHosts
from .recovery import Recovery
from .secrets import with_secrets
from .status_reader import StatusReader
from .stored_sessions import StoredSessions

log = logging.getLogger(__name__)

_PAUSE_S = 0.2


class Opening(NamedTuple):
    """Sessions to open. *history* has the encoded pages of an initial history, for one session.

    *are_new*: their ids were generated, so no other session has them.
    """

    session_ids: Sequence[str]
    config: SessionConfig
    history: Sequence[bytes] = ()
    are_new: bool = False


class SessionRegistry:
    """Opens sessions on the actors of *pool*, finds those of other drivers, and reports actors that have died."""

    def __init__(
        self, shared_actors: SharedActors, options: RuntimeOptions, pool: ActorPool, placement: Placement
    ) -> None:
        self._shared_actors = shared_actors
        self._directory = shared_actors.directory
        self.options = options
        self._namespace = options.namespace
        self.pool = pool
        self._background = Background()
        hosts = self._hosts = KnownHosts(shared_actors, options, pool, self._background)
        self.statuses = StatusReader(self._directory, hosts)
        self.fleet = FleetCalls(self._directory, hosts)
        self._opening = 0
        self._closed = False
        journal = self.journal = shared_actors.connect_to_journal()
        """Where sessions are recorded, if anywhere."""
        lease = shared_actors.lease
        templates = self.templates = TemplatesClient(lease, journal)
        self._recovery = Recovery(journal, lease, hosts, placement, templates, options.credentials) if journal else None
        lease.on_orders = Mover(hosts, self._recovery, self._background).begin
        self.owner = Owner()

    def require_open(self) -> None:
        """Raises:
        RuntimeClosed: the runtime was left.
        WrongContext: it was entered in another event loop, or another process.
        """
        if self._closed:
            raise RuntimeClosed("the runtime was left")
        self.owner.require()

    def with_secrets(self, config: SessionConfig, known: Iterable[ProviderConfig]) -> SessionConfig:
        """*config*, with the secrets of *known* providers, and of those that sessions of this driver had."""
        kept = self._recovery.known if self._recovery else ()
        return with_secrets(config, (*known, *kept))

    async def prepare(self, session_ids: Sequence[str], config: SessionConfig) -> None:
        """Before sessions of *config* are opened, of which *session_ids* were given: what a journal needs.

        Raises:
            SessionExists: the journal has a session of one of these ids.
            InvalidConfig: there is no journal, and *config* needs one.
        """
        if config.passivate_after_s and not self._recovery:
            raise InvalidConfig("config.passivate_after_s", NEEDS_JOURNAL)
        if recovery := self._recovery:
            recovery.keep_secrets(config.providers())
            await recovery.require_unrecorded(session_ids)

    async def open(self, opening: Opening, host: HostRef | None) -> list[SessionRef]:
        """Open sessions on *host*, or one session on a new actor: all of them, or none.

        Raises:
            SessionExists: an id is taken.
            ConfigError: the provider can't be used there.
            SessionDied: the actor died meanwhile.
            HistoryFull: it has no room for the *history*.
            Unreachable: it does not respond.
        """
        session_ids = opening.session_ids
        if host is None:
            if not opening.are_new:
                await self._require_free(session_ids)  # before a process is started for nothing
            await require_gcs()
            host = self.pool.start(session_id=session_ids[0])
        self._hosts.forget_gone_if_many()
        await self._shared_actors.journal_opened()
        is_first_try = True
        while True:
            was_started = host.endpoint is not None or is_warm(host.id)
            try:
                return await self._claim_and_open(opening, host)
            except StaleClaim:
                continue  # the directory was restarted meanwhile
            except (IncompatibleNamespace, SessionDied) as error:
                self.pool.unassign(host, len(session_ids))
                if not was_started or isinstance(error, IncompatibleNamespace):  # else it had died before
                    if not is_first_try or not await self._hosts.leave_other_versions(host):
                        raise
                    is_first_try = False
                host = self.pool.replace(host, len(session_ids))
            except Exception:
                self.pool.unassign(host, len(session_ids))
                raise

    async def _claim_and_open(self, opening: Opening, host: HostRef) -> list[SessionRef]:
        """As ``open``. If it is cancelled, the sessions are assigned to *host* no more, once all is undone."""
        session_ids = opening.session_ids
        try:
            claim = await self._claim(opening, host)
        except asyncio.CancelledError:
            self.pool.unassign(host, len(session_ids))
            raise
        opened = asyncio.ensure_future(self._open_claimed(opening, claim, host))
        try:
            host.endpoint = await asyncio.shield(opened)
            host.has_opened = True
        except ActorDead as death:
            reason = await self._died(host.id, death)
            raise SessionDied(
                f"the actor {host.id!r} died while sessions were opened in it ({reason}); see Ray's logs", reason
            ) from None
        except asyncio.CancelledError:  # the actor may just be starting: killed, it would seem to have died
            undoing = self._undo_open(dict.fromkeys(session_ids, claim.epoch), host, opened)
            await self._background.undo(self._undo_and_unassign(undoing, host, len(session_ids)))
            raise
        except Exception as error:
            await self._background.undo(self._undo_open(dict.fromkeys(session_ids, claim.epoch), host, opened))
            if isinstance(error, ActorUnavailable):
                raise no_answer(f"the actor {host.id!r}", self.options.call_timeout_s) from None
            raise
        return [SessionRef(session_id, claim.epoch, host) for session_id in session_ids]

    async def find(self, session_id: str) -> SessionRef:
        """The session with that id.

        Raises:
            UnknownSession: there is none, or its actor has died.
        """
        try:
            return await self._find_running(session_id)
        except UnknownSession:
            if self._recovery is None:
                raise
        try:
            return await self._recovery.recover(session_id)
        except SessionClosed as closed:
            raise UnknownSession(closed.message) from None

    async def recover(self, session: SessionRef, reason: RayconteurError) -> SessionRef:
        """*session* where it goes on: its host failed for the *reason*, which is raised if it does not."""
        if self._recovery is None or not isinstance(reason, SessionDied | SessionClosed):
            raise reason from None
        out_of_memory = isinstance(reason, SessionDied) and reason.reason is DeathReason.OUT_OF_MEMORY
        return await self._recovery.recover(*session.key, out_of_memory)

    async def supply_credentials(self, session: SessionRef) -> None:
        """Give *session*, which may wait for credentials, those that are here."""
        if self._recovery:
            await self._recovery.supply(session)

    @property
    def is_durable(self) -> bool:
        """True if sessions outlive their actors."""
        return self._recovery is not None

    @property
    def stored(self) -> StoredSessions:
        """The sessions that the journal has. Raises ``JournalRequired`` if there is none."""
        return StoredSessions(self.journal, self._directory)

    async def _find_running(self, session_id: str) -> SessionRef:
        place = await self._directory.call(lambda directory: directory.find.remote(session_id))
        if place is None:
            raise UnknownSession(f"there is no session {shown(session_id)} in namespace {shown(self._namespace)}")
        host = await self._hosts.find(place.host_id)
        if host is None:
            await self._hosts.mark_dead(place.host_id)
            raise UnknownSession(f"session {shown(session_id)} has died with its actor; its id is free again")
        return SessionRef(session_id, place.epoch, host)

    async def failure_reason(self, session: SessionRef, error: Exception) -> RayconteurError:
        """Why a call to the host of *session* failed with *error*. Waits until that is known."""
        try:
            death = await session.host.death()
            if death is None:
                if isinstance(error, PeerUnreachable):
                    return error
                return Unreachable(
                    f"session {session.id!r} could not be reached for a moment; it may have received the call or not"
                )
        except Unreachable as silent:
            return Unreachable(f"session {session.id!r} can't be reached: {silent.message}")
        await self._hosts.mark_dead(session.host.id, death.reason)
        reason = await self._directory.death_reason(*session.key, session.host.id)
        if reason is not None:
            return SessionDied(f"the actor of session {session.id!r} died ({reason}); spawn it again", reason)
        return SessionClosed(f"session {session.id!r} has ended")

    def on_session_closed(self, host: HostRef) -> None:
        """Record that a session of *host* was closed."""
        self.pool.on_session_closed(host)

    async def shut_down(self, ends_actors: bool = True) -> None:
        """End what this driver holds; if *ends_actors*, the actors that it started, too, with their sessions."""
        self._closed = True
        self.pool.stop()
        await self._background.stop()
        if self._recovery:
            await self._recovery.stop()
        if ends_actors:
            with suppress(ClusterLost):  # then Ray ends them
                await require_gcs()
                await self.pool.shut_down()
        await self._hosts.disconnect()
        if self.journal:
            await self.journal.aclose()

    async def _open_claimed(self, opening: Opening, claim: Claim, host: HostRef) -> Endpoint:
        """Open sessions whose ids are claimed. An actor that is not up yet may need longer, the more there are."""
        pages = await put_pages(opening.history) if opening.history else []
        self._opening += 1
        try:
            call = host.actor.open.remote(list(opening.session_ids), claim, opening.config, pages)
            return await host.call_while_alive(call, ready_s=None if host.endpoint else START_S * self._opening)
        finally:
            self._opening -= 1

    async def _claim(self, opening: Opening, host: HostRef) -> Claim:
        """Claim all ids of *opening* for *host*, or none, also if cancelled."""
        owner, session_ids = self._hosts.owner_of(host), list(opening.session_ids)
        while True:
            request = ClaimRequest(uuid.uuid4().hex, session_ids, owner, are_new=opening.are_new)
            claiming = asyncio.ensure_future(self._shared_actors.lease.claim(request))
            try:
                claim = await asyncio.shield(claiming)
            except BaseException:
                claiming.cancel()  # it is not granted after it was abandoned, whichever arrives first
                await self._background.undo(tell_directory(partial(self._directory.abandon, request)))
                raise
            if not claim.taken:
                return claim
            await self._require_free(claim.taken)

    async def _require_free(self, session_ids: Iterable[str]) -> None:
        """Check that none of *session_ids* belongs to a session whose actor is alive; frees those of dead actors.

        Raises:
            SessionExists: an id is taken.
        """
        for session_id in session_ids:
            try:
                host = (await self._find_running(session_id)).host
            except UnknownSession:
                continue
            try:
                death = await host.death()
            except Unreachable:
                death = None  # as far as anybody knows
            if death is None:
                raise SessionExists(
                    f"session {session_id!r} exists; attach to it with session({session_id!r}), or take another id"
                )
            await self._died(host.id, death)

    async def _undo_open(self, sessions: dict[str, int], host: HostRef, opened: "asyncio.Future[Endpoint]") -> None:
        """Close what was opened, and free the ids; later, if *host* can't be reached: it may open them until then."""
        await asyncio.wait((opened,))  # a close could overtake it: Ray's async actors run calls in any order
        if not opened.cancelled():
            opened.exception()  # whoever has waited for it has gone
        while True:
            try:
                keys = list(sessions.items())
                outcomes = await host.call_while_alive(host.actor.close.remote(keys, False))
            except ActorDead as death:
                await self._died(host.id, death)
                return
            except (ActorUnavailable, Unreachable):
                await asyncio.sleep(_PAUSE_S)
                continue
            silent = {key[0] for key, error in zip(keys, outcomes, strict=True) if isinstance(error, Unreachable)}
            freed = {each: epoch for each, epoch in keys if each not in silent}
            sessions = {each: epoch for each, epoch in keys if each in silent}
            await tell_directory(partial(self._directory.release, freed, host.id))
            if not sessions:
                return

    async def _undo_and_unassign(self, undoing: Awaitable[None], host: HostRef, sessions: int) -> None:
        """Await *undoing*, then assign so many *sessions* less to *host*: a dedicated one is killed then."""
        try:
            async with asyncio.timeout(START_S):
                await undoing
        except TimeoutError:
            log.warning("the actor %s does not start, or does not respond: it is given up", host.id)
        self.pool.unassign(host, sessions)

    async def _died(self, host_id: str, death: ActorDead) -> DeathReason:
        """Record that the host has died, as *death* says. Returns why."""
        await self._hosts.mark_dead(host_id, death.reason)
        return death.reason
