"""The directory: an actor that knows which actor hosts which session."""

import time
from collections import OrderedDict

import msgspec
import ray
from ray.actor import ActorProxy

_GRAVES = 10_000
"""Of so many sessions it is known that they died with their hosts."""


class Place(msgspec.Struct, frozen=True):
    """A session's host, and the epoch that tells the session from those that have its id before or after it."""

    host: str
    epoch: int


class Claim(msgspec.Struct, frozen=True):
    """The epoch of the sessions that were claimed; or, if there are any, the ids that were *taken* already."""

    epoch: int
    taken: list[str] = []


class _Directory:
    """Where each session is. An id is one session's until it is released."""

    def __init__(self, routers: int) -> None:
        self._routers = routers
        self._drivers: set[str] = set()
        self._epoch = 0
        self._places: dict[str, Place] = {}
        self._graves: OrderedDict[tuple[str, int], None] = OrderedDict()  # by id and epoch

    @ray.method
    async def enter(self, driver_id: str) -> int:
        """A driver has come. How many routers there are: all drivers and sessions must agree on it."""
        self._drivers.add(driver_id)
        return self._routers

    @ray.method
    async def leave(self, driver_id: str) -> bool:
        """A driver goes; whether there is no other, and no session."""
        self._drivers.discard(driver_id)
        return not self._drivers and not self._places

    @ray.method
    async def claim(self, session_ids: list[str], host: str) -> Claim:
        """Give *host* all of *session_ids*, or none."""
        taken = [session_id for session_id in session_ids if session_id in self._places]
        if taken:
            return Claim(0, taken)
        # From the clock, so that it goes on growing when another directory follows this one.
        self._epoch = max(self._epoch + 1, int(time.time() * 1000))
        self._places.update(dict.fromkeys(session_ids, Place(host, self._epoch)))
        return Claim(self._epoch)

    @ray.method
    async def release(self, session_ids: list[str], host: str) -> None:
        """Free those of *session_ids* that are *host*'s."""
        for session_id in session_ids:
            place = self._places.get(session_id)
            if place and place.host == host:
                del self._places[session_id]

    @ray.method
    async def bury(self, host: str) -> dict[str, int]:
        """Free all ids of *host*, which has died; these come back to the first who asks, each with its epoch."""
        dead = {session_id: place.epoch for session_id, place in self._places.items() if place.host == host}
        for session_id, epoch in dead.items():
            del self._places[session_id]
            self._graves[session_id, epoch] = None
        while len(self._graves) > _GRAVES:
            self._graves.popitem(last=False)
        return dead

    @ray.method
    async def died(self, session_id: str, epoch: int) -> bool:
        """Whether the session died with its host."""
        return (session_id, epoch) in self._graves

    @ray.method
    async def find(self, session_id: str) -> Place | None:
        """Where the session is."""
        return self._places.get(session_id)

    @ray.method
    async def gone(self, sessions: dict[str, int]) -> dict[str, int]:
        """Those of *sessions*, ids with their epochs, that are nowhere any more."""
        there = {session_id: place.epoch for session_id in sessions if (place := self._places.get(session_id))}
        return {session_id: epoch for session_id, epoch in sessions.items() if there.get(session_id) != epoch}

    @ray.method
    async def hosts(self) -> list[str]:
        """All hosts that have sessions."""
        return list(dict.fromkeys(place.host for place in self._places.values()))


DirectoryActor = ray.remote(_Directory)
DirectoryHandle = ActorProxy[_Directory]
