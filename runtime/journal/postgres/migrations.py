"""The tables of a journal in PostgreSQL, version by version."""

from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.sql import SQL, Identifier

from ..checks import require_known_version
from ..errors import InvalidJournal

# Each takes the schema from the version before it; those that are missing run in one transaction. None is ever changed:
# add another.
MIGRATIONS = (
    """
    CREATE TABLE {schema}.journal (version BIGINT NOT NULL);
    INSERT INTO {schema}.journal VALUES (0);
    CREATE TABLE {schema}.sessions (
        key BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id BYTEA NOT NULL,  -- not text: that has no zero bytes, and is ordered as the database likes
        epoch BIGINT NOT NULL,
        incarnation BIGINT NOT NULL,
        number BIGINT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        UNIQUE (id, epoch)
    ) WITH (fillfactor = 50);  -- each write changes a row of it, which then finds room in the same page
    CREATE TABLE {schema}.records (
        session BIGINT NOT NULL,
        number BIGINT NOT NULL,
        incarnation BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        at DOUBLE PRECISION NOT NULL,
        kind TEXT NOT NULL,
        version BIGINT NOT NULL,
        checksum BIGINT NOT NULL,
        data BYTEA NOT NULL,
        events BYTEA NOT NULL,
        PRIMARY KEY (session, number)
    );
    CREATE TABLE {schema}.snapshots (
        session BIGINT NOT NULL,
        number BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        version BIGINT NOT NULL,
        checksum BIGINT NOT NULL,
        data BYTEA NOT NULL,
        PRIMARY KEY (session, number)
    );
    CREATE FUNCTION {schema}.write(
        ids BYTEA[], epochs BIGINT[],
        old_incarnations BIGINT[], old_numbers BIGINT[], old_ats DOUBLE PRECISION[],  -- null: no such session
        new_incarnations BIGINT[], new_numbers BIGINT[], new_ats DOUBLE PRECISION[],
        places BIGINT[],  -- of a record's session in the arrays above, from 1
        numbers BIGINT[], incarnations BIGINT[], seqs BIGINT[], ats DOUBLE PRECISION[], kinds TEXT[],
        versions BIGINT[], checksums BIGINT[], all_data BYTEA[], all_events BYTEA[]
    ) RETURNS VOID LANGUAGE plpgsql AS $$
    DECLARE
        keys BIGINT[];
        found_key BIGINT;
    BEGIN
        IF current_setting('synchronous_commit') = 'off' THEN
            PERFORM set_config('synchronous_commit', 'on', TRUE);
        END IF;
        FOR i IN 1 .. cardinality(ids) LOOP
            IF old_numbers[i] IS NULL THEN
                INSERT INTO {schema}.sessions (id, epoch, incarnation, number, at)
                VALUES (ids[i], epochs[i], new_incarnations[i], new_numbers[i], new_ats[i])
                ON CONFLICT DO NOTHING RETURNING key INTO found_key;
            ELSE
                UPDATE {schema}.sessions AS s
                SET incarnation = new_incarnations[i], number = new_numbers[i], at = new_ats[i]
                WHERE s.id = ids[i] AND s.epoch = epochs[i]
                AND s.incarnation = old_incarnations[i] AND s.number = old_numbers[i] AND s.at = old_ats[i]
                RETURNING key INTO found_key;
            END IF;
            IF found_key IS NULL THEN
                RAISE EXCEPTION 'another writer was faster' USING ERRCODE = 'RC001';
            END IF;
            keys[i] := found_key;
        END LOOP;
        INSERT INTO {schema}.records
            (session, number, incarnation, seq, at, kind, version, checksum, data, events)
        SELECT keys[new.place], new.number, new.incarnation, new.seq, new.at, new.kind, new.version, new.checksum,
            new.data, new.events
        FROM unnest(places, numbers, incarnations, seqs, ats, kinds, versions, checksums, all_data, all_events)
            AS new (place, number, incarnation, seq, at, kind, version, checksum, data, events);
    END $$;
    """,
    # The order of the catalog is that of the last three columns of each index but that of tags.
    """
    CREATE TABLE {schema}.catalog (
        session BIGINT PRIMARY KEY,
        id BYTEA NOT NULL,
        epoch BIGINT NOT NULL,
        number BIGINT NOT NULL,
        last_at DOUBLE PRECISION NOT NULL,
        is_closed BOOLEAN NOT NULL,
        owner TEXT COLLATE "C" NOT NULL,
        project TEXT COLLATE "C" NOT NULL,
        tags TEXT[] NOT NULL,
        messages BIGINT NOT NULL,
        details BYTEA NOT NULL,
        UNIQUE (id, epoch)
    );
    CREATE INDEX catalog_by_time ON {schema}.catalog (last_at, id, epoch);
    CREATE INDEX catalog_by_owner ON {schema}.catalog (owner, last_at, id, epoch);
    CREATE INDEX catalog_by_project ON {schema}.catalog (project, last_at, id, epoch);
    CREATE INDEX catalog_by_state ON {schema}.catalog (is_closed, last_at, id, epoch);
    CREATE INDEX catalog_by_tag ON {schema}.catalog USING gin (tags);
    CREATE TABLE {schema}.words (
        session BIGINT NOT NULL,
        turn BIGINT NOT NULL,  -- 0: the title
        words TSVECTOR NOT NULL,
        PRIMARY KEY (session, turn)
    );
    CREATE INDEX words_by_word ON {schema}.words USING gin (words);
    """,
)

_LOCK = 0x52_41_59_43
"""The advisory lock of those who migrate ("RAYC"): they may start at the same time."""


async def require_current(connection: AsyncConnection, schema: str) -> None:
    """Raises:
    InvalidJournal: there is no journal in *schema*, or it is of another version.
    """
    if await _version(connection, schema) != len(MIGRATIONS):
        raise InvalidJournal(
            f"there is no journal in schema {schema}, or one of an older version, which a runtime brings to this one"
        )


async def migrate(connection: AsyncConnection, schema: str) -> None:
    """Bring the journal in *schema* to the current version. If it has that, this only reads.

    Raises:
        InvalidJournal: it is of a newer version.
    """
    if await _version(connection, schema) == len(MIGRATIONS):
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        name = Identifier(schema)
        # IF NOT EXISTS would ask for the right to create schemas, even if there is one.
        if not await _exists(connection, "to_regnamespace", name.as_string(connection)):
            await connection.execute(SQL("CREATE SCHEMA {schema}").format(schema=name))
        version = await _version(connection, schema)
        for migration in MIGRATIONS[version:]:
            await connection.execute(SQL(migration).format(schema=name))
        await connection.execute(
            SQL("UPDATE {schema}.journal SET version = %s").format(schema=name), (len(MIGRATIONS),)
        )


async def _version(connection: AsyncConnection, schema: str) -> int:
    name = Identifier(schema)
    table = SQL("{}.journal").format(name)
    if not await _exists(connection, "to_regclass", table.as_string(connection)):
        return 0
    cursor = await connection.execute(SQL("SELECT version FROM {}").format(table))
    [version] = await cursor.fetchone() or (0,)
    require_known_version(version, len(MIGRATIONS), f"the journal in schema {schema}")
    return int(version)


async def _exists(connection: AsyncConnection, function: LiteralString, name: str) -> bool:
    cursor = await connection.execute(SQL("SELECT {}(%s) IS NOT NULL").format(SQL(function)), (name,))
    [exists] = await cursor.fetchone() or (False,)
    return bool(exists)
