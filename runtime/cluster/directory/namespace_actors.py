"""The actors of a namespace, as its directory finds and ends them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, cast

import ray

from ....providers.schema.errors import RayconteurError
from ...api.errors import DeathReason, Unreachable
from ...events.segments import EndedSessions, LivingSessions, SessionEnd, shard_of
from ...metrics import catalog
from ...metrics.counts import COUNTS
from ..ray_calls import (
    UNTIL_LOST_S,
    dead_actors,
    find_actor,
    gcs_result,
    kill_actor,
    list_actors,
    result_of,
    result_within,
    started_actors,
)
from ..ray_errors import ActorDead, ActorGone, ActorUnavailable
from ..router_actor import RouterHandle
from .actor_names import DIRECTORY, JOURNAL, belongs_to, is_host, is_quotas, is_tools, router_name
from .places import HostReport, Places
from .timing import PAUSE_S

log = logging.getLogger(__name__)

_CALL_S = 5.0
_PAUSE_S = 0.2

_CLOSE_S = 2.0
"""How long the end of a namespace waits for its journal to be closed: whoever enters it meanwhile waits, too."""

_Host = Any
"""The handle of a session actor, whose class imports the directory's."""


def call_if_restarted() -> bool:
    """Have this actor called: all programs may have died with the process before it, and nobody calls it.

    Returns true if it was restarted.
    """
    context = ray.get_runtime_context()
    if context.was_current_actor_reconstructed:
        cast(Any, context.current_actor).endpoint.remote()
        return True
    return False


class NamespaceActors:
    """Calls session actors and routers by their names. None of its calls waits for one that does not respond."""

    def __init__(self, namespace: str, routers: int) -> None:
        self._namespace = namespace
        self._routers = routers

    async def hosts(self) -> list[str]:
        """The names of all session actors that are alive, or about to start."""
        return [name for name in await gcs_result(UNTIL_LOST_S, list_actors, self._namespace) if is_host(name)]

    async def find_hosts(self) -> tuple[list[str], set[str]]:
        """All session actors, and those of them whose processes run, however long it takes to find them.

        Others have no session, and check in before they open one.
        """
        while True:
            try:
                hosts = await self.hosts()
                return hosts, set(hosts) & await gcs_result(UNTIL_LOST_S, started_actors)
            except RayconteurError as error:
                log.warning("the directory can't find the session actors yet: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def death_reasons(self) -> dict[str, DeathReason]:
        """The session actors that have died, and why."""
        try:
            dead = await gcs_result(UNTIL_LOST_S, dead_actors)
            return {name: reason for name, reason in dead.items() if is_host(name)}
        except RayconteurError as error:
            log.warning("the directory can't find out why actors died: %s", error)
            return {}

    async def report_of(self, host_id: str, directory_id: str) -> HostReport | None:
        """What a session actor has, however long it takes to answer; ``None`` if it has died."""
        while host := await self._find(host_id):
            try:
                return cast(HostReport, await result_of(host.report.remote(directory_id)))
            except ActorDead:
                return None
            except ActorUnavailable:
                await asyncio.sleep(_PAUSE_S)
        return None

    async def wait_exit(self, host_id: str) -> DeathReason | None:
        """Wait until a session actor is gone. Returns why it died, or ``None`` if it exited."""
        while host := await self._find(host_id):
            try:
                await result_of(host.wait_exit.remote())
            except ActorDead as death:
                return death.reason
            except ActorUnavailable:
                await asyncio.sleep(_PAUSE_S)
            else:
                return None
        return DeathReason.CRASHED

    async def end_hosts_of(self, driver_id: str, places: Places) -> None:
        """End the session actors of a driver that is gone; detached ones with sessions when they have none any more.

        Those that have not reported yet are left alone: they may be detached, and have sessions.
        """
        retiring: list[Awaitable[None]] = []
        for name in await self.hosts():
            if belongs_to(driver_id, name) and name not in places.unreported and (host := await self._find(name)):
                owner = places.owners.get(name)
                if owner and owner.detached:
                    retiring.append(self._retire(name))
                else:
                    kill_actor(host)
        await asyncio.gather(*retiring)

    async def drain_host(self, host_id: str, within_s: float) -> None:
        """Have the sessions of an actor leave that has no driver; nobody takes them over before they are opened."""
        if host := await self._find(host_id):
            with suppress(ActorGone):
                await result_of(host.drain.remote(within_s))

    async def end_sessions(self, ended: EndedSessions) -> None:
        """Tell the routers that sessions have died; however long a router is away."""
        COUNTS.add(catalog.DEATHS, (ended.reason.value,), len(ended.sessions))

        async def tell(shard: int) -> None:
            of_shard = self.of_router(ended, shard)
            if of_shard.sessions:
                await self._tell_router(shard, lambda router: router.end_sessions.remote(of_shard))

        await asyncio.gather(*map(tell, range(self._routers)))

    def of_router(self, ended: EndedSessions, number: int) -> EndedSessions:
        """Those of the *ended* sessions whose events router *number* has."""
        sessions = {each: epoch for each, epoch in ended.sessions.items() if shard_of(each, self._routers) == number}
        return EndedSessions(sessions, ended.session_end, ended.reason, ended.host_id)

    async def was_closed(self, session_id: str, epoch: int) -> bool:
        """True if the session's router has the end of a session that was closed."""
        shard = shard_of(session_id, self._routers)
        router = cast(RouterHandle | None, await self._find(router_name(shard)))
        if router is None:
            return False
        try:
            end = await result_within(_CALL_S, lambda: router.end_of.remote(session_id, epoch), f"router {shard}")
        except (ActorDead, Unreachable):
            return False
        return end is SessionEnd.CLOSED

    async def end_missing_sessions(self, living: LivingSessions) -> None:
        """Tell the routers which sessions of before a restart are *living*; others have died, or are lost."""
        tell = partial(self._tell_router, call=lambda router: router.end_missing_sessions.remote(living))
        await asyncio.gather(*map(tell, range(self._routers)))

    async def end_namespace(self) -> None:
        """Close the journal, kill it, the routers, the quota brokers and what runs tools, then this process."""
        if journal := await self._find(JOURNAL):
            try:
                await result_within(_CLOSE_S, journal.close.remote, "the journal")
            except Exception as error:  # whatever it is, what was acknowledged is stored
                log.warning("the journal could not be closed: %s", error)
        alive = await gcs_result(UNTIL_LOST_S, list_actors, self._namespace)
        others = [name for name in alive if is_tools(name) or is_quotas(name)]
        for name in (*map(router_name, range(self._routers)), *others, JOURNAL, DIRECTORY):
            if actor := find_actor(name, self._namespace):
                kill_actor(cast(_Host, actor))

    async def _tell_router(self, shard: int, call: Callable[[RouterHandle], Awaitable[None]]) -> None:
        while router := await self._find(router_name(shard)):
            try:
                await result_within(_CALL_S, lambda: call(cast(RouterHandle, router)), f"router {shard}")
            except ActorDead:
                break
            except Unreachable:
                log.warning("router %d does not answer: it will be told later which sessions have ended", shard)
            else:
                break

    async def _find(self, name: str) -> _Host:
        return await gcs_result(UNTIL_LOST_S, find_actor, name, self._namespace)

    async def _retire(self, name: str) -> None:
        while host := await self._find(name):
            try:
                await result_within(_CALL_S, host.retire.remote, name)
            except ActorDead:
                break
            except Unreachable:
                log.warning("the actor %s does not answer: it will be told later that no driver opens more", name)
            else:
                break
