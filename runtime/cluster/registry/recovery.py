"""Recovery: going on with the sessions of lost session actors, from the journal."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from ....providers.registry import ProviderConfig, with_request_forms
from ....providers.schema.checks.shown import shown
from ....providers.schema.errors import ConfigError, MissingKey
from ...api.errors import (
    DeathReason,
    IncompatibleNamespace,
    RuntimeClosed,
    SessionClosed,
    SessionExists,
    UnknownSession,
    Unreachable,
)
from ...api.options import ENVIRONMENT
from ...api.placement import Packed, Placement
from ...journal.entry import Position
from ...journal.errors import JournalError, StaleIncarnation, UnknownJournalSession
from ...journal.journal import Journal
from ...logs.ids import ids
from ...session.durable.rebuilding import is_last, read_range
from ...session.requests.credentials import Supplied, known_provider
from ..credential_source import environ_of
from ..directory.lease import Lease
from ..directory.places import ClaimRequest, StaleClaim
from ..ray_calls import START_S
from ..ray_errors import ActorDead, ActorUnavailable
from ..refs import HostRef, SessionRef
from ..session_actor import Predecessor
from ..templates.client import TemplatesClient
from .known_hosts import KnownHosts

log = logging.getLogger(__name__)

_MOST_KNOWN = 16
"""So many of the providers that are known are sent along at once."""

Place = Callable[[], HostRef] | None
"""Assigns a session to an actor; ``None`` is by the placement of the program."""

_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 0.1

_YIELD_S = 2.5 * _LONGEST_PAUSE_S
"""For so long, a program that could not have a session go on leaves it to others, which wait for it."""


class Recovery:
    """Finds the sessions that *journal* has, wherever they are, and starts those that are nowhere, by *placement*."""

    def __init__(
        self,
        journal: Journal,
        lease: Lease,
        hosts: KnownHosts,
        placement: Placement,
        templates: TemplatesClient,
        credentials: str = ENVIRONMENT,
    ) -> None:
        self._journal = journal
        self._lease = lease
        self._directory = lease.directory
        self._hosts = hosts
        self._placement = placement
        self._templates = templates
        self._credentials = credentials
        self._running: dict[str, asyncio.Task[SessionRef]] = {}
        self.known: list[ProviderConfig] = []
        """Providers with their secrets."""

    def keep_secrets(self, providers: Iterable[ProviderConfig]) -> None:
        """Use the secrets of *providers* for sessions that need them again, unless a function has all of them."""
        self.known += (provider for provider in providers if provider not in self.known)

    async def recover(
        self,
        session_id: str,
        epoch: int | None = None,
        out_of_memory: bool = False,
        place: Place = None,
    ) -> SessionRef:
        """The session on an actor that is alive: on the one that has it, or on one where it goes on from its records.

        The one before ran *out_of_memory*, as far as that is known. The next one is that of *place*, if given.

        Raises:
            UnknownSession: the journal has no such session.
            SessionClosed: it was closed.
            MissingKey: credentials are missing, and nothing in it waits for them; the variable is named.
            JournalError: its records can't be read.
            Unreachable: it is on an actor that does not respond.
        """
        running = self._running.get(session_id)
        if running is None:
            running = asyncio.get_running_loop().create_task(self._recover(session_id, epoch, out_of_memory, place))
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
        await asyncio.gather(*map(self._require_unrecorded, session_ids))

    async def _require_unrecorded(self, session_id: str) -> None:
        with suppress(UnknownSession, SessionClosed):
            await self._open_position(session_id, None)
            raise SessionExists(
                f"session {session_id!r} exists; attach to it with session({session_id!r}), or take another id"
            )

    async def _open_position(self, session_id: str, epoch: int | None) -> Position:
        """How far a session is stored that is not closed."""
        try:
            position = await self._journal.position(session_id, epoch)
        except UnknownJournalSession:
            raise UnknownSession(f"there is no session {shown(session_id)}, and the journal has none") from None
        session, number = position.session, position.number
        if number and is_last((await read_range(self._journal, session, number - 1, number))[0]):
            raise SessionClosed(f"session {session_id!r} has ended")
        return position

    async def _recover(self, session_id: str, epoch: int | None, out_of_memory: bool, place: Place) -> SessionRef:
        deadline = asyncio.get_running_loop().time() + START_S
        pause_s = _FIRST_PAUSE_S
        while True:
            position = await self._open_position(session_id, epoch)
            try:
                found = await self._found_or_resumed(position, out_of_memory, place)
            except (ConfigError, JournalError):
                await asyncio.sleep(_YIELD_S)
                raise
            if found:
                return found
            if asyncio.get_running_loop().time() > deadline:
                raise Unreachable(f"session {session_id!r} is being recovered by another program; try again")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _found_or_resumed(self, position: Position, out_of_memory: bool, new: Place) -> SessionRef | None:
        """The session where it is, or where it goes on; ``None`` if it is just about to be somewhere, or to leave."""
        session = position.session
        tries_first = new is not None or isinstance(self._placement, Packed)
        if tries_first and (resumed := await self._resume(position, out_of_memory, new)):
            return resumed  # mostly, it is nowhere, and no actor has to be started to try
        place = await self._directory.call(lambda directory: directory.find.remote(session.id))
        if place is None or place.epoch != session.epoch:
            return await self._resume(position, out_of_memory, new)
        host = await self._hosts.find(place.host_id)
        try:
            if host is not None:
                await host.call(lambda actor: actor.status.remote(session))
                return SessionRef(session.id, session.epoch, host)
        except UnknownSession:
            return None
        except ActorDead:
            pass
        await self._hosts.mark_dead(place.host_id)
        return await self._resume(position, out_of_memory, new)

    async def _new_host(self, session_id: str, new: Place) -> HostRef:
        if new:
            return new()
        ((assigned, _),) = await self._hosts.pool.assign([session_id], self._placement, "")
        return assigned or self._hosts.pool.start(session_id=session_id)

    async def _resume(self, position: Position, out_of_memory: bool, new: Place) -> SessionRef | None:
        """The session, on an actor that takes it over; ``None`` if it is somewhere, or is just claimed by others."""
        session = position.session
        host = await self._new_host(session.id, new)
        request = ClaimRequest(uuid.uuid4().hex, [session.id], self._hosts.owner_of(host), session.epoch)
        try:
            claim = await self._lease.claim(request)
            if claim.taken:
                self._hosts.pool.unassign(host, 1)
                return None
            known = self.known[-_MOST_KNOWN:] if self._credentials == ENVIRONMENT else []
            templates = await self._templates.known_at(claim.templates)
            before = Predecessor(position, out_of_memory, templates)
            call = host.actor.rebuild.remote(session.id, claim, before, known)
            rebuilt = await host.call_while_alive(call, ready_s=START_S)
            if isinstance(rebuilt, list):
                environ = await environ_of(self._credentials)
                supplied = await asyncio.to_thread(self._supplied, rebuilt, environ)
                for public in supplied.lacking:
                    log.warning(
                        "session %s goes on without the credentials of %s",
                        session.id,
                        public.service,
                        extra=ids(session.id),
                    )
                rebuilt = await host.call_while_alive(host.actor.resume.remote(session, supplied, out_of_memory))
            host.endpoint = rebuilt
        except BaseException as error:
            await asyncio.shield(self._give_up(request, host, error))
            if isinstance(error, IncompatibleNamespace) or _has_not_started(error):
                await self._hosts.leave_other_versions(host)
                return None
            if isinstance(error, StaleClaim | ActorDead | ActorUnavailable | StaleIncarnation | UnknownJournalSession):
                return None  # the directory or the actor died, or another program was faster, or deleted it: try again
            raise
        host.has_opened = True
        return SessionRef(session.id, session.epoch, host)

    async def _give_up(self, request: ClaimRequest, host: HostRef, error: BaseException) -> None:
        self._hosts.pool.unassign(host, 1)
        if isinstance(error, ActorDead):
            await self._hosts.mark_dead(host.id, error.reason)
        await self._directory.abandon(request)

    async def supply(self, session: SessionRef) -> None:
        """Give *session* the credentials that it waits for, as far as they are here."""
        lacking = await session.host.call(lambda actor: actor.lacking_credentials.remote(session.key))
        if lacking:
            environ = await environ_of(self._credentials)
            supplied = await asyncio.to_thread(self._supplied, lacking, environ)
            providers = list(supplied.providers)
            await session.host.call(lambda actor: actor.supply_credentials.remote(session.key, providers))

    def _supplied(self, needed: Sequence[ProviderConfig], environ: Mapping[str, str]) -> Supplied:
        found: list[ProviderConfig] = []
        lacking: list[ProviderConfig] = []
        for public in needed:
            try:
                found.append(self._with_secret(public, environ))
            except MissingKey:
                lacking.append(public)
        return Supplied(found, lacking)

    def _with_secret(self, public: ProviderConfig, environ: Mapping[str, str]) -> ProviderConfig:
        known = known_provider(public, self.known) if self._credentials == ENVIRONMENT else None
        return known or with_request_forms(public.resolved(environ))


def _has_not_started(error: BaseException) -> bool:
    return isinstance(error, ActorDead) and error.reason is DeathReason.NOT_STARTED
