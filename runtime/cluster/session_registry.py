"""The session actors as one driver knows them: it puts sessions into its own, finds others, and hears of deaths."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import cast

import ray

from ..api.config import SessionConfig
from ..api.errors import RuntimeClosed, SessionClosed, SessionDied, SessionError, SessionExists, UnknownSession
from ..api.options import RuntimeOptions
from ..api.status import SessionStatus
from ..events.segments import Over, shard_of
from .actor_pool import Fleet
from .directory import Claim
from .ray_calls import ActorDead, ActorGone, answered, asked
from .refs import HostRef, SessionRef, name_of
from .session_actor import SessionActorHandle
from .shared_actors import Shared

_NAME_TRIES = 100
_NAME_PAUSE_S = 0.05
_REACH_PAUSE_S = 0.2


class Hosts:
    """Opens sessions on the actors of *fleet*, finds those of others, and sees to what the dead leave behind."""

    def __init__(self, shared: Shared, options: RuntimeOptions, fleet: Fleet) -> None:
        self._directory = shared.directory
        self._shared = shared
        self._namespace = options.namespace
        self._fleet = fleet
        self._others: dict[str, HostRef] = {}
        self._guards: set[asyncio.Task[None]] = set()
        self._left = False

    def refuse_if_left(self) -> None:
        """Raises:
        RuntimeClosed: the runtime was left.
        """
        if self._left:
            raise RuntimeClosed("the runtime was left")

    async def open(self, session_ids: Sequence[str], config: SessionConfig, host: HostRef | None) -> list[SessionRef]:
        """Open sessions on *host*, or one on an actor of its own: all of them, or none.

        Raises:
            SessionExists: an id is taken.
            ConfigError: the provider can't be used there.
            SessionDied: the actor died meanwhile.
        """
        host = host or await self._start_named(session_ids[0])
        try:
            epoch = await self._claim(session_ids, host)
        except BaseException:
            self._fleet.undo(host, len(session_ids))
            raise
        opening = asyncio.ensure_future(answered(host.actor.open.remote(list(session_ids), epoch, config)))
        try:
            await asyncio.shield(opening)
        except BaseException as error:
            self._fleet.undo(host, len(session_ids))
            await self._close_opened(session_ids, host, opening)
            await self._release(session_ids, host)
            if isinstance(error, ActorGone):
                await self.bury(host.id)
                raise SessionDied(
                    f"the actor {host.name!r} died while sessions were opened in it; see Ray's logs"
                ) from None
            raise
        return [SessionRef(session_id, epoch, host) for session_id in session_ids]

    async def find(self, session_id: str) -> SessionRef:
        """A session that exists.

        Raises:
            UnknownSession: it does not, or its actor has died.
        """
        place = await asked(self._directory.find.remote(session_id))
        if place is None:
            raise UnknownSession(f"there is no session {session_id!r} in namespace {self._namespace!r}")
        host = self._get(place.host)
        if host is None:
            await self.bury(place.host)
            raise UnknownSession(f"session {session_id!r} has died with its actor; its id is free again")
        return SessionRef(session_id, place.epoch, host)

    async def statuses(self) -> list[SessionStatus]:
        """The status of every session, of whichever driver."""
        host_ids = await asked(self._directory.hosts.remote())
        statuses = await asyncio.gather(*(self._statuses(host_id) for host_id in host_ids))
        return [status for of_host in statuses for status in of_host]

    async def bury(self, host_id: str) -> None:
        """The host is dead: free the ids of its sessions, and have the routers say so to who reads from them."""
        self.forget(host_id)
        dead = await asked(self._directory.bury.remote(host_id))
        routers = self._shared.routers
        for shard, router in enumerate(routers):
            if its := {name: epoch for name, epoch in dead.items() if shard_of(name, len(routers)) == shard}:
                await asked(router.end.remote(its, Over.DIED))

    def guard(self, host: HostRef) -> None:
        """Bury *host* when it dies, so that those who read from its sessions hear of it."""
        if host.guard is None:
            host.guard = asyncio.get_running_loop().create_task(self._guard(host))
            self._guards.add(host.guard)
            host.guard.add_done_callback(self._guards.discard)

    async def fate(self, session: SessionRef) -> SessionError:
        """What became of a session whose host did not answer, once that is known."""
        if await self._lives(session.host):
            return SessionDied(f"session {session.id!r} was out of reach; whether it heard this is not known")
        await self.bury(session.host.id)
        if await asked(self._directory.died.remote(session.id, session.epoch)):
            return SessionDied(f"the actor of session {session.id!r} died; spawn it again")
        return SessionClosed(f"session {session.id!r} has ended")

    def closed(self, host: HostRef) -> None:
        """A session of *host* was closed."""
        self._fleet.closed(host)

    def forget(self, host_id: str) -> None:
        """The host has ended."""
        self._others.pop(host_id, None)
        if host := self._fleet.get(host_id):
            self._fleet.drop(host)

    async def end(self) -> None:
        """End the actors that this driver started, sessions and all, and watch no others."""
        self._left = True
        guards = tuple(self._guards)
        for guard in guards:
            guard.cancel()
        await asyncio.gather(*guards, return_exceptions=True)
        ended = await self._fleet.end()
        if not self._shared.owned:
            await asyncio.gather(*(self.bury(host.id) for host in ended), return_exceptions=True)

    def _get(self, host_id: str) -> HostRef | None:
        host = self._fleet.get(host_id) or self._others.get(host_id)
        if host is None:
            try:
                actor = cast("SessionActorHandle", ray.get_actor(name_of(host_id), namespace=self._namespace))
            except ValueError:
                return None
            host = self._others[host_id] = HostRef(host_id, actor)
        return host

    async def _statuses(self, host_id: str) -> list[SessionStatus]:
        while host := self._get(host_id):
            try:
                return await answered(host.actor.statuses.remote())
            except ActorGone:
                if not await self._lives(host):
                    break
        await self.bury(host_id)
        return []

    async def _start_named(self, session_id: str) -> HostRef:
        for _ in range(_NAME_TRIES):
            await self._refuse_taken([session_id])
            try:
                return self._fleet.start(session_id)
            except ValueError:  # the id is free, but the actor that had it is still on its way out
                await asyncio.sleep(_NAME_PAUSE_S)
        raise SessionExists(f"an actor named {session_id!r} is still there; take another id")

    async def _claim(self, session_ids: Sequence[str], host: HostRef) -> int:
        """Have all of *session_ids* for *host*, or none, also if cancelled."""
        while True:
            claiming: asyncio.Future[Claim] = asyncio.ensure_future(
                asked(self._directory.claim.remote(list(session_ids), host.id))
            )
            try:
                claim = await asyncio.shield(claiming)
            except asyncio.CancelledError:
                if not (await claiming).taken:
                    await self._release(session_ids, host)
                raise
            if not claim.taken:
                return claim.epoch
            await self._refuse_taken(claim.taken)

    async def _refuse_taken(self, session_ids: Iterable[str]) -> None:
        """Raises:
        SessionExists: one of *session_ids* is that of a session whose actor lives.
        """
        for session_id in session_ids:
            try:
                host = (await self.find(session_id)).host
            except UnknownSession:
                continue
            if await self._lives(host):
                raise SessionExists(
                    f"session {session_id!r} exists; attach to it with session({session_id!r}), or take another id"
                )
            await self.bury(host.id)

    async def _close_opened(self, session_ids: Sequence[str], host: HostRef, opening: asyncio.Future[None]) -> None:
        await asyncio.wait((opening,))  # a close could overtake it: Ray's async actors take calls in any order
        if opening.exception() is None:
            with suppress(ActorGone):
                await answered(host.actor.close.remote(list(session_ids), False))

    async def _release(self, session_ids: Sequence[str], host: HostRef) -> None:
        """Give up the claim of *host* to *session_ids*."""
        await asked(self._directory.release.remote(list(session_ids), host.id))

    async def _lives(self, host: HostRef) -> bool:
        """Whether *host* lives, once that is known."""
        while True:
            try:
                await answered(host.actor.ready.remote())
            except ActorDead:
                return False
            except ActorGone:
                await asyncio.sleep(_REACH_PAUSE_S)
            else:
                return True

    async def _guard(self, host: HostRef) -> None:
        while True:
            try:
                await answered(host.actor.farewell.remote())
            except ActorGone:
                if await self._lives(host):
                    continue
                return await self.bury(host.id)
            return self.forget(host.id)
