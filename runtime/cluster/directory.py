"""The directory: an actor that knows which actor hosts which session."""

from collections import OrderedDict

import ray
from ray.actor import ActorProxy

_GRAVES = 1_000
"""Of so many hosts it is known which sessions died with them."""


class _Directory:
    """Session ids and the ids of the actors that host them. An id is one session's until it is released."""

    def __init__(self, routers: int) -> None:
        self._routers = routers
        self._hosts: dict[str, str] = {}
        self._buried: OrderedDict[str, frozenset[str]] = OrderedDict()

    @ray.method
    async def routers(self) -> int:
        """How many routers there are: all drivers and sessions must agree on it."""
        return self._routers

    @ray.method
    async def claim(self, session_ids: list[str], host: str) -> list[str]:
        """Give *host* all of *session_ids*, or none: then those that are taken come back."""
        taken = [session_id for session_id in session_ids if session_id in self._hosts]
        if not taken:
            self._hosts.update(dict.fromkeys(session_ids, host))
        return taken

    @ray.method
    async def release(self, session_ids: list[str], host: str) -> None:
        """Free those of *session_ids* that are *host*'s."""
        for session_id in session_ids:
            if self._hosts.get(session_id) == host:
                del self._hosts[session_id]

    @ray.method
    async def bury(self, host: str) -> list[str]:
        """Free all ids of *host*, which has died; these come back, to the first who asks."""
        session_ids = [session_id for session_id, at in self._hosts.items() if at == host]
        for session_id in session_ids:
            del self._hosts[session_id]
        self._buried.setdefault(host, frozenset(session_ids))
        if len(self._buried) > _GRAVES:
            self._buried.popitem(last=False)
        return session_ids

    @ray.method
    async def died(self, session_id: str, host: str) -> bool:
        """Whether the session was *host*'s when that died."""
        return session_id in self._buried.get(host, ())

    @ray.method
    async def find(self, session_id: str) -> str | None:
        """The session's host."""
        return self._hosts.get(session_id)

    @ray.method
    async def hosts(self) -> list[str]:
        """All hosts that have sessions."""
        return list(dict.fromkeys(self._hosts.values()))


DirectoryActor = ray.remote(_Directory)
DirectoryHandle = ActorProxy[_Directory]
