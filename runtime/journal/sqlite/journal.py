"""A journal in one SQLite file."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike, fspath
from typing import Self, TypeVar

from ..catalog.rows import EVERYTHING, CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..errors import JournalUnavailable, RecordRejected
from ..journal import IN_ONE_FILE, PAGE_ENTRIES
from .store import Deletion, SQLiteStore

T = TypeVar("T")


class SQLiteJournal:
    """A ``Journal`` in one file, on a disk of the machine: one process at a time may use it.

    SQLite's calls are those of one thread. Besides the file itself there is its log, *path* with ``-wal``, which
    belongs to it.
    """

    capabilities = IN_ONE_FILE

    def __init__(self, store: SQLiteStore, thread: ThreadPoolExecutor) -> None:
        self._store: SQLiteStore | None = store
        self._thread = thread
        self._deleting: tuple[list[Deletion], asyncio.Task[list[bool]]] | None = None  # in the next commit

    @classmethod
    async def open(cls, path: str | PathLike[str], vfs: str | None = None, read_only: bool = False) -> Self:
        """Open the file at *path*, which is created if there is none. *vfs* names a registered VFS of SQLite.

        If *read_only*, the file is not changed.

        Raises:
            JournalNotFound: there is no file, and it is *read_only*.
            JournalInUse: another process has it open.
            InvalidJournal: it is no journal, damaged, or of a newer version.
            JournalUnavailable: it can't be opened, or created.
        """
        thread = ThreadPoolExecutor(1, "journal")
        try:
            store = await asyncio.get_running_loop().run_in_executor(thread, SQLiteStore, fspath(path), vfs, read_only)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(store, thread)

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        return await self._call(lambda store: store.append(entries))

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        return await self._call(lambda store: store.take_over(session, incarnation))

    async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        return await self._call(lambda store: store.read(session, after, limit))

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        return await self._call(lambda store: store.put_snapshot(snapshot))

    async def snapshot(self, session: SessionKey, before: int | None = None) -> StoredSnapshot | None:
        return await self._call(lambda store: store.snapshot(session, before))

    async def position(self, session_id: str, epoch: int | None = None) -> Position:
        return await self._call(lambda store: store.position(session_id, epoch))

    async def sessions(self, after: SessionKey | None = None, limit: int = PAGE_ENTRIES) -> list[Position]:
        return await self._call(lambda store: store.sessions(after, limit))

    async def delete(self, session: SessionKey, expected: Position | None = None) -> bool:
        if self._deleting is None:
            self._deleting = [], asyncio.create_task(self._delete())
        deletions, deleted = self._deleting
        deletions.append((session, expected))
        place = len(deletions) - 1
        return (await asyncio.shield(deleted))[place]

    async def _delete(self) -> list[bool]:
        """Delete in one commit what is to be deleted at the same time: its sync is most of what one takes."""
        assert self._deleting
        (deletions, _), self._deleting = self._deleting, None
        return await self._call(lambda store: store.delete(deletions))

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        return await self._call(lambda store: store.put_catalog(changes))

    async def catalog(
        self, selected: CatalogFilter = EVERYTHING, before: CatalogPlace | None = None, limit: int = PAGE_ENTRIES
    ) -> list[CatalogRow]:
        return await self._call(lambda store: store.catalog(selected, before, limit))

    async def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        return await self._call(lambda store: store.catalog_rows(sessions))

    async def count(self, selected: CatalogFilter = EVERYTHING) -> int:
        return await self._call(lambda store: store.count(selected))

    async def owners(self, after: str = "", limit: int = PAGE_ENTRIES) -> list[str]:
        return await self._call(lambda store: store.owners(after, limit))

    async def aclose(self) -> None:
        if self._deleting:
            await asyncio.wait([self._deleting[1]])
        store, self._store = self._store, None
        if store:
            await asyncio.get_running_loop().run_in_executor(self._thread, store.close)
            self._thread.shutdown()

    async def _call(self, work: Callable[[SQLiteStore], T]) -> T:
        store = self._store
        if store is None:
            raise JournalUnavailable("the journal was closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, store)
