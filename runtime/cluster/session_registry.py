"""The session registry: one driver's access to the sessions of a namespace, and to the actors that host them."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import cast

import ray

from ...providers.schema.errors import RayconteurError
from ..api.config import SessionConfig
from ..api.errors import (
    PeerUnreachable,
    RuntimeClosed,
    SessionClosed,
    SessionDied,
    SessionExists,
    UnknownSession,
)
from ..api.options import RuntimeOptions
from ..api.status import SessionStatus
from ..events.segments import SessionEnd, shard_of
from ..session.pages import PAGE_SESSIONS, decode_statuses
from ..streams.endpoint import Endpoint
from .actor_pool import ActorPool
from .directory import Claim
from .ray_calls import ActorDead, ActorGone, result_of, shared_result_of
from .refs import HostRef, SessionRef, actor_name
from .session_actor import SessionActorHandle
from .shared_actors import SharedActors

_NAME_TRIES = 100
_NAME_PAUSE_S = 0.05
_UNREACHABLE_PAUSE_S = 0.2


class SessionRegistry:
    """Opens sessions on the actors of *pool*, finds those of other drivers, and reports actors that have died."""

    def __init__(self, shared_actors: SharedActors, options: RuntimeOptions, pool: ActorPool) -> None:
        self._shared_actors = shared_actors
        self._directory = shared_actors.directory
        self._namespace = options.namespace
        self._pool = pool
        self._other_hosts: dict[str, HostRef] = {}  # of other drivers
        self._exit_watchers: set[asyncio.Task[None]] = set()
        self._closed = False

    def require_open(self) -> None:
        """Raises:
        RuntimeClosed: the runtime was left.
        """
        if self._closed:
            raise RuntimeClosed("the runtime was left")

    async def open(self, session_ids: Sequence[str], config: SessionConfig, host: HostRef | None) -> list[SessionRef]:
        """Open sessions on *host*, or one session on a new actor: all of them, or none.

        Raises:
            SessionExists: an id is taken.
            ConfigError: the provider can't be used there.
            SessionDied: the actor died meanwhile.
        """
        host = host or await self._start_named(session_ids[0])
        try:
            epoch = await self._claim(session_ids, host)
        except BaseException:
            self._pool.unassign(host, len(session_ids))
            raise
        opening = asyncio.ensure_future(result_of(host.actor.open.remote(list(session_ids), epoch, config)))
        try:
            host.endpoint = await asyncio.shield(opening)
        except BaseException as error:
            self._pool.unassign(host, len(session_ids))
            await self._close_opened(session_ids, host, opening)
            await self._release(session_ids, host)
            if isinstance(error, ActorGone):
                await self.mark_dead(host.id)
                raise SessionDied(
                    f"the actor {host.name!r} died while sessions were opened in it; see Ray's logs"
                ) from None
            raise
        return [SessionRef(session_id, epoch, host) for session_id in session_ids]

    async def find(self, session_id: str) -> SessionRef:
        """The session with that id.

        Raises:
            UnknownSession: there is none, or its actor has died.
        """
        place = await shared_result_of(self._directory.find.remote(session_id))
        if place is None:
            raise UnknownSession(f"there is no session {session_id!r} in namespace {self._namespace!r}")
        host = self._host(place.host_id)
        if host is None:
            await self.mark_dead(place.host_id)
            raise UnknownSession(f"session {session_id!r} has died with its actor; its id is free again")
        return SessionRef(session_id, place.epoch, host)

    async def statuses(self, limit: int | None, after: str) -> list[SessionStatus]:
        """The status of the first *limit* sessions in the namespace after the id *after*, in the order of their ids.

        They are fetched page by page, so that nobody stops for them. Without a *limit*, all of them are.
        """
        found: list[SessionStatus] = []
        while limit is None or len(found) < limit:
            size = PAGE_SESSIONS if limit is None else min(PAGE_SESSIONS, limit - len(found))
            page = await shared_result_of(self._directory.page.remote(after, size))
            of_hosts = await asyncio.gather(*(self._statuses_of(*of_host) for of_host in page.ids.items()))
            found += sorted((status for of_host in of_hosts for status in of_host), key=lambda status: status.id)
            if page.last is None:
                break
            after = page.last
        return found

    async def mark_dead(self, host_id: str) -> None:
        """Record that the host has died: the ids of its sessions are freed, and their readers end with its death."""
        self.forget_host(host_id)
        dead = await shared_result_of(self._directory.mark_dead.remote(host_id))
        routers = self._shared_actors.routers
        for shard, router in enumerate(routers):
            if of_shard := {name: epoch for name, epoch in dead.items() if shard_of(name, len(routers)) == shard}:
                await shared_result_of(router.end_sessions.remote(of_shard, SessionEnd.DIED))

    def watch_exit(self, host: HostRef) -> None:
        """Mark *host* dead when it dies, so that readers of its sessions end. Repeated calls do nothing."""
        if host.exit_watcher is None:
            host.exit_watcher = asyncio.get_running_loop().create_task(self._wait_exit(host))
            self._exit_watchers.add(host.exit_watcher)
            host.exit_watcher.add_done_callback(self._exit_watchers.discard)

    async def failure_reason(self, session: SessionRef, error: Exception) -> RayconteurError:
        """Why a call to the host of *session* failed with *error*. Waits until that is known."""
        if await self._is_alive(session.host):
            if isinstance(error, PeerUnreachable):
                return error
            return SessionDied(f"session {session.id!r} could not be reached; it may have received the call or not")
        await self.mark_dead(session.host.id)
        if await shared_result_of(self._directory.has_died.remote(session.id, session.epoch)):
            return SessionDied(f"the actor of session {session.id!r} died; spawn it again")
        return SessionClosed(f"session {session.id!r} has ended")

    def on_session_closed(self, host: HostRef) -> None:
        """Record that a session of *host* was closed."""
        self._pool.on_session_closed(host)

    def forget_host(self, host_id: str) -> None:
        """Forget a host that has ended."""
        if other := self._other_hosts.pop(host_id, None):
            other.channel.close()
        if host := self._pool.get(host_id):
            self._pool.remove(host)

    async def shut_down(self) -> None:
        """End the actors that this driver started, with their sessions, and stop watching others."""
        self._closed = True
        watchers = tuple(self._exit_watchers)
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
        killed = await self._pool.shut_down()
        await asyncio.gather(*(host.channel.aclose() for host in (*self._pool, *self._other_hosts.values())))
        if not self._shared_actors.owned:
            await asyncio.gather(*(self.mark_dead(host.id) for host in killed), return_exceptions=True)

    def _host(self, host_id: str) -> HostRef | None:
        host = self._pool.get(host_id) or self._other_hosts.get(host_id)
        if host is None:
            try:
                actor = cast("SessionActorHandle", ray.get_actor(actor_name(host_id), namespace=self._namespace))
            except ValueError:
                return None
            host = self._other_hosts[host_id] = HostRef(host_id, actor, self._shared_actors.driver_id)
        return host

    async def _statuses_of(self, host_id: str, session_ids: list[str]) -> list[SessionStatus]:
        while host := self._host(host_id):
            try:
                return decode_statuses(await result_of(host.actor.statuses.remote(session_ids)))
            except ActorGone:
                if not await self._is_alive(host):
                    break
        await self.mark_dead(host_id)
        return []

    async def _start_named(self, session_id: str) -> HostRef:
        for _ in range(_NAME_TRIES):
            await self._require_free([session_id])
            try:
                return self._pool.start(session_id)
            except ValueError:  # the id is free, but the actor that had it has not quite exited
                await asyncio.sleep(_NAME_PAUSE_S)
        raise SessionExists(f"an actor named {session_id!r} is still there; take another id")

    async def _claim(self, session_ids: Sequence[str], host: HostRef) -> int:
        """Claim all of *session_ids* for *host*, or none, also if cancelled. Returns the epoch."""
        while True:
            claiming: asyncio.Future[Claim] = asyncio.ensure_future(
                shared_result_of(self._directory.claim.remote(list(session_ids), host.id))
            )
            try:
                claim = await asyncio.shield(claiming)
            except asyncio.CancelledError:
                if not (await claiming).taken:
                    await self._release(session_ids, host)
                raise
            if not claim.taken:
                return claim.epoch
            await self._require_free(claim.taken)

    async def _require_free(self, session_ids: Iterable[str]) -> None:
        """Check that none of *session_ids* belongs to a session whose actor is alive; frees those of dead actors.

        Raises:
            SessionExists: an id is taken.
        """
        for session_id in session_ids:
            try:
                host = (await self.find(session_id)).host
            except UnknownSession:
                continue
            if await self._is_alive(host):
                raise SessionExists(
                    f"session {session_id!r} exists; attach to it with session({session_id!r}), or take another id"
                )
            await self.mark_dead(host.id)

    async def _close_opened(self, session_ids: Sequence[str], host: HostRef, opening: asyncio.Future[Endpoint]) -> None:
        await asyncio.wait((opening,))  # a close could overtake it: Ray's async actors run calls in any order
        if opening.exception() is None:
            with suppress(ActorGone):
                await result_of(host.actor.close.remote(list(session_ids), False))

    async def _release(self, session_ids: Sequence[str], host: HostRef) -> None:
        await shared_result_of(self._directory.release.remote(list(session_ids), host.id))

    async def _is_alive(self, host: HostRef) -> bool:
        """True if *host* is alive. Waits while that can't be told."""
        while True:
            try:
                await result_of(host.actor.ready.remote())
            except ActorDead:
                return False
            except ActorGone:
                await asyncio.sleep(_UNREACHABLE_PAUSE_S)
            else:
                return True

    async def _wait_exit(self, host: HostRef) -> None:
        while True:
            try:
                await result_of(host.actor.wait_exit.remote())
            except ActorGone:
                if await self._is_alive(host):
                    continue
                return await self.mark_dead(host.id)
            return self.forget_host(host.id)
