"""Writing to a store that several processes share, without a lock.

A writer checks entries against positions that it has read, or remembers. The store compares these with its own in the
transaction of the write, and writes nothing if they differ: then another process has written, and they are read anew.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from .checks import require_no_later, unknown_session
from .entry import Entry, Position, SessionKey
from .errors import RecordRejected
from .numbering import Checked, StoredMark, checked

Place = tuple[SessionKey, int]
"""A record: its session, and its number."""

_REMEMBERED = 10_000
"""Sessions whose positions are remembered: some 3 MB. Those of others are read before each write."""


class ConditionalStore(Protocol):
    """What a shared store does for ``OptimisticWriter``."""

    async def positions(self, sessions: Collection[SessionKey]) -> dict[SessionKey, Position]:
        """The positions of those of *sessions* that are stored."""
        ...

    async def marks(self, places: Collection[Place]) -> dict[Place, StoredMark]:
        """The marks of the records at *places*, of those that are stored."""
        ...

    async def write(self, expected: Mapping[SessionKey, Position | None], result: Checked) -> bool:
        """In one transaction: store what is new in *result*, and its positions.

        If a position of one of these sessions is not as *expected* (``None``: no such session), nothing is written,
        and this returns false.
        """
        ...


class OptimisticWriter:
    """Implements the calls of ``Journal`` that depend on who writes. Any number of writers may share a store."""

    def __init__(self, store: ConditionalStore) -> None:
        self._store = store
        self._remembered: dict[SessionKey, Position] = {}  # may be out of date: then the write notices

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        """As ``Journal.append``: usually one call of the store."""
        sessions = {entry.session for entry in entries}
        positions = {session: self._remembered[session] for session in sessions if session in self._remembered}
        is_read = False
        while True:
            result = checked(entries, positions, await self._stored(entries, positions))
            is_certain = is_read or (result.positions.keys() == sessions and not any(result.rejections))
            if is_certain and await self._write(positions, result):
                return result.rejections
            positions = await self._store.positions(sessions)
            is_read = True

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        """As ``Journal.take_over``."""
        while True:
            positions = await self._store.positions([session])
            if session not in positions:
                raise unknown_session(session)
            require_no_later(positions[session], incarnation)
            position = msgspec.structs.replace(positions[session], incarnation=incarnation)
            if await self._write(positions, Checked(positions={session: position})):
                return position

    async def _stored(
        self, entries: Sequence[Entry], positions: Mapping[SessionKey, Position]
    ) -> Callable[[SessionKey, int], StoredMark | None]:
        """What ``checked`` asks for *entries*, which have been read here."""
        places = [
            (entry.session, entry.number)
            for entry in entries
            if (position := positions.get(entry.session)) and 0 < entry.number <= position.number
        ]
        marks = await self._store.marks(places) if places else {}
        return lambda session, number: marks.get((session, number))

    async def _write(self, positions: Mapping[SessionKey, Position], result: Checked) -> bool:
        expected = {session: positions.get(session) for session in result.positions}
        if expected and not await self._store.write(expected, result):
            return False
        for session, position in result.positions.items():
            self._remembered.pop(session, None)  # the latest are last
            self._remembered[session] = position
        while len(self._remembered) > _REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return True
