"""The SQLite file of a journal: blocking calls, of one thread."""

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress

import apsw
import msgspec

from ..catalog.rows import CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..checks import intact_page, require_no_later, unknown_session
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..errors import InvalidJournal, JournalFull, JournalInUse, JournalNotFound, JournalUnavailable, RecordRejected
from ..numbering import StoredMark, checked
from . import catalog
from .migrations import NUMBERS, migrate, require_current, require_journal

_EXISTING = apsw.SQLITE_OPEN_READWRITE  # with READONLY, a connection can't have the file for itself
_ANY = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE

_POSITION = "SELECT key, id, epoch, incarnation, number, at FROM sessions"
_Keyed = tuple[int, Position]
"""The key of a session in the file, and its position."""

Deletion = tuple[SessionKey, Position | None]
"""The arguments of ``Journal.delete``."""


class SQLiteStore:
    """One connection, which keeps every other process out of the file.

    A commit is durable when it returns: ``synchronous=FULL``, since with ``NORMAL`` a WAL loses the last commits when
    the power fails (https://www.sqlite.org/pragma.html#pragma_synchronous). After an error of the file system nothing
    is certain about the last commit, so the file is opened anew.
    """

    def __init__(self, path: str, vfs: str | None = None, read_only: bool = False) -> None:
        self._path = path
        self._vfs = vfs
        self._read_only = read_only
        self._connection: apsw.Connection | None = None
        self._synchronous = ""  # as the connection is set
        with self._errors():
            self._open()

    def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        """As ``Journal.append``."""
        with self._transaction() as connection:
            sessions = {entry.session for entry in entries}
            keyed = {session: found for session in sessions if (found := self._find(connection, session))}
            result = checked(
                entries,
                {session: position for session, (_, position) in keyed.items()},
                lambda session, number: self._stored(connection, keyed[session][0], number),
            )
            keys = {session: self._put(connection, position) for session, position in result.positions.items()}
            connection.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((keys[entry.session] * NUMBERS + entry.number, *_columns(entry)) for entry in result.new),
            )
        return result.rejections

    def take_over(self, session: SessionKey, incarnation: int) -> Position:
        """As ``Journal.take_over``."""
        with self._transaction() as connection:
            _, position = self._require(connection, session)
            require_no_later(position, incarnation)
            position = msgspec.structs.replace(position, incarnation=incarnation)
            self._put(connection, position)
        return position

    def read(self, session: SessionKey, after: int, limit: int) -> list[Entry]:
        """As ``Journal.read``."""
        with self._reading() as connection:
            key, _ = self._require(connection, session)
            rows = connection.execute(
                "SELECT * FROM records WHERE place > ? AND place < ? ORDER BY place LIMIT ?",
                (key * NUMBERS + after, (key + 1) * NUMBERS, limit),
            )
            return intact_page(
                Entry(session, incarnation, place % NUMBERS, *columns) for place, incarnation, *columns in rows
            )

    def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        """As ``Journal.put_snapshot``."""
        with self._transaction() as connection:
            if found := self._find(connection, snapshot.session):
                connection.execute(
                    "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)",
                    (
                        found[0] * NUMBERS + snapshot.number,
                        snapshot.seq,
                        snapshot.version,
                        snapshot.checksum,
                        snapshot.data,
                    ),
                )

    def snapshot(self, session: SessionKey, before: int | None) -> StoredSnapshot | None:
        """As ``Journal.snapshot``."""
        with self._reading() as connection:
            found = self._find(connection, session)
            if not found:
                return None
            last = NUMBERS - 1 if before is None else before
            rows = connection.execute(
                "SELECT * FROM snapshots WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1",
                (found[0] * NUMBERS, found[0] * NUMBERS + last),
            )
            for place, seq, version, checksum, data in rows:
                return StoredSnapshot(session, place % NUMBERS, seq, version, checksum, data)
            return None

    def position(self, session_id: str, epoch: int | None) -> Position:
        """As ``Journal.position``."""
        with self._reading() as connection:
            rows = connection.execute(
                f"{_POSITION} WHERE id = ? AND epoch = coalesce(?, epoch) ORDER BY epoch DESC LIMIT 1",
                (session_id, epoch),
            )
            for row in rows:
                return _keyed(row)[1]
        raise unknown_session(session_id)

    def sessions(self, after: SessionKey | None, limit: int) -> list[Position]:
        """As ``Journal.sessions``."""
        with self._reading() as connection:
            rows = connection.execute(
                f"{_POSITION} WHERE (id, epoch) > (?, ?) ORDER BY id, epoch LIMIT ?", (*(after or ("", -1)), limit)
            )
            return [_keyed(row)[1] for row in rows]

    def delete(self, deletions: Iterable[Deletion]) -> list[bool]:
        """As ``Journal.delete`` does for each, in one commit."""
        with self._transaction() as connection:
            return [self._delete(connection, *deletion) for deletion in deletions]

    def _delete(self, connection: apsw.Connection, session: SessionKey, expected: Position | None) -> bool:
        if found := self._find(connection, session):
            if expected not in (None, found[1]):
                return False
            places = found[0] * NUMBERS, (found[0] + 1) * NUMBERS
            connection.execute("DELETE FROM records WHERE place > ? AND place < ?", places)
            connection.execute("DELETE FROM snapshots WHERE place >= ? AND place < ?", places)
            connection.execute("DELETE FROM sessions WHERE key = ?", (found[0],))
            catalog.delete(connection, found[0], session)
        return True

    def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        """As ``Journal.put_catalog``: the next synchronized commit makes it durable."""
        with self._transaction(synchronous="normal") as connection:
            for change in changes:
                catalog.put(connection, change)

    def catalog(self, selected: CatalogFilter, before: CatalogPlace | None, limit: int) -> list[CatalogRow]:
        """As ``Journal.catalog``."""
        with self._reading() as connection:
            return catalog.page(connection, selected, before, limit)

    def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        """As ``Journal.catalog_rows``."""
        with self._reading() as connection:
            return catalog.rows(connection, sessions)

    def count(self, selected: CatalogFilter) -> int:
        """As ``Journal.count``."""
        with self._reading() as connection:
            return catalog.count(connection, selected)

    def owners(self, after: str, limit: int) -> list[str]:
        """As ``Journal.owners``."""
        with self._reading() as connection:
            return catalog.owners(connection, after, limit)

    def close(self) -> None:
        """Release the file. It never fails: what SQLite can't move from its log to the file stays in the log."""
        connection, self._connection = self._connection, None
        if connection:
            with suppress(apsw.Error):
                connection.close(True)

    # The connection

    def _open(self) -> apsw.Connection:
        if self._read_only and not os.path.isfile(self._path):
            raise JournalNotFound(f"there is no file {self._path}")
        connection = apsw.Connection(self._path, _EXISTING if self._read_only else _ANY, vfs=self._vfs)
        try:
            connection.pragma("locking_mode", "exclusive")
            require_journal(connection, self._path)
            if self._read_only:
                require_current(connection, self._path)
                connection.pragma("query_only", True)
                log = f"{self._path}-wal"
                if os.path.isfile(log) and os.path.getsize(log):  # it stays where it is
                    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                self._connection = connection
                return connection
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "full")
            self._synchronous = "full"
            migrate(connection)
            # What a failed sync left in the log is only in memory, perhaps: this writes it again.
            connection.pragma("wal_checkpoint", "truncate")
        except BaseException:
            connection.close(True)
            raise
        self._connection = connection
        return connection

    @contextmanager
    def _reading(self) -> Generator[apsw.Connection]:
        with self._errors():
            yield self._connection or self._open()

    @contextmanager
    def _transaction(self, synchronous: str = "full") -> Generator[apsw.Connection]:
        with self._reading() as connection:
            if synchronous != self._synchronous:
                connection.pragma("synchronous", synchronous)
                self._synchronous = synchronous
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Generator[None]:
        """Translate the errors of SQLite."""
        try:
            yield
        except apsw.FullError as error:
            raise JournalFull(f"there is no room for {self._path}: {error}") from error
        except (apsw.BusyError, apsw.LockedError) as error:
            raise JournalInUse(f"{self._path} is in use: end the process that has it open, or name another") from error
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise InvalidJournal(f"{self._path} is no journal, or damaged: {error}") from error
        except (apsw.Error, OSError) as error:
            self.close()
            raise JournalUnavailable(f"{self._path} can't be used: {error}") from error

    # Rows

    def _find(self, connection: apsw.Connection, session: SessionKey) -> _Keyed | None:
        row = connection.execute(f"{_POSITION} WHERE id = ? AND epoch = ?", session).fetchone()
        return _keyed(row) if row else None

    def _require(self, connection: apsw.Connection, session: SessionKey) -> _Keyed:
        found = self._find(connection, session)
        if not found:
            raise unknown_session(session)
        return found

    def _put(self, connection: apsw.Connection, position: Position) -> int:
        """Store *position*. Returns the key of its session."""
        return int(
            connection.execute(
                "INSERT INTO sessions (id, epoch, incarnation, number, at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (id, epoch) DO UPDATE SET "
                "incarnation = excluded.incarnation, number = excluded.number, at = excluded.at RETURNING key",
                (*position.session, position.incarnation, position.number, position.at),
            ).get
        )

    def _stored(self, connection: apsw.Connection, key: int, number: int) -> StoredMark | None:
        place = key * NUMBERS + number
        rows = connection.execute("SELECT incarnation, checksum FROM records WHERE place = ?", (place,))
        for incarnation, checksum in rows:
            return incarnation, checksum
        return None


def _columns(entry: Entry) -> tuple[int, int, float, str, int, int, bytes, bytes]:
    """The columns of ``records`` after the place."""
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


def _keyed(row: tuple[int, str, int, int, int, float]) -> _Keyed:
    key, session_id, epoch, incarnation, number, at = row
    return key, Position(SessionKey(session_id, epoch), incarnation, number, at)
