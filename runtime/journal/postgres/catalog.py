"""The catalog of a journal in PostgreSQL."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.sql import SQL, Composed, Identifier

from ..catalog.rows import CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..entry import SessionKey
from .connections import Connections
from .keys import columns, key_of, session_of

Row = tuple[Any, ...]

_COLUMNS = SQL("id, epoch, number, last_at, is_closed, owner, project, tags, messages, details")

_RELAX = SQL("SET LOCAL synchronous_commit TO off")  # what is lost is written anew
_PUT = SQL(
    "WITH known AS MATERIALIZED ("
    "SELECT s.key, new.* FROM unnest(%b::bytea[], %b::bigint[], %b::bigint[], %b::float8[], %b::bool[], "
    "%b::text[], %b::text[], %b::text[], %b::bigint[], %b::bytea[]) AS new "
    "(id, epoch, number, last_at, is_closed, owner, project, tags, messages, details) "
    "JOIN {schema}.sessions AS s USING (id, epoch) ORDER BY s.key FOR KEY SHARE OF s) "
    "INSERT INTO {schema}.catalog AS old (session, {columns}) "
    "SELECT key, id, epoch, number, last_at, is_closed, owner, project, "
    "ARRAY(SELECT jsonb_array_elements_text(tags::jsonb)), messages, details FROM known "
    "ON CONFLICT (session) DO UPDATE SET number = excluded.number, last_at = excluded.last_at, "
    "is_closed = excluded.is_closed, owner = excluded.owner, project = excluded.project, tags = excluded.tags, "
    "messages = excluded.messages, details = excluded.details WHERE old.number <= excluded.number "
    "RETURNING session, id, epoch"
)
_REMOVE_WORDS = SQL("DELETE FROM {schema}.words WHERE session = ANY (%b::bigint[])")
_PUT_WORDS = SQL(
    "INSERT INTO {schema}.words (session, turn, words) "
    "SELECT session, turn, array_to_tsvector(string_to_array(words, ' ')) "
    "FROM unnest(%b::bigint[], %b::bigint[], %b::text[]) AS new (session, turn, words) "
    "ON CONFLICT (session, turn) DO UPDATE SET words = excluded.words"
)


class PostgresCatalog:
    """The tables ``catalog`` and ``words`` in *schema*."""

    def __init__(self, connections: Connections, schema: str) -> None:
        self._connections = connections
        self._schema = Identifier(schema)

    async def put(self, changes: Sequence[CatalogChange]) -> None:
        """As ``Journal.put_catalog``."""
        rows = columns(10, (_values(change.row) for change in changes))

        async def work(connection: AsyncConnection) -> None:
            async with connection.transaction():
                await connection.execute(_RELAX)
                cursor = await connection.execute(self._statement(_PUT), rows, binary=True)
                keys = {session_of(*session): key for key, *session in await cursor.fetchall()}
                written = [(keys[each.row.session], each) for each in changes if each.row.session in keys]
                if replaced := [key for key, change in written if change.replaces]:
                    await connection.execute(self._statement(_REMOVE_WORDS), (replaced,))
                if words := [(key, *item) for key, change in written for item in change.words.items()]:
                    await connection.execute(self._statement(_PUT_WORDS), columns(3, words))

        await self._connections.run(work)

    async def page(self, selected: CatalogFilter, before: CatalogPlace | None, limit: int) -> list[CatalogRow]:
        """As ``Journal.catalog``."""
        conditions, values = _selection(selected)
        if before:
            conditions.append(SQL("(last_at, id, epoch) < (%b, %b, %b)"))
            values += (before.last_at, *key_of(before.session))
        order = SQL("ORDER BY last_at DESC, id DESC, epoch DESC LIMIT %b")
        found = await self._rows(
            SQL("SELECT {columns} FROM {schema}.catalog ") + _where(conditions) + order, (*values, limit)
        )
        return [_row(row) for row in found]

    async def rows(self, sessions: Iterable[SessionKey]) -> list[CatalogRow]:
        """As ``Journal.catalog_rows``."""
        of_sessions = SQL("WHERE (id, epoch) IN (SELECT * FROM unnest(%b::bytea[], %b::bigint[]))")
        found = await self._rows(
            SQL("SELECT {columns} FROM {schema}.catalog ") + of_sessions, columns(2, map(key_of, sessions))
        )
        return [_row(row) for row in found]

    async def count(self, selected: CatalogFilter) -> int:
        """As ``Journal.count``."""
        conditions, values = _selection(selected)
        [[number]] = await self._rows(SQL("SELECT count(*) FROM {schema}.catalog ") + _where(conditions), values)
        return int(number)

    async def owners(self, after: str, limit: int) -> list[str]:
        """As ``Journal.owners``: one search of the index for each."""
        found = await self._rows(
            SQL(
                "WITH RECURSIVE next (owner) AS ("
                "SELECT (SELECT min(owner) FROM {schema}.catalog WHERE owner > %b) UNION ALL "
                "SELECT (SELECT min(owner) FROM {schema}.catalog WHERE owner > next.owner) FROM next "
                "WHERE next.owner IS NOT NULL) SELECT owner FROM next WHERE owner IS NOT NULL LIMIT %b"
            ),
            (after, limit),
        )
        return [owner for (owner,) in found]

    def _statement(self, statement: SQL | Composed) -> Composed:
        template = statement if isinstance(statement, Composed) else Composed([statement])
        return Composed(
            [part.format(schema=self._schema, columns=_COLUMNS) if isinstance(part, SQL) else part for part in template]
        )

    async def _rows(self, statement: SQL | Composed, parameters: Sequence[object]) -> Sequence[Row]:
        composed = self._statement(statement)

        async def work(connection: AsyncConnection) -> Sequence[Row]:
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(composed, parameters)
                return await cursor.fetchall()

        return await self._connections.run(work)


def _selection(selected: CatalogFilter) -> tuple[list[SQL], tuple[Any, ...]]:
    """Conditions, and their values."""
    query = " & ".join(f"'{word}'" for word in selected.words)  # there are letters and digits in them, nothing else
    given = (
        (SQL("owner = %b"), selected.owner),
        (SQL("project = %b"), selected.project),
        (SQL("tags @> ARRAY[%b]::text[]"), selected.tag),
        (SQL("is_closed = %b"), selected.is_closed),
        (SQL("session IN (SELECT session FROM {schema}.words WHERE words @@ %b::tsquery)"), query or None),
    )
    present = [(condition, value) for condition, value in given if value is not None]
    return [condition for condition, _ in present], tuple(value for _, value in present)


def _where(conditions: Sequence[SQL]) -> Composed:
    return SQL("WHERE ") + SQL(" AND ").join(conditions) + SQL(" ") if conditions else Composed([])


def _values(row: CatalogRow) -> Row:
    return (
        *key_of(row.session),
        row.number,
        row.last_at,
        row.is_closed,
        row.owner,
        row.project,
        msgspec.json.encode(row.tags).decode(),
        row.messages,
        row.details,
    )


def _row(row: Row) -> CatalogRow:
    id_bytes, epoch, number, last_at, is_closed, owner, project, tags, messages, details = row
    session = session_of(id_bytes, epoch)
    return CatalogRow(session, number, last_at, is_closed, owner, project, tuple(tags), messages, details)
