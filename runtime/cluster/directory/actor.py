"""The directory: an actor that knows which session actor hosts which session."""

import time
from collections import OrderedDict

import msgspec
import ray
from ray.actor import ActorProxy

from ...api.errors import DeathReason
from ...events.router_calls import EndedSessions
from ...events.segments import SessionEnd
from ...session.sorted_ids import SortedIds

_MAX_TOMBSTONES = 10_000
"""For how many sessions the directory remembers that they died with their host."""


class SessionPlace(msgspec.Struct, frozen=True):
    """A session's host, and the epoch that distinguishes it from earlier and later sessions with its id."""

    host_id: str
    epoch: int


class SessionPage(msgspec.Struct, frozen=True):
    """Ids of sessions in order, by their hosts, and the *last* one; ``None`` if no further ones follow."""

    ids: dict[str, list[str]]
    last: str | None


class Claim(msgspec.Struct, frozen=True):
    """The epoch of the sessions whose ids were claimed; if any of the ids are *taken*, none was claimed."""

    epoch: int
    taken: list[str] = []


class _Directory:
    """The place of each session. An id belongs to one session until it is released."""

    def __init__(self, routers: int) -> None:
        self._routers = routers
        self._drivers: set[str] = set()
        self._epoch = 0
        self._places: dict[str, SessionPlace] = {}
        self._ids = SortedIds()  # of the places
        self._tombstones: OrderedDict[tuple[str, int], DeathReason] = OrderedDict()  # by id and epoch

    @ray.method
    async def add_driver(self, driver_id: str) -> int:
        """Register a driver. Returns the number of routers: all drivers and sessions must agree on it."""
        self._drivers.add(driver_id)
        return self._routers

    @ray.method
    async def remove_driver(self, driver_id: str) -> bool:
        """Unregister a driver. Returns true if no other driver and no session is left."""
        self._drivers.discard(driver_id)
        return not self._drivers and not self._places

    @ray.method
    async def claim(self, session_ids: list[str], host_id: str) -> Claim:
        """Claim all of *session_ids* for a host, or none."""
        taken = [session_id for session_id in session_ids if session_id in self._places]
        if taken:
            return Claim(0, taken)
        # From the clock, so that epochs keep growing when another directory follows this one.
        self._epoch = max(self._epoch + 1, int(time.time() * 1000))
        place = SessionPlace(host_id, self._epoch)
        for session_id in session_ids:
            self._places[session_id] = place
            self._ids.add(session_id)
        return Claim(self._epoch)

    @ray.method
    async def release(self, session_ids: list[str], host_id: str) -> None:
        """Free those of *session_ids* that belong to the host."""
        for session_id in session_ids:
            place = self._places.get(session_id)
            if place and place.host_id == host_id:
                self._free(session_id)

    @ray.method
    async def mark_dead(self, host_id: str, reason: DeathReason) -> dict[str, int]:
        """Free all ids of a host that has died. Returns them, each with its epoch, to the first caller only."""
        dead = {session_id: place.epoch for session_id, place in self._places.items() if place.host_id == host_id}
        for session_id, epoch in dead.items():
            self._free(session_id)
            self._tombstones[session_id, epoch] = reason
        while len(self._tombstones) > _MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)
        return dead

    @ray.method
    async def has_died(self, session_id: str, epoch: int) -> DeathReason | None:
        """Why the session's host died, if the session died with it."""
        return self._tombstones.get((session_id, epoch))

    @ray.method
    async def find(self, session_id: str) -> SessionPlace | None:
        """The place of the session, if it exists."""
        return self._places.get(session_id)

    @ray.method
    async def ended(self, sessions: dict[str, int]) -> list[EndedSessions]:
        """Those of *sessions*, ids with their epochs, that no longer exist."""
        closed: dict[str, int] = {}
        died: dict[str, int] = {}
        for session_id, epoch in sessions.items():
            if (session_id, epoch) in self._tombstones:
                died[session_id] = epoch
            elif (place := self._places.get(session_id)) is None or place.epoch != epoch:
                closed[session_id] = epoch
        ended = (EndedSessions(closed, SessionEnd.CLOSED), EndedSessions(died, SessionEnd.DIED))
        return [alike for alike in ended if alike.sessions]

    @ray.method
    async def page(self, after: str, limit: int) -> SessionPage:
        """The first *limit* sessions by their ids, of those that come after *after*."""
        page = self._ids.page(after, limit)
        by_host: dict[str, list[str]] = {}
        for session_id in page:
            by_host.setdefault(self._places[session_id].host_id, []).append(session_id)
        return SessionPage(by_host, page[-1] if len(page) == limit else None)

    def _free(self, session_id: str) -> None:
        del self._places[session_id]
        self._ids.remove(session_id)


DirectoryActor = ray.remote(_Directory)
DirectoryHandle = ActorProxy[_Directory]
