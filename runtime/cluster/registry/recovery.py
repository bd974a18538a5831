"""Recovery: going on with the sessions of lost session actors, from the journal."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import msgspec

from ....providers.registry import ProviderConfig, with_request_forms
from ....providers.schema.checks.shown import shown
from ...api.errors import RuntimeClosed, SessionClosed, SessionExists, UnknownSession, Unreachable
from ...api.options import ENVIRONMENT
from ...api.placement import Placement
from ...journal.entry import SessionKey
from ...journal.errors import StaleIncarnation, UnknownJournalSession
from ...journal.journal import Journal
from ...session.durable.rebuilding import is_last, read_range
from ..credential_source import environ_of
from ..directory.client import DirectoryClient
from ..directory.places import ClaimRequest, StaleClaim
from ..ray_calls import START_S
from ..ray_errors import ActorDead, ActorUnavailable
from ..refs import HostRef, SessionRef
from .known_hosts import KnownHosts

_PAUSE_S = 0.1


class Recovery:
    """Finds the sessions that *journal* has, wherever they are, and starts those that are nowhere, by *placement*."""

    def __init__(
        self,
        journal: Journal,
        directory: DirectoryClient,
        hosts: KnownHosts,
        placement: Placement,
        credentials: str = ENVIRONMENT,
    ) -> None:
        self._journal = journal
        self._directory = directory
        self._hosts = hosts
        self._placement = placement
        self._credentials = credentials
        self._running: dict[str, asyncio.Task[SessionRef]] = {}
        self._known: list[ProviderConfig] = []

    def keep_secrets(self, providers: Iterable[ProviderConfig]) -> None:
        """Use the secrets of *providers* for sessions that need them again, unless a function has all of them."""
        self._known += (provider for provider in providers if provider not in self._known)

    async def recover(self, session_id: str, epoch: int | None = None, out_of_memory: bool = False) -> SessionRef:
        """The session on an actor that is alive: on the one that has it, or on one where it goes on from its records.

        The one before ran *out_of_memory*, as far as that is known.

        Raises:
            UnknownSession: the journal has no such session.
            SessionClosed: it was closed.
            ConfigError: credentials are missing; the variable is named.
            JournalError: its records can't be read.
            Unreachable: it is on an actor that does not respond.
        """
        running = self._running.get(session_id)
        if running is None:
            running = asyncio.get_running_loop().create_task(self._recover(session_id, epoch, out_of_memory))
            self._running[session_id] = running
            running.add_done_callback(lambda _: self._running.pop(session_id, None))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():  # by ``stop``, not whoever waits
                raise RuntimeClosed("the runtime was left") from None
            raise

    async def stop(self) -> None:
        """Recover no more: whoever waits gets ``RuntimeClosed``."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def require_unrecorded(self, session_ids: Iterable[str]) -> None:
        """Raises:
        SessionExists: the journal has a session of one of these ids that is not closed.
        """
        for session_id in session_ids:
            with suppress(UnknownSession, SessionClosed):
                await self._open_session(session_id, None)
                raise SessionExists(
                    f"session {session_id!r} exists; attach to it with session({session_id!r}), or take another id"
                )

    async def _open_session(self, session_id: str, epoch: int | None) -> SessionKey:
        try:
            position = await self._journal.position(session_id, epoch)
        except UnknownJournalSession:
            raise UnknownSession(f"there is no session {shown(session_id)}, and the journal has none") from None
        session, number = position.session, position.number
        if number and is_last((await read_range(self._journal, session, number - 1, number))[0]):
            raise SessionClosed(f"session {session_id!r} has ended")
        return session

    async def _recover(self, session_id: str, epoch: int | None, out_of_memory: bool) -> SessionRef:
        deadline = asyncio.get_running_loop().time() + START_S
        while True:
            session = await self._open_session(session_id, epoch)
            if found := await self._find(session) or await self._resume(session, out_of_memory):
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise Unreachable(f"session {session_id!r} is being recovered by another program; try again")
            await asyncio.sleep(_PAUSE_S)

    async def _find(self, session: SessionKey) -> SessionRef | None:
        """The session where it is; ``None`` if it is not running anywhere."""
        place = await self._directory.call(lambda directory: directory.find.remote(session.id))
        if place is None or place.epoch != session.epoch:
            return None
        host = await self._hosts.find(place.host_id)
        try:
            if host is not None:
                await host.call(lambda actor: actor.status.remote(session))
                return SessionRef(session.id, session.epoch, host)
        except UnknownSession:
            return None  # it is about to be there
        except ActorDead:
            pass
        await self._hosts.mark_dead(place.host_id)
        return None

    async def _resume(self, session: SessionKey, out_of_memory: bool) -> SessionRef | None:
        """The session, on an actor that takes it over; ``None`` if another program has just claimed it."""
        host = self._hosts.pool.assign([session.id], self._placement, "")[0][0] or self._hosts.pool.start()
        request = ClaimRequest(uuid.uuid4().hex, [session.id], self._hosts.owner_of(host), session.epoch)
        try:
            claim = await self._directory.claim(request)
            if claim.taken:
                self._hosts.pool.unassign(host, 1)
                return None
            needed = await host.call_while_alive(host.actor.rebuild.remote(session.id, claim), ready_s=START_S)
            environ = await environ_of(self._credentials)
            providers = await asyncio.to_thread(self._with_secrets, needed, environ)
            resumed = host.actor.resume.remote(session, providers, out_of_memory)
            host.endpoint = await host.call_while_alive(resumed)
        except BaseException as error:
            await asyncio.shield(self._give_up(request, host, error))
            if isinstance(error, StaleClaim | ActorDead | ActorUnavailable | StaleIncarnation):
                return None  # the directory or the actor died, or another program was faster: try again
            raise
        host.has_opened = True
        return SessionRef(session.id, session.epoch, host)

    async def _give_up(self, request: ClaimRequest, host: HostRef, error: BaseException) -> None:
        self._hosts.pool.unassign(host, 1)
        if isinstance(error, ActorDead):
            await self._hosts.mark_dead(host.id, error.reason)
        await self._directory.abandon(request)

    def _with_secrets(self, needed: Sequence[ProviderConfig], environ: Mapping[str, str]) -> list[ProviderConfig]:
        return [self._with_secret(public, environ) for public in needed]

    def _with_secret(self, public: ProviderConfig, environ: Mapping[str, str]) -> ProviderConfig:
        if self._credentials == ENVIRONMENT:
            for known in self._known:
                same_model = msgspec.structs.replace(known, model=public.model, facts=public.facts)
                if same_model.public() == public:
                    return same_model
        return with_request_forms(public.resolved(environ))
