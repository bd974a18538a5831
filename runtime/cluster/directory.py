"""The directory: an actor that knows which actor hosts which session."""

import ray


class _Directory:
    """Session ids and the names of the actors that host them. An id is one session's until it is released."""

    def __init__(self, routers: int) -> None:
        self._routers = routers
        self._hosts: dict[str, str] = {}

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
    async def release_host(self, host: str) -> list[str]:
        """Free all ids of *host*, which has gone; these come back."""
        session_ids = [session_id for session_id, name in self._hosts.items() if name == host]
        for session_id in session_ids:
            del self._hosts[session_id]
        return session_ids

    @ray.method
    async def find(self, session_id: str) -> str | None:
        """The name of the session's host."""
        return self._hosts.get(session_id)

    @ray.method
    async def hosts(self) -> list[str]:
        """The names of all hosts that have sessions."""
        return list(dict.fromkeys(self._hosts.values()))


DirectoryActor = ray.remote(_Directory)
DirectoryHandle = ray.actor.ActorProxy[_Directory]
