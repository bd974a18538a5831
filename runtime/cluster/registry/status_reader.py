"""The statuses of all sessions of a namespace, whoever has spawned them."""

import asyncio

from ...api.errors import Unreachable
from ...api.status import SessionList, SessionStatus
from ...session.pages import PAGE_SESSIONS, decode_statuses
from ..directory.client import DirectoryClient
from ..ray_errors import ActorDead
from .known_hosts import KnownHosts


class StatusReader:
    """Reads statuses page by page: from *directory*, which sessions there are, and from their *hosts*."""

    def __init__(self, directory: DirectoryClient, hosts: KnownHosts) -> None:
        self._directory = directory
        self._hosts = hosts

    async def read(self, limit: int | None, after: str) -> SessionList:
        """The status of the first *limit* sessions in the namespace after the id *after*, in the order of their ids.

        They are fetched page by page, so that nobody stops for them. Without a *limit*, all of them are.
        """
        found = SessionList()
        while limit is None or len(found) + found.unreachable_count < limit:
            size = PAGE_SESSIONS if limit is None else min(PAGE_SESSIONS, limit - len(found) - found.unreachable_count)
            page = await self._directory.page(after, size)
            of_hosts = await asyncio.gather(*(self._add_statuses(found, *of_host) for of_host in page.ids.items()))
            found += sorted((status for of_host in of_hosts for status in of_host), key=lambda status: status.id)
            for host_id in page.unreported:
                found.unreachable.setdefault(host_id, [])
            found.last = page.last
            if page.last is None:
                break
            after = page.last
        return found

    async def _add_statuses(self, found: SessionList, host_id: str, session_ids: list[str]) -> list[SessionStatus]:
        """The statuses of sessions of one host. If it does not answer, they are added to those that are unreachable."""
        if host_id not in found.unreachable:
            try:
                if host := await self._hosts.find(host_id):
                    return decode_statuses(await host.call(lambda actor: actor.statuses.remote(session_ids)))
                await self._hosts.mark_dead(host_id)
                return []
            except ActorDead as death:
                await self._hosts.mark_dead(host_id, death.reason)
                return []
            except Unreachable:
                pass
        found.unreachable.setdefault(host_id, []).extend(session_ids)
        return []
