"""The catalog of a journal in SQLite: statements on its connection."""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import msgspec

from ..catalog.rows import CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..entry import SessionKey
from .migrations import NUMBERS

_COLUMNS = "c.id, c.epoch, c.number, c.last_at, c.is_closed, c.owner, c.project, c.tags, c.messages, c.details"

# In each of these, rows are in the order of the catalog. The first that applies is read from where a page begins; what
# else is selected is looked up row by row.
_INDICES = (("owner", "catalog_by_owner"), ("project", "catalog_by_project"), ("is_closed", "catalog_by_state"))

_decoded_tags = msgspec.json.Decoder(tuple[str, ...]).decode


def put(connection: apsw.Connection, change: CatalogChange) -> None:
    """As ``Journal.put_catalog``, for one change, in a transaction."""
    row = change.row
    key = connection.execute("SELECT key FROM sessions WHERE id = ? AND epoch = ?", row.session).get
    old = connection.execute("SELECT number, last_at, tags FROM catalog WHERE key = ?", (key,)).fetchone()
    if key is None or (old and old[0] > row.number):
        return
    if old:
        _delete_tags(connection, row.session, old[1], old[2])
    connection.execute(
        "INSERT OR REPLACE INTO catalog VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            *row.session,
            row.number,
            row.last_at,
            row.is_closed,
            row.owner,
            row.project,
            msgspec.json.encode(row.tags).decode(),
            row.messages,
            row.details,
        ),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO tags VALUES (?, ?, ?, ?, ?)",
        ((tag, row.last_at, *row.session, key) for tag in row.tags),
    )
    if change.replaces:
        _delete_words(connection, key)
    for turn, words in change.words.items():
        connection.execute("DELETE FROM words WHERE rowid = ?", (key * NUMBERS + turn,))
        if words:
            connection.execute("INSERT INTO words (rowid, turn) VALUES (?, ?)", (key * NUMBERS + turn, words))


def delete(connection: apsw.Connection, key: int, session: SessionKey) -> None:
    """Delete what the catalog has of *session*, whose key is *key*."""
    old = connection.execute("SELECT last_at, tags FROM catalog WHERE key = ?", (key,)).fetchone()
    if old:
        _delete_tags(connection, session, *old)
        connection.execute("DELETE FROM catalog WHERE key = ?", (key,))
        _delete_words(connection, key)


def page(
    connection: apsw.Connection, selected: CatalogFilter, before: CatalogPlace | None, limit: int
) -> list[CatalogRow]:
    """As ``Journal.catalog``."""
    source, conditions, values = _selection(selected)
    first = source[0]  # the alias of the table that is read in order
    if before:
        conditions.append(f"({first}.last_at, {first}.id, {first}.epoch) < (?, ?, ?)")
        values += (before.last_at, *before.session)
    order = f"{first}.last_at DESC, {first}.id DESC, {first}.epoch DESC"
    statement = f"SELECT {_COLUMNS} FROM {source} {_where(conditions)} ORDER BY {order} LIMIT ?"
    return _rows(connection.execute(statement, (*values, limit)))


def rows(connection: apsw.Connection, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
    """As ``Journal.catalog_rows``."""
    statement = f"SELECT {_COLUMNS} FROM sessions AS s JOIN catalog AS c USING (key) WHERE s.id = ? AND s.epoch = ?"
    return [row for session in sessions for row in _rows(connection.execute(statement, session))]


def count(connection: apsw.Connection, selected: CatalogFilter) -> int:
    """As ``Journal.count``."""
    if selected == CatalogFilter(tag=selected.tag) and selected.tag is not None:  # without a look at each row
        return int(connection.execute("SELECT count(*) FROM tags WHERE tag = ?", (selected.tag,)).get)
    source, conditions, values = _selection(selected)
    return int(connection.execute(f"SELECT count(*) FROM {source} {_where(conditions)}", values).get)


def owners(connection: apsw.Connection, after: str, limit: int) -> list[str]:
    """As ``Journal.owners``: one search of the index for each."""
    found = connection.execute(
        "WITH RECURSIVE next (owner) AS ("
        "SELECT min(owner) FROM catalog WHERE owner > ? UNION ALL "
        "SELECT (SELECT min(owner) FROM catalog WHERE owner > next.owner) FROM next WHERE next.owner IS NOT NULL"
        ") SELECT owner FROM next WHERE owner IS NOT NULL LIMIT ?",
        (after, limit),
    )
    return [owner for (owner,) in found]


def _selection(selected: CatalogFilter) -> tuple[str, list[str], tuple[Any, ...]]:
    """The tables to read, the first one in the order of the catalog; conditions, and their values."""
    given = {"owner": selected.owner, "project": selected.project, "is_closed": selected.is_closed}
    conditions = [f"c.{name} = ?" for name, value in given.items() if value is not None]
    values: tuple[Any, ...] = tuple(value for value in given.values() if value is not None)
    if selected.words:
        conditions.append(f"c.key IN (SELECT rowid / {NUMBERS} FROM words WHERE words MATCH ?)")
        values += (" ".join(f'"{word}"' for word in selected.words),)
    source = "catalog AS c"
    if selected.tag is not None:
        if selected.owner is None and selected.project is None:
            return "tags AS t CROSS JOIN catalog AS c USING (key)", ["t.tag = ?", *conditions], (selected.tag, *values)
        place = "t.last_at = c.last_at AND t.id = c.id AND t.epoch = c.epoch"
        conditions.append(f"EXISTS (SELECT 1 FROM tags AS t WHERE t.tag = ? AND {place})")
        values += (selected.tag,)
    if not selected.words or selected.owner is not None:
        index = next((index for name, index in _INDICES if given[name] is not None), "catalog_by_time")
        source += f" INDEXED BY {index}"
    return source, conditions, values


def _where(conditions: Iterable[str]) -> str:
    joined = " AND ".join(conditions)
    return f"WHERE {joined}" if joined else ""


def _rows(found: Iterable[tuple[Any, ...]]) -> list[CatalogRow]:
    return [
        CatalogRow(
            SessionKey(session_id, epoch), number, at, bool(closed), owner, project, _decoded_tags(tags), *others
        )
        for session_id, epoch, number, at, closed, owner, project, tags, *others in found
    ]


def _delete_tags(connection: apsw.Connection, session: SessionKey, last_at: float, tags: str) -> None:
    connection.executemany(
        "DELETE FROM tags WHERE tag = ? AND last_at = ? AND id = ? AND epoch = ?",
        ((tag, last_at, *session) for tag in _decoded_tags(tags)),
    )


def _delete_words(connection: apsw.Connection, key: int) -> None:
    places = key * NUMBERS, (key + 1) * NUMBERS
    connection.execute("DELETE FROM words WHERE rowid >= ? AND rowid < ?", places)
