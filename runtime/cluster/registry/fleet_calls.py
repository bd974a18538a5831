"""Calls for many sessions, page by page: one call to each actor for the sessions of a page that it has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from ....providers.schema.errors import RayconteurError
from ...api.errors import Unreachable
from ...api.fleet.where import FleetResult, SessionOutcome, Where, before
from ...session.fleet.orders import FleetOrder
from ..directory.client import DirectoryClient
from ..directory.places import SessionPage
from ..ray_errors import ActorDead, ActorUnavailable
from ..refs import HostRef
from .known_hosts import KnownHosts

_PAGE_SESSIONS = 1_000
_CONCURRENT_CALLS = 64
"""A call costs some milliseconds of CPU: more of them at once only wait for each other."""

HostCall = Callable[[HostRef, list[str]], Awaitable[Sequence[SessionOutcome]]]
"""What is done with sessions of one host."""


class FleetCalls:
    """Makes calls for many sessions: *directory* says which there are, and *hosts* where."""

    def __init__(self, directory: DirectoryClient, hosts: KnownHosts) -> None:
        self._directory = directory
        self._hosts = hosts

    async def tell(self, order: FleetOrder) -> FleetResult:
        """Tell the message of *order* to all sessions that it is for."""

        async def carry_out(host: HostRef, session_ids: list[str]) -> list[SessionOutcome]:
            return await host.call_while_alive(host.actor.carry_out.remote(session_ids, order))

        return await self._each(order.where, carry_out)

    async def close(self, where: Where, drain: bool) -> FleetResult:
        """Close the sessions, with *drain* after their queued turns. Their ids are free when this returns."""
        order = FleetOrder(where)

        async def close(host: HostRef, session_ids: list[str]) -> list[SessionOutcome]:
            keys = await host.call(lambda actor: actor.select.remote(session_ids, order))
            errors = await host.call_while_alive(host.actor.close.remote(keys, drain)) if keys else ()
            for error in errors:
                if error is None:
                    self._hosts.pool.on_session_closed(host)
            return [_closed(*key, error) for key, error in zip(keys, errors, strict=True)]

        return await self._each(where, close)

    async def _each(self, where: Where, call: HostCall) -> FleetResult:
        """The outcomes of *call* for all sessions that may be meant, by their ids."""
        result = FleetResult()
        slots = asyncio.Semaphore(_CONCURRENT_CALLS)

        async def of_host(host_id: str, session_ids: list[str]) -> None:
            async with slots:
                await self._add(result, host_id, session_ids, call)

        try:
            async with asyncio.TaskGroup() as calls:
                async for page in pages(where, self._directory.page):
                    for host_id in page.unreported:
                        result.unreachable.setdefault(host_id, [])
                    for host_id, session_ids in page.ids.items():
                        calls.create_task(of_host(host_id, session_ids))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        result.sort(key=lambda outcome: outcome.id)
        return result

    async def _add(self, result: FleetResult, host_id: str, session_ids: list[str], call: HostCall) -> None:
        try:
            if host := await self._hosts.find(host_id):
                result += await call(host, session_ids)
                return
            await self._hosts.mark_dead(host_id)
        except ActorDead as death:
            await self._hosts.mark_dead(host_id, death.reason)
        except (Unreachable, ActorUnavailable):
            pass
        result.unreachable.setdefault(host_id, []).extend(session_ids)


async def pages(where: Where, read: Callable[[str, int], Awaitable[SessionPage]]) -> AsyncIterator[SessionPage]:
    """The pages of sessions whose ids fit. *read* gives the first ones after an id, at most so many.

    Only those are read that begin as all patterns of ids do.
    """
    prefix = where.id_prefix
    after: str | None = before(prefix)
    while after is not None:
        page = await read(after, _PAGE_SESSIONS)
        fitting = {host_id: list(filter(where.has_id, session_ids)) for host_id, session_ids in page.ids.items()}
        yield SessionPage({host_id: ids for host_id, ids in fitting.items() if ids}, page.last, page.unreported)
        after = page.last if page.last is None or page.last[: len(prefix)] <= prefix else None


def _closed(session_id: str, epoch: int, error: Exception | None) -> SessionOutcome:
    if error is None or isinstance(error, RayconteurError):
        return SessionOutcome(session_id, epoch, done=error is None, error=error)
    raise error
