"""A journal in memory."""

from collections.abc import Sequence

import msgspec

from .catalog.rows import EVERYTHING, CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from .checks import intact_page, require_no_later, require_no_words, unknown_session
from .entry import Entry, Position, SessionKey, StoredSnapshot
from .errors import JournalUnavailable, RecordRejected
from .journal import PAGE_ENTRIES, Capabilities
from .numbering import StoredMark, checked


class MemoryJournal:
    """A ``Journal`` for tests, and for programs that need recovery only while its own process lives."""

    capabilities = Capabilities(durable=False, shared=False)

    def __init__(self) -> None:
        self._entries: dict[SessionKey, list[Entry]] = {}
        self._positions: dict[SessionKey, Position] = {}
        self._snapshots: dict[SessionKey, dict[int, StoredSnapshot]] = {}
        self._catalog: dict[SessionKey, CatalogRow] = {}
        self._is_closed = False

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        self._require_open()
        result = checked(entries, self._positions, self._stored)
        for entry in result.new:
            self._entries.setdefault(entry.session, []).append(entry)
        self._positions |= result.positions
        return result.rejections

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        self._require_open()
        position = self._position(session)
        require_no_later(position, incarnation)
        self._positions[session] = msgspec.structs.replace(position, incarnation=incarnation)
        return self._positions[session]

    async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        self._require_open()
        self._position(session)
        return intact_page(self._entries[session][after : after + limit])

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        self._require_open()
        if snapshot.session in self._positions:
            self._snapshots.setdefault(snapshot.session, {})[snapshot.number] = snapshot

    async def snapshot(self, session: SessionKey, before: int | None = None) -> StoredSnapshot | None:
        self._require_open()
        kept = self._snapshots.get(session, {})
        numbers = [number for number in kept if before is None or number <= before]
        return kept[max(numbers)] if numbers else None

    async def position(self, session_id: str, epoch: int | None = None) -> Position:
        self._require_open()
        keys = [key for key in self._positions if key.id == session_id and epoch in (None, key.epoch)]
        if not keys:
            raise unknown_session(session_id)
        return self._positions[max(keys)]

    async def sessions(self, after: SessionKey | None = None, limit: int = PAGE_ENTRIES) -> list[Position]:
        self._require_open()
        keys = sorted(key for key in self._positions if after is None or key > after)
        return [self._positions[key] for key in keys[:limit]]

    async def delete(self, session: SessionKey, expected: Position | None = None) -> bool:
        self._require_open()
        if expected and self._positions.get(session, expected) != expected:
            return False
        for each in (self._entries, self._positions, self._snapshots, self._catalog):
            each.pop(session, None)
        return True

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        self._require_open()
        for row in (change.row for change in changes):
            known = self._catalog.get(row.session, row)
            if row.session in self._positions and row.number >= known.number:
                self._catalog[row.session] = row

    async def catalog(
        self, selected: CatalogFilter = EVERYTHING, before: CatalogPlace | None = None, limit: int = PAGE_ENTRIES
    ) -> list[CatalogRow]:
        rows = [row for row in self._selected(selected) if before is None or row.place < before]
        return sorted(rows, key=lambda row: row.place, reverse=True)[:limit]

    async def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        self._require_open()
        return [self._catalog[session] for session in sessions if session in self._catalog]

    async def count(self, selected: CatalogFilter = EVERYTHING) -> int:
        return len(self._selected(selected))

    async def owners(self, after: str = "", limit: int = PAGE_ENTRIES) -> list[str]:
        self._require_open()
        return sorted({row.owner for row in self._catalog.values() if row.owner > after})[:limit]

    async def aclose(self) -> None:
        self._is_closed = True

    def _selected(self, selected: CatalogFilter) -> list[CatalogRow]:
        self._require_open()
        require_no_words(selected)
        return [row for row in self._catalog.values() if selected.has(row)]

    def _require_open(self) -> None:
        if self._is_closed:
            raise JournalUnavailable("the journal was closed")

    def _position(self, session: SessionKey) -> Position:
        position = self._positions.get(session)
        if position is None:
            raise unknown_session(session)
        return position

    def _stored(self, session: SessionKey, number: int) -> StoredMark | None:
        entries = self._entries.get(session, ())
        if not 0 < number <= len(entries):
            return None
        entry = entries[number - 1]
        return entry.incarnation, entry.checksum
