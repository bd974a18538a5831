"""The sessions that a journal has, and which of them run."""

import math
from collections.abc import Sequence

import msgspec

from ....providers.schema.checks.shown import shown
from ...api.catalog.entry import CatalogEntry, CatalogState
from ...api.catalog.labels import Labels
from ...api.errors import UnknownSession
from ...journal.catalog.details import decode_details
from ...journal.catalog.expiry import delete_idle
from ...journal.catalog.rows import CatalogFilter, CatalogPlace, CatalogRow
from ...journal.entry import SessionKey
from ...journal.errors import JournalRequired
from ...journal.journal import Journal
from ..directory.client import DirectoryClient

_PAGE = 500
_EPOCHS = 20
"""Most ids are used once."""


class StoredSessions:
    """The sessions that *journal* has. The *directory* knows which of them run.

    Raises:
        JournalRequired: there is none.
    """

    def __init__(self, journal: Journal | None, directory: DirectoryClient) -> None:
        if journal is None:
            raise JournalRequired("the namespace was started with NoJournal(): start it without that")
        self._journal = journal
        self._directory = directory

    async def entries(
        self, selected: CatalogFilter, state: CatalogState | None, before: CatalogPlace | None, limit: int
    ) -> list[CatalogEntry]:
        """The first *limit* sessions that are *selected* and in *state*, the latest first, *before* a place.

        Raises:
            SearchUnsupported: words are selected, and the journal does not find them.
        """
        if state is CatalogState.RUNNING and not selected.words:
            rows = [row for row in await self._running_rows(selected) if before is None or row.place < before]
            return [_entry(row, state) for row in rows[:limit]]
        selected = _selected_in(selected, state)
        found: list[CatalogEntry] = []
        while len(found) < limit:
            rows = await self._journal.catalog(selected, before, min(limit, _PAGE))
            states = await self._states(rows)
            found += (_entry(row, each) for row, each in zip(rows, states, strict=True) if state in (None, each))
            if len(rows) < min(limit, _PAGE):
                break
            before = rows[-1].place
        return found[:limit]

    async def count(self, selected: CatalogFilter, state: CatalogState | None) -> int:
        """How many sessions are *selected* and in *state*."""
        match state:
            case CatalogState.RUNNING:
                return len(await self._running_rows(selected))
            case CatalogState.STORED:
                return await self._journal.count(_selected_in(selected, state)) - len(
                    await self._running_rows(selected)
                )
            case _:
                return await self._journal.count(_selected_in(selected, state))

    async def entry(self, session_id: str) -> CatalogEntry:
        """The last session with that id.

        Raises:
            UnknownSession: the catalog has none.
        """
        epochs = await self._epochs(session_id)
        rows = await self._journal.catalog_rows(epochs[-1:])
        if not rows:
            raise UnknownSession(f"the catalog has no session {shown(session_id)}")
        return _entry(rows[0], (await self._states(rows))[0])

    async def delete(self, session_id: str) -> list[SessionKey]:
        """Delete all sessions that had that id so far. Returns those that are left, since they run.

        Raises:
            UnknownSession: the journal has none.
        """
        sessions = await self._epochs(session_id)
        if not sessions:
            raise UnknownSession(f"the journal has no session {shown(session_id)}")
        deleted = await self._delete(sessions)
        return [session for session in sessions if session not in deleted]

    async def expire(self, selected: CatalogFilter, before: float) -> int:
        """Delete all that are *selected*, do not run, and were last active *before* that time. Returns how many."""
        place, count = CatalogPlace(before), 0
        while rows := await self._journal.catalog(selected, place, _PAGE):
            count += len(await self._delete([row.session for row in rows], before))
            place = rows[-1].place
        return count

    async def _delete(self, sessions: Sequence[SessionKey], last_at: float = math.inf) -> list[SessionKey]:
        return await delete_idle(self._journal, sessions, self._directory.running, last_at)

    async def _epochs(self, session_id: str) -> list[SessionKey]:
        """All sessions that the journal has with that id, the last one at the end."""
        after, found = SessionKey(session_id, 0), list[SessionKey]()
        while True:
            page = [position.session for position in await self._journal.sessions(after, _EPOCHS)]
            alike = [session for session in page if session.id == session_id]
            found += alike
            if len(alike) < _EPOCHS:
                return found
            after = alike[-1]

    async def _states(self, rows: Sequence[CatalogRow]) -> list[CatalogState]:
        open_ids = [row.session.id for row in rows if not row.is_closed]
        epochs = await self._directory.running(open_ids) if open_ids else {}
        return [_state(row, epochs.get(row.session.id)) for row in rows]

    async def _running_rows(self, selected: CatalogFilter) -> list[CatalogRow]:
        """The rows of those that run, and are *selected*, the latest first."""
        found: list[CatalogRow] = []
        after: str | None = ""
        while after is not None:
            page = await self._directory.page(after, _PAGE)
            session_ids = [session_id for of_host in page.ids.values() for session_id in of_host]
            epochs = await self._directory.running(session_ids) if session_ids else {}
            rows = await self._journal.catalog_rows([SessionKey(*item) for item in epochs.items()]) if epochs else []
            found += (row for row in rows if selected.has(row) and not row.is_closed)
            after = page.last
        return sorted(found, key=lambda row: row.place, reverse=True)


def _selected_in(selected: CatalogFilter, state: CatalogState | None) -> CatalogFilter:
    """Those of *selected* that may be in *state*, as far as the journal knows."""
    is_closed = None if state is None else state is CatalogState.CLOSED
    return msgspec.structs.replace(selected, is_closed=is_closed)


def _state(row: CatalogRow, running_epoch: int | None) -> CatalogState:
    if row.is_closed:
        return CatalogState.CLOSED
    return CatalogState.RUNNING if running_epoch == row.session.epoch else CatalogState.STORED


def _entry(row: CatalogRow, state: CatalogState) -> CatalogEntry:
    details = decode_details(row)
    labels = Labels(owner=row.owner, project=row.project, title=details.title, tags=row.tags, metadata=details.metadata)
    return CatalogEntry(
        id=row.session.id,
        epoch=row.session.epoch,
        state=state,
        labels=labels,
        created_at=details.created_at,
        last_at=row.last_at,
        provider=details.provider,
        model=details.model,
        turns=details.turns,
        messages=row.messages,
        requests=details.requests,
        usage=details.usage,
    )


def place_of(before: CatalogEntry | float) -> CatalogPlace:
    """Where a page begins that has the sessions after this one, or those that were last active before this time."""
    if isinstance(before, CatalogEntry):
        return CatalogPlace(before.last_at, SessionKey(before.id, before.epoch))
    return CatalogPlace(before)
