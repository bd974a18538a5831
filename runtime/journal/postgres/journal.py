"""A journal in a PostgreSQL database."""

from collections.abc import Sequence
from typing import Self

from psycopg import AsyncConnection

from ..catalog.rows import EVERYTHING, CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..errors import RecordRejected, UnsafeJournal
from ..journal import PAGE_ENTRIES, Capabilities
from ..optimistic import OptimisticWriter
from .catalog import PostgresCatalog
from .connections import Connections
from .migrations import migrate, require_current
from .store import PostgresStore


class PostgresJournal:
    """A ``Journal`` in a database that processes on several machines may use at the same time.

    A commit is durable when it returns, also if ``synchronous_commit`` is off for the user: it is set for each commit.
    With standbys, the setting says which of them have it. The database's ``statement_timeout`` and the like apply: a
    call that exceeds them fails. A connection that the server closed while it was idle is replaced.
    """

    capabilities = Capabilities(durable=True, shared=True, searchable=True)

    def __init__(self, connections: Connections, schema: str) -> None:
        self._connections = connections
        self._store = PostgresStore(connections, schema)
        self._catalog = PostgresCatalog(connections, schema)
        self._writer = OptimisticWriter(self._store)

    @classmethod
    async def open(
        cls,
        url: str,
        schema: str = "rayconteur",
        *,
        max_connections: int = 4,
        timeout_s: float = 10.0,
        read_only: bool = False,
    ) -> Self:
        """Open the journal in *schema* of the database at *url*, and create or migrate its tables if need be.

        *url* is a connection string of libpq (https://www.postgresql.org/docs/current/libpq-connect.html), which also
        reads the variables ``PG...`` and password files. A call that takes longer than *timeout_s* fails. If
        *read_only*, nothing is created, migrated or otherwise changed.

        Raises:
            InvalidConfig: *url* can't be parsed.
            JournalAccessDenied: the server refuses the user or the password, or the user lacks a right.
            JournalNotFound: there is no such database.
            JournalUnavailable: the server does not answer.
            UnsafeJournal: the server runs with ``fsync`` off.
            InvalidJournal: the schema has tables of something else, or of a newer version.
        """

        async def prepare(connection: AsyncConnection) -> None:
            if read_only:
                await require_current(connection, schema)
                return
            await _require_fsync(connection)
            await migrate(connection, schema)

        connections = Connections(url, max_connections, timeout_s)
        try:
            await connections.run(prepare)
        except BaseException:
            await connections.aclose()
            raise
        return cls(connections, schema)

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        return await self._writer.append(entries)

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        return await self._writer.take_over(session, incarnation)

    async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        return await self._store.read(session, after, limit)

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        await self._store.put_snapshot(snapshot)

    async def snapshot(self, session: SessionKey, before: int | None = None) -> StoredSnapshot | None:
        return await self._store.snapshot(session, before)

    async def position(self, session_id: str, epoch: int | None = None) -> Position:
        return await self._store.position(session_id, epoch)

    async def sessions(self, after: SessionKey | None = None, limit: int = PAGE_ENTRIES) -> list[Position]:
        return await self._store.sessions(after, limit)

    async def delete(self, session: SessionKey, expected: Position | None = None) -> bool:
        return await self._store.delete(session, expected)

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        await self._catalog.put(changes)

    async def catalog(
        self, selected: CatalogFilter = EVERYTHING, before: CatalogPlace | None = None, limit: int = PAGE_ENTRIES
    ) -> list[CatalogRow]:
        return await self._catalog.page(selected, before, limit)

    async def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        return await self._catalog.rows(sessions)

    async def count(self, selected: CatalogFilter = EVERYTHING) -> int:
        return await self._catalog.count(selected)

    async def owners(self, after: str = "", limit: int = PAGE_ENTRIES) -> list[str]:
        return await self._catalog.owners(after, limit)

    async def aclose(self) -> None:
        await self._connections.aclose()


async def _require_fsync(connection: AsyncConnection) -> None:
    cursor = await connection.execute("SHOW fsync")
    if await cursor.fetchone() != ("on",):
        raise UnsafeJournal("the PostgreSQL server runs with fsync off, which loses commits: set fsync = on")
