"""What every journal does."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from .catalog.rows import EVERYTHING, CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from .entry import Entry, Position, SessionKey, StoredSnapshot
from .errors import RecordRejected

PAGE_ENTRIES = 1_000
"""How many entries, and sessions, a call returns if nothing else is asked for."""

PAGE_BYTES = 16 << 20
"""Of how many bytes of entries a call returns no more, so that no process has to hold all of a large session."""


class Capabilities(msgspec.Struct, frozen=True):
    """What a journal guarantees. *durable*: what it has stored survives the loss of power.

    *shared*: processes on several machines may use it at the same time. *searchable*: it finds sessions by words.
    """

    durable: bool
    shared: bool
    searchable: bool = False


IN_ONE_FILE = Capabilities(durable=True, shared=False, searchable=True)
"""Those of a journal in SQLite."""


class Journal(Protocol):
    """A store of records, numbered from 1 in each session, which only the actor of the last incarnation may write.

    Calls may overlap. A call that is cancelled may have its effect all the same. ``rayconteur.runtime.journal.
    conformance`` tests all of this.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What it guarantees."""
        ...

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        """Store *entries*, in one commit: when this returns, they are durable, as far as the journal is.

        The result has an error in the place of each entry that was rejected, and ``None`` in that of each that is
        stored now, or was before: a call whose reply was lost can be repeated. Entries of a session are in order;
        after one that was rejected, the later ones of its session and incarnation are, too. The first entry of an
        incarnation above the current one takes the session over.

        Raises:
            JournalUnavailable: as far as is known, none of them is stored.
        """
        ...

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        """From now on only *incarnation*, or a later one, may write records of *session*. Returns its position.

        Raises:
            StaleIncarnation: a later one has taken it over already.
            UnknownJournalSession: it has no records.
        """
        ...

    async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        """The entries after the number *after*: a page, empty if there are none.

        It has at most *limit* of them. It ends early with one by which it has ``PAGE_BYTES``, or before one that is
        damaged.

        Raises:
            CorruptRecord: the first of them is damaged.
            UnknownJournalSession: nothing is stored of it.
        """
        ...

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        """Store *snapshot*. One of the same number is replaced; one of a session that is not stored is ignored."""
        ...

    async def snapshot(self, session: SessionKey, before: int | None = None) -> StoredSnapshot | None:
        """The last snapshot of *session*, or the last one of a number up to *before*."""
        ...

    async def position(self, session_id: str, epoch: int | None = None) -> Position:
        """How far *session_id* is stored, in its last epoch if none is given.

        Raises:
            UnknownJournalSession: nothing is stored of it.
        """
        ...

    async def sessions(self, after: SessionKey | None = None, limit: int = PAGE_ENTRIES) -> list[Position]:
        """The sessions, ordered by id and epoch, that follow *after*."""
        ...

    async def delete(self, session: SessionKey, expected: Position | None = None) -> bool:
        """Delete all of *session*, in one step; nothing if there is none of it.

        With a position that is *expected*, it is deleted only if that is its position. Returns false if it is not.
        """
        ...

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        """Store rows of the catalog, and words: one row for each session.

        Those of sessions that are not stored are ignored, and those whose row is of a later record. They need not
        survive the loss of power: who writes a session writes its row again.

        Raises:
            JournalUnavailable: they may be stored, all or some of them. Repeat the call.
        """
        ...

    async def catalog(
        self, selected: CatalogFilter = EVERYTHING, before: CatalogPlace | None = None, limit: int = PAGE_ENTRIES
    ) -> list[CatalogRow]:
        """The first rows that are *selected*, in the order of the catalog: the latest first, those *before* a place.

        Raises:
            SearchUnsupported: words are selected, and the journal does not find them.
        """
        ...

    async def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        """The rows of those of *sessions* that have one, in any order."""
        ...

    async def count(self, selected: CatalogFilter = EVERYTHING) -> int:
        """How many rows are *selected*. Raises what ``catalog`` does."""
        ...

    async def owners(self, after: str = "", limit: int = PAGE_ENTRIES) -> list[str]:
        """The owners that sessions have, in order: those that follow *after*."""
        ...

    async def aclose(self) -> None:
        """Finish running calls, and release the store. Later calls raise ``JournalUnavailable``."""
        ...
