"""The session registry: one driver's access to the sessions of a namespace, and to the actors that host them."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import cast

from ...providers.schema.errors import RayconteurError
from ..api.config import SessionConfig
from ..api.errors import (
    DeathReason,
    PeerUnreachable,
    RuntimeClosed,
    SessionClosed,
    SessionDied,
    SessionExists,
    UnknownSession,
    Unreachable,
)
from ..api.options import RuntimeOptions
from ..api.status import SessionList, SessionStatus
from ..events.segments import SessionEnd, shard_of
from ..session.pages import PAGE_SESSIONS, decode_statuses
from ..streams.endpoint import Endpoint
from .directory.actor import Claim, DirectoryHandle, SessionPage
from .pool.actor_pool import ActorPool
from .ray_calls import START_S, find_actor, result_of, result_within
from .ray_errors import ActorDead, ActorGone
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
        self._timeout_s = options.call_timeout_s
        self._pool = pool
        self._other_hosts: dict[str, HostRef] = {}  # of other drivers
        self._exit_watchers: set[asyncio.Task[None]] = set()
        self._opening = 0
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
            Unreachable: it does not respond.
        """
        host = host or await self._start_named(session_ids[0])
        try:
            epoch = await self._claim(session_ids, host)
        except BaseException:
            self._pool.unassign(host, len(session_ids))
            raise
        opening = asyncio.ensure_future(self._open_claimed(session_ids, epoch, config, host))
        try:
            host.endpoint = await asyncio.shield(opening)
        except BaseException as error:
            self._pool.unassign(host, len(session_ids))
            await self._close_opened(session_ids, host, opening)
            await self._release(session_ids, host)
            if isinstance(error, ActorGone):
                reason = await self._died(host.id, error)
                raise SessionDied(
                    f"the actor {host.name!r} died while sessions were opened in it ({reason}); see Ray's logs", reason
                ) from None
            raise
        return [SessionRef(session_id, epoch, host) for session_id in session_ids]

    async def find(self, session_id: str) -> SessionRef:
        """The session with that id.

        Raises:
            UnknownSession: there is none, or its actor has died.
        """
        place = await self._directory.call(lambda directory: directory.find.remote(session_id))
        if place is None:
            raise UnknownSession(f"there is no session {session_id!r} in namespace {self._namespace!r}")
        host = await self._host(place.host_id)
        if host is None:
            await self.mark_dead(place.host_id)
            raise UnknownSession(f"session {session_id!r} has died with its actor; its id is free again")
        return SessionRef(session_id, place.epoch, host)

    async def statuses(self, limit: int | None, after: str) -> SessionList:
        """The status of the first *limit* sessions in the namespace after the id *after*, in the order of their ids.

        They are fetched page by page, so that nobody stops for them. Without a *limit*, all of them are.
        """
        found = SessionList()
        while limit is None or len(found) + found.unreachable_count < limit:
            size = PAGE_SESSIONS if limit is None else min(PAGE_SESSIONS, limit - len(found) - found.unreachable_count)
            page = await self._directory.call(partial(_page, after, size))
            of_hosts = await asyncio.gather(*(self._add_statuses(found, *of_host) for of_host in page.ids.items()))
            found += sorted((status for of_host in of_hosts for status in of_host), key=lambda status: status.id)
            found.last = page.last
            if page.last is None:
                break
            after = page.last
        return found

    async def mark_dead(self, host_id: str, reason: DeathReason = DeathReason.CRASHED) -> None:
        """Record that the host has died: the ids of its sessions are freed, and their readers end with its death."""
        self.forget_host(host_id)
        dead = await self._directory.call(lambda directory: directory.mark_dead.remote(host_id, reason))
        routers = self._shared_actors.routers
        for shard, router in enumerate(routers):
            if of_shard := {name: epoch for name, epoch in dead.items() if shard_of(name, len(routers)) == shard}:
                end = partial(router.end_sessions.remote, of_shard, SessionEnd.DIED)
                await result_within(self._timeout_s, end, "a router")

    def watch_exit(self, host: HostRef) -> None:
        """Mark *host* dead when it dies, so that readers of its sessions end. Repeated calls do nothing."""
        if host.exit_watcher is None:
            host.exit_watcher = asyncio.get_running_loop().create_task(self._wait_exit(host))
            self._exit_watchers.add(host.exit_watcher)
            host.exit_watcher.add_done_callback(self._exit_watchers.discard)

    async def failure_reason(self, session: SessionRef, error: Exception) -> RayconteurError:
        """Why a call to the host of *session* failed with *error*. Waits until that is known."""
        try:
            if await session.host.is_alive():
                if isinstance(error, PeerUnreachable):
                    return error
                return Unreachable(
                    f"session {session.id!r} could not be reached for a moment; it may have received the call or not"
                )
        except Unreachable as silent:
            return Unreachable(f"session {session.id!r} can't be reached: {silent.message}")
        await self.mark_dead(session.host.id, error.reason if isinstance(error, ActorDead) else DeathReason.CRASHED)
        reason = await self._directory.call(lambda directory: directory.has_died.remote(session.id, session.epoch))
        if reason is not None:
            return SessionDied(f"the actor of session {session.id!r} died ({reason}); spawn it again", reason)
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

    async def _host(self, host_id: str) -> HostRef | None:
        host = self._pool.get(host_id) or self._other_hosts.get(host_id)
        if host is None:
            actor = await asyncio.to_thread(find_actor, actor_name(host_id), self._namespace)
            if actor is None:
                return None
            host = HostRef(host_id, cast(SessionActorHandle, actor), self._shared_actors.driver_id, self._timeout_s)
            host = self._other_hosts.setdefault(host_id, host)
        return host

    async def _add_statuses(self, found: SessionList, host_id: str, session_ids: list[str]) -> list[SessionStatus]:
        """The statuses of sessions of one host. If it does not answer, they are added to those that are unreachable."""
        name = actor_name(host_id)
        if name not in found.unreachable:
            try:
                if host := await self._host(host_id):
                    return decode_statuses(await host.call(lambda actor: actor.statuses.remote(session_ids)))
                await self.mark_dead(host_id)
                return []
            except ActorDead as death:
                await self._died(host_id, death)
                return []
            except Unreachable:
                pass
        found.unreachable.setdefault(name, []).extend(session_ids)
        return []

    async def _start_named(self, session_id: str) -> HostRef:
        for _ in range(_NAME_TRIES):
            await self._require_free([session_id])
            try:
                return self._pool.start(session_id)
            except ValueError:  # the id is free, but the actor that had it has not quite exited
                await asyncio.sleep(_NAME_PAUSE_S)
        raise SessionExists(f"an actor named {session_id!r} is still there; take another id")

    async def _open_claimed(
        self, session_ids: Sequence[str], epoch: int, config: SessionConfig, host: HostRef
    ) -> Endpoint:
        """Open sessions whose ids are claimed. An actor that is not up yet may need longer, the more there are."""
        self._opening += 1
        try:
            opening = host.actor.open.remote(list(session_ids), epoch, config)
            return await host.call_while_alive(opening, ready_s=None if host.endpoint else START_S * self._opening)
        finally:
            self._opening -= 1

    async def _claim(self, session_ids: Sequence[str], host: HostRef) -> int:
        """Claim all of *session_ids* for *host*, or none, also if cancelled. Returns the epoch."""
        while True:
            claiming: asyncio.Future[Claim] = asyncio.ensure_future(
                self._directory.call(lambda directory: directory.claim.remote(list(session_ids), host.id))
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
            try:
                is_alive = await host.is_alive()
            except Unreachable:
                is_alive = True  # as far as anybody knows
            if is_alive:
                raise SessionExists(
                    f"session {session_id!r} exists; attach to it with session({session_id!r}), or take another id"
                )
            await self.mark_dead(host.id)

    async def _close_opened(self, session_ids: Sequence[str], host: HostRef, opening: asyncio.Future[Endpoint]) -> None:
        await asyncio.wait((opening,))  # a close could overtake it: Ray's async actors run calls in any order
        if opening.exception() is None:
            with suppress(ActorGone, Unreachable):
                await host.call_while_alive(host.actor.close.remote(list(session_ids), False))

    async def _release(self, session_ids: Sequence[str], host: HostRef) -> None:
        await self._directory.call(lambda directory: directory.release.remote(list(session_ids), host.id))

    async def _died(self, host_id: str, death: ActorGone) -> DeathReason:
        """Record that the host has died, as *death* says. Returns why."""
        reason = death.reason if isinstance(death, ActorDead) else DeathReason.CRASHED
        await self.mark_dead(host_id, reason)
        return reason

    async def _wait_exit(self, host: HostRef) -> None:
        while True:
            try:
                await result_of(host.actor.wait_exit.remote())
            except ActorDead as death:
                return await self.mark_dead(host.id, death.reason)
            except ActorGone:
                await asyncio.sleep(_UNREACHABLE_PAUSE_S)
            else:
                return self.forget_host(host.id)


def _page(after: str, limit: int, directory: DirectoryHandle) -> Awaitable[SessionPage]:
    return directory.page.remote(after, limit)
