"""The session actors that a driver knows: its own, and those of others."""

import asyncio
from typing import cast

from ...api.errors import DeathReason
from ...api.options import RuntimeOptions
from ..background import Background
from ..directory.places import HostOwner
from ..nodes.node_checks import checked_nodes
from ..pool.actor_pool import ActorPool
from ..ray_calls import find_actor, gcs_result, require_gcs
from ..refs import HostRef
from ..session_actor import SessionActorHandle
from ..shared_actors import SharedActors

_FEW_HOSTS = 64


class KnownHosts:
    """Finds session actors by their ids: those of *pool*, and those of other drivers."""

    def __init__(
        self, shared_actors: SharedActors, options: RuntimeOptions, pool: ActorPool, background: Background
    ) -> None:
        self.pool = pool
        """The actors that this driver starts."""
        self._driver_id = shared_actors.driver_id
        self._directory = shared_actors.directory
        self._options = options
        self._other_versions = shared_actors.other_versions
        self._background = background
        self._others: dict[str, HostRef] = {}  # of other drivers
        self._many_hosts = _FEW_HOSTS
        # From so many actors on, those that have ended meanwhile are looked for: others may close their sessions.

    async def find(self, host_id: str) -> HostRef | None:
        """The actor with that id, if there is one."""
        host = self.pool.get(host_id) or self._others.get(host_id)
        if host is None:
            await require_gcs()
            actor = await gcs_result(self._options.call_timeout_s, find_actor, host_id, self._options.namespace)
            if actor is None:
                return None
            host = HostRef(host_id, cast(SessionActorHandle, actor), self._driver_id, self._options.call_timeout_s)
            host = self._others.setdefault(host_id, host)
            self.forget_gone_if_many()
        return host

    def owner_of(self, host: HostRef) -> HostOwner:
        """What the directory has to know of *host*, which is one of this driver's."""
        return HostOwner(host.id, self._driver_id, host.detached)

    def forget(self, host_id: str) -> None:
        """Forget a host that has ended."""
        if other := self._others.pop(host_id, None):
            other.channel.close()
        if host := self.pool.get(host_id):
            self.pool.remove(host)

    async def mark_dead(self, host_id: str, reason: DeathReason = DeathReason.CRASHED) -> None:
        """Record that the host has died: the ids of its sessions are freed, and their readers are told."""
        self.forget(host_id)
        await self._directory.call(lambda directory: directory.mark_dead.remote(host_id, reason))

    async def leave_other_versions(self, failed: HostRef) -> bool:
        """End an actor that has *failed*, and start none on nodes with another version of this package any more.

        Returns true if there are such nodes.

        Raises:
            IncompatibleNamespace: there are no others.
        """
        self.pool.discard(failed)
        _, others = await checked_nodes(self._options, self._other_versions)
        self._other_versions.update(others)
        return bool(others)

    def forget_gone_if_many(self) -> None:
        """Forget actors that have ended, now and then."""
        if len(self.pool) + len(self._others) >= self._many_hosts:
            self._many_hosts = 1 << 62  # until that is done
            self._background.run(self._forget_gone())

    async def disconnect(self) -> None:
        """Close the connections to all."""
        await asyncio.gather(*(host.channel.aclose() for host in (*self.pool, *self._others.values())))

    async def _forget_gone(self) -> None:
        """Forget actors that have ended, and look again when there are twice as many as are left."""
        try:
            opened = [host.id for host in self.pool if host.has_opened]
            for host_id in await self._directory.gone_hosts([*opened, *self._others]):
                self.forget(host_id)
        finally:
            self._many_hosts = max(_FEW_HOSTS, 2 * (len(self.pool) + len(self._others)))
