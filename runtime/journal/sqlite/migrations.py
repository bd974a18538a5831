"""The tables of a journal in SQLite, version by version."""

import apsw

from ..checks import require_known_version
from ..errors import InvalidJournal

APPLICATION_ID = 0x52_41_59_43
"""In the header of each file ("RAYC"): says that it is a journal."""

NUMBERS = 1 << 32
"""The place of a record is the key of its session times this, plus its number: a session's records lie together."""

# Each takes the file from the version before it, in a transaction of its own. None is ever changed: add another.
MIGRATIONS = (
    """
    CREATE TABLE sessions (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        incarnation INTEGER NOT NULL,
        number INTEGER NOT NULL,
        at REAL NOT NULL,
        UNIQUE (id, epoch)
    ) STRICT;
    CREATE TABLE records (
        place INTEGER PRIMARY KEY,
        incarnation INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        at REAL NOT NULL,
        kind TEXT NOT NULL,
        version INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        data BLOB NOT NULL,
        events BLOB NOT NULL
    ) STRICT;
    CREATE TABLE snapshots (
        place INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL,
        version INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        data BLOB NOT NULL
    ) STRICT;
    """,
    # The order of the catalog is that of the last three columns of each index.
    """
    CREATE TABLE catalog (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        number INTEGER NOT NULL,
        last_at REAL NOT NULL,
        is_closed INTEGER NOT NULL,
        owner TEXT NOT NULL,
        project TEXT NOT NULL,
        tags TEXT NOT NULL,
        messages INTEGER NOT NULL,
        details BLOB NOT NULL
    ) STRICT;
    CREATE INDEX catalog_by_time ON catalog (last_at, id, epoch);
    CREATE INDEX catalog_by_owner ON catalog (owner, last_at, id, epoch);
    CREATE INDEX catalog_by_project ON catalog (project, last_at, id, epoch);
    CREATE INDEX catalog_by_state ON catalog (is_closed, last_at, id, epoch);
    CREATE TABLE tags (
        tag TEXT NOT NULL,
        last_at REAL NOT NULL,
        id TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        key INTEGER NOT NULL,
        PRIMARY KEY (tag, last_at, id, epoch)
    ) STRICT, WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (
        turn, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
    );
    """,
)


def require_journal(connection: apsw.Connection, path: str) -> None:
    """Raises:
    InvalidJournal: the file at *path* is a database of something else, or a journal of a newer version.
    """
    is_empty = not connection.execute("SELECT count(*) FROM sqlite_schema").get
    if connection.pragma("application_id") != APPLICATION_ID and not is_empty:
        raise InvalidJournal(f"{path} is a database of something else: name another file")
    require_known_version(connection.pragma("user_version"), len(MIGRATIONS), path)


def require_current(connection: apsw.Connection, path: str) -> None:
    """Raises:
    InvalidJournal: the file at *path* is empty, or a journal of an older version.
    """
    if connection.pragma("user_version") != len(MIGRATIONS):
        raise InvalidJournal(f"{path} is empty, or of an older version: a runtime that uses it brings it to this one")


def migrate(connection: apsw.Connection) -> None:
    """Bring the journal of *connection* to the current version."""
    version = connection.pragma("user_version")
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        connection.execute(
            f"BEGIN IMMEDIATE; {migration} PRAGMA user_version = {number}; "
            f"PRAGMA application_id = {APPLICATION_ID}; COMMIT"
        )
