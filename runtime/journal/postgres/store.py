"""The statements of a journal in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from ..checks import intact_page, unknown_session
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..journal import PAGE_BYTES
from ..numbering import Checked, StoredMark
from ..optimistic import Place
from .connections import Connections
from .keys import columns, id_bytes_of, key_of, session_of

Row = tuple[Any, ...]

_LOST_RACES = ("RC001", "40001", "40P01")
"""Another writer was faster: what ``write`` in migrations.py raises, a serialization failure, a deadlock."""

_POSITIONS = "SELECT id, epoch, incarnation, number, at FROM {schema}.sessions "
_KEYED_POSITIONS = "SELECT key, id, epoch, incarnation, number, at FROM {schema}.sessions "


class PostgresStore:
    """The tables in *schema*: a ``ConditionalStore``, and what else a ``Journal`` does. A call is one round trip."""

    def __init__(self, connections: Connections, schema: str) -> None:
        self._connections = connections
        self._schema_name = schema
        self._schema = Identifier(schema)

    async def positions(self, sessions: Collection[SessionKey]) -> dict[SessionKey, Position]:
        """As ``ConditionalStore.positions``."""
        rows = await self._rows(
            _POSITIONS + "WHERE (id, epoch) IN (SELECT * FROM unnest(%b::bytea[], %b::bigint[]))",
            *columns(2, (key_of(session) for session in sessions)),
        )
        return {position.session: position for position in map(_position, rows)}

    async def marks(self, places: Collection[Place]) -> dict[Place, StoredMark]:
        """As ``ConditionalStore.marks``."""
        rows = await self._rows(
            "SELECT id, epoch, records.number, records.incarnation, checksum "
            "FROM unnest(%b::bytea[], %b::bigint[], %b::bigint[]) AS places (id, epoch, number) "
            "JOIN {schema}.sessions USING (id, epoch) "
            "JOIN {schema}.records ON session = key AND records.number = places.number",
            *columns(3, ((*key_of(session), number) for session, number in places)),
        )
        return {
            (session_of(id_bytes, epoch), number): (incarnation, checksum)
            for id_bytes, epoch, number, incarnation, checksum in rows
        }

    async def write(self, expected: Mapping[SessionKey, Position | None], result: Checked) -> bool:
        """As ``ConditionalStore.write``."""
        sessions = sorted(expected, key=key_of)  # else two writers could wait for each other
        places = {session: place for place, session in enumerate(sessions, 1)}
        changes = ((*key_of(each), *_place(expected[each]), *_place(result.positions[each])) for each in sessions)
        records = ((places[entry.session], entry.number, *_values(entry)) for entry in result.new)
        parameters = (*columns(8, changes), *columns(10, records))

        async def work(connection: AsyncConnection) -> bool:
            try:
                await connection.execute(
                    SQL(
                        "SELECT {schema}.write(%b::bytea[], %b::bigint[], "
                        "%b::bigint[], %b::bigint[], %b::float8[], %b::bigint[], %b::bigint[], %b::float8[], "
                        "%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::float8[], %b::text[], "
                        "%b::bigint[], %b::bigint[], %b::bytea[], %b::bytea[])"
                    ).format(schema=self._schema),
                    parameters,
                )
            except psycopg.Error as error:
                if error.sqlstate in _LOST_RACES:
                    return False
                raise
            return True

        return await self._connections.run(work)

    async def read(self, session: SessionKey, after: int, limit: int) -> list[Entry]:
        """As ``Journal.read``."""
        rows = await self._rows(
            "SELECT page.incarnation, page.number, seq, page.at, kind, version, checksum, data, events "
            "FROM {schema}.sessions LEFT JOIN LATERAL ("
            "SELECT *, coalesce(sum(length(data) + length(events)) OVER "
            "(ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS bytes_before "
            "FROM {schema}.records WHERE session = key AND number > %b ORDER BY number LIMIT %b"
            ") AS page ON bytes_before < %b WHERE id = %b AND epoch = %b ORDER BY page.number",
            after,
            limit,
            PAGE_BYTES,
            *key_of(session),
        )
        if not rows:
            raise unknown_session(session)
        return intact_page(Entry(session, *row) for row in rows if row[0] is not None)  # none: it has no more

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        """As ``Journal.put_snapshot``."""
        await self._rows(
            "INSERT INTO {schema}.snapshots (session, number, seq, version, checksum, data) "
            "SELECT key, %b, %b, %b, %b, %b FROM {schema}.sessions WHERE id = %b AND epoch = %b FOR KEY SHARE "
            "ON CONFLICT (session, number) DO UPDATE SET "
            "seq = excluded.seq, version = excluded.version, checksum = excluded.checksum, data = excluded.data",
            snapshot.number,
            snapshot.seq,
            snapshot.version,
            snapshot.checksum,
            snapshot.data,
            *key_of(snapshot.session),
        )

    async def snapshot(self, session: SessionKey, before: int | None) -> StoredSnapshot | None:
        """As ``Journal.snapshot``."""
        rows = await self._rows(
            "SELECT snapshots.number, seq, version, checksum, data FROM {schema}.snapshots "
            "JOIN {schema}.sessions ON session = key "
            "WHERE id = %b AND epoch = %b AND snapshots.number <= coalesce(%b, snapshots.number) "
            "ORDER BY snapshots.number DESC LIMIT 1",
            *key_of(session),
            before,
        )
        return StoredSnapshot(session, *rows[0]) if rows else None

    async def position(self, session_id: str, epoch: int | None) -> Position:
        """As ``Journal.position``."""
        rows = await self._rows(
            _POSITIONS + "WHERE id = %b AND epoch = coalesce(%b, epoch) ORDER BY epoch DESC LIMIT 1",
            id_bytes_of(session_id),
            epoch,
        )
        if not rows:
            raise unknown_session(session_id)
        return _position(rows[0])

    async def sessions(self, after: SessionKey | None, limit: int) -> list[Position]:
        """As ``Journal.sessions``."""
        first = key_of(after) if after else (b"", -1)
        rows = await self._rows(_POSITIONS + "WHERE (id, epoch) > (%b, %b) ORDER BY id, epoch LIMIT %b", *first, limit)
        return [_position(row) for row in rows]

    async def delete(self, session: SessionKey, expected: Position | None) -> bool:
        """As ``Journal.delete``."""
        # The lock waits for a write; the statements after it see what that has stored.
        find = SQL(_KEYED_POSITIONS + "WHERE id = %b AND epoch = %b FOR UPDATE").format(schema=self._schema)
        tables = (("records", "session"), ("snapshots", "session"), ("catalog", "session"), ("words", "session"))
        statements = [
            SQL("DELETE FROM {} WHERE {} = %b").format(Identifier(self._schema_name, table), Identifier(column))
            for table, column in (*tables, ("sessions", "key"))
        ]

        async def work(connection: AsyncConnection) -> bool:
            async with connection.transaction():
                cursor = await connection.execute(find, key_of(session), binary=True)
                found = await cursor.fetchone()
                if found is None or expected not in (None, _position(found[1:])):
                    return found is None
                async with connection.pipeline():
                    for statement in statements:
                        await connection.execute(statement, found[:1])
            return True

        return await self._connections.run(work)

    async def _rows(self, statement: LiteralString, *parameters: object) -> Sequence[Row]:
        async def work(connection: AsyncConnection) -> Sequence[Row]:
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(SQL(statement).format(schema=self._schema), parameters)
                return await cursor.fetchall() if cursor.description else ()

        return await self._connections.run(work)


def _position(row: Row) -> Position:
    id_bytes, epoch, incarnation, number, at = row
    return Position(session_of(id_bytes, epoch), incarnation, number, at)


def _place(position: Position | None) -> Row:
    return (position.incarnation, position.number, position.at) if position else (None, None, None)


def _values(entry: Entry) -> Row:
    """The columns of ``records`` after the session and the number."""
    return (
        entry.incarnation,
        entry.seq,
        entry.at,
        entry.kind,
        entry.version,
        entry.checksum,
        entry.data,
        entry.events,
    )
