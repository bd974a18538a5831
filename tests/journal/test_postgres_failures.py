"""The journal in PostgreSQL: the server is killed, hangs or refuses, or the schema is not what it should be."""

import asyncio
import traceback
from uuid import uuid4

import pytest
from journal.killing import require_no_loss
from journal.page_sizes import require_short_pages
from servers.databases.lossy_proxy import LossyProxy
from servers.databases.postgres import PASSWORD, Postgres, postgres_server
from servers.databases.server import free_port

from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.runtime.journal.conformance.samples import A, B, entries
from rayconteur.runtime.journal.entry import StoredSnapshot
from rayconteur.runtime.journal.errors import (
    InvalidJournal,
    JournalAccessDenied,
    JournalFull,
    JournalNotFound,
    JournalUnavailable,
    UnsafeJournal,
)
from rayconteur.runtime.journal.postgres.journal import PostgresJournal
from rayconteur.runtime.journal.postgres.migrations import MIGRATIONS

RIGHTS = "GRANT USAGE ON SCHEMA {0} TO {0}; GRANT ALL ON ALL TABLES IN SCHEMA {0} TO {0}"


@pytest.fixture
def schema() -> str:
    """A name for the schema of a test."""
    return f"s{uuid4().hex}"


async def opening_error(url: str, schema: str = "rayconteur") -> Exception:
    try:
        journal = await PostgresJournal.open(url, schema, timeout_s=5)
    except Exception as error:
        return error
    await journal.aclose()
    raise AssertionError("it was opened")


def shown(error: Exception) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_wrong_password_or_user_or_database_is_named_and_no_password_shown(postgres: Postgres) -> None:
    denied = asyncio.run(opening_error(postgres.url(password="wr/ong@2")))
    unknown = asyncio.run(opening_error(postgres.url(user="stranger")))
    missing = asyncio.run(opening_error(postgres.url(database="nowhere")))

    assert isinstance(denied, JournalAccessDenied)
    assert isinstance(unknown, JournalAccessDenied)
    assert isinstance(missing, JournalNotFound)
    assert "nowhere" in str(missing)
    for error in (denied, unknown, missing):
        assert not any(part in shown(error) for part in ("wr/ong", "ong@2", "pass/word", "word@1"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:se/cret@127.0.0.1/database",
        "postgresql://user:se@cret@127.0.0.1/database",
        "postgresql://user:12/cret@127.0.0.1/database",
        "postgresql://user:%zzcret@127.0.0.1/database",
        "host=127.0.0.1 password='secret",
        "secret",
        "",
    ],
)
def test_an_address_that_can_not_be_parsed_is_refused_without_repeating_it(url: str) -> None:
    error = asyncio.run(opening_error(url))

    assert isinstance(error, InvalidConfig)
    assert error.field == "url"
    assert "cret" not in str(error) + repr(error)


def test_a_server_that_is_not_there_is_named() -> None:
    error = asyncio.run(opening_error(f"postgresql://user@127.0.0.1:{free_port()}/database"))

    assert type(error) is JournalUnavailable
    assert "database" in str(error)


def test_a_server_that_does_not_sync_is_refused() -> None:
    with postgres_server("fsync=off") as server:
        error = asyncio.run(opening_error(server.url()))

    assert isinstance(error, UnsafeJournal)


def test_a_journal_of_a_newer_version_is_named_and_not_changed(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        await (await PostgresJournal.open(postgres.url(), schema)).aclose()
        postgres.execute(f"UPDATE {schema}.journal SET version = {len(MIGRATIONS) + 1}")

        error = await opening_error(postgres.url(), schema)

        assert isinstance(error, InvalidJournal)
        assert "update it" in str(error)
        assert postgres.values(f"SELECT version FROM {schema}.journal") == [len(MIGRATIONS) + 1]

    asyncio.run(main())


@pytest.mark.parametrize("table", ["journal (title TEXT)", "records (song TEXT)"])
def test_a_schema_of_something_else_is_refused_and_not_changed(postgres: Postgres, schema: str, table: str) -> None:
    postgres.execute(f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.{table}")

    error = asyncio.run(opening_error(postgres.url(), schema))

    assert isinstance(error, InvalidJournal)
    tables = postgres.values(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'")
    assert tables == [table.partition(" ")[0]]


def test_an_empty_schema_may_be_opened_by_many_at_once(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        journals = await asyncio.gather(*(PostgresJournal.open(postgres.url(), schema) for _ in range(5)))
        for journal in journals:
            await journal.aclose()

    asyncio.run(main())


def test_a_user_who_may_not_create_tables_uses_those_that_are_there(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        postgres.execute(f"CREATE ROLE {schema} LOGIN PASSWORD '{PASSWORD}'")
        refused = await opening_error(postgres.url(user=schema), schema)
        await (await PostgresJournal.open(postgres.url(), schema)).aclose()
        postgres.execute(RIGHTS.format(schema))

        journal = await PostgresJournal.open(postgres.url(user=schema), schema)

        assert isinstance(refused, JournalAccessDenied)
        assert await journal.append(entries(A, 1)) == [None]
        await journal.delete(A)
        await journal.aclose()

    asyncio.run(main())


def test_no_kill_of_the_server_loses_what_was_acknowledged(schema: str) -> None:
    """Also if its commits are not synchronous by default: these would lose the last ten seconds."""
    with postgres_server("synchronous_commit=off", "wal_writer_delay=10000ms") as postgres:
        asyncio.run(require_no_loss(lambda: PostgresJournal.open(postgres.url(), schema), postgres.server))


def test_a_call_to_a_server_that_hangs_fails_in_time_and_can_be_repeated(schema: str) -> None:
    async def main(postgres: Postgres) -> None:
        journal = await PostgresJournal.open(postgres.url(), schema, timeout_s=1)
        await journal.append(entries(A, 1))
        postgres.server.freeze()
        for _ in range(2):  # on a connection that is open, and on one that is not
            async with asyncio.timeout(4):
                with pytest.raises(JournalUnavailable, match="in time"):
                    await journal.append(entries(A, 2))
        postgres.server.thaw()

        assert await journal.append(entries(A, 2, 3)) == [None, None]
        assert await journal.read(A) == entries(A, 1, 2, 3)
        await journal.aclose()

    with postgres_server() as postgres:
        asyncio.run(main(postgres))


def test_a_reply_that_is_lost_after_the_commit_is_no_loss(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        async with LossyProxy(postgres.port) as proxy:
            journal = await PostgresJournal.open(postgres.url(port=proxy.own_port), schema)
            await journal.append(entries(A, 1))
            proxy.is_lossy = True
            with pytest.raises(JournalUnavailable):
                await journal.append(entries(A, 2))
            proxy.is_lossy = False

            assert proxy.lost > 0
            assert postgres.values(f"SELECT max(number) FROM {schema}.records") == [2]
            assert await journal.append(entries(A, 2, 3)) == [None, None]
            assert await journal.read(A) == entries(A, 1, 2, 3)
            await journal.aclose()

    asyncio.run(main())


def test_a_page_of_large_records_is_not_read_beyond_its_end(postgres: Postgres, schema: str) -> None:
    asyncio.run(require_short_pages(postgres.port, lambda port: PostgresJournal.open(postgres.url(port=port), schema)))


def test_nothing_is_left_of_a_deleted_session(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        journal = await PostgresJournal.open(postgres.url(), schema)
        await journal.append([*entries(A, 1), *entries(B, 1)])
        for key in (A, B):
            await journal.put_snapshot(StoredSnapshot(key, 1, 10, 1, 0, b"state"))
        await journal.delete(A)

        for table in ("sessions", "records", "snapshots"):
            assert postgres.values(f"SELECT count(*) FROM {schema}.{table}") == [1]
        await journal.aclose()

    asyncio.run(main())


def test_connections_that_the_server_closed_while_they_were_idle_are_replaced(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        journal = await PostgresJournal.open(postgres.url(), schema)
        await asyncio.gather(*(journal.sessions() for _ in range(4)))
        postgres.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'rayconteur'"
        )

        assert await journal.append(entries(A, 1)) == [None]
        assert await journal.read(A) == entries(A, 1)
        await journal.aclose()

    asyncio.run(main())


def test_no_more_connections_are_opened_than_allowed(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        journal = await PostgresJournal.open(postgres.url() + f"?application_name={schema}", schema, max_connections=2)
        await asyncio.gather(
            *(journal.append(entries(key, 1)) for key in (A, B)), *(journal.sessions() for _ in range(30))
        )

        activity = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{schema}'"
        assert postgres.values(activity) == [2]
        await journal.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("state", "raised"),
    [("53100", JournalFull), ("57014", JournalUnavailable), ("25006", JournalUnavailable), ("XX001", InvalidJournal)],
    ids=["disk full", "statement timeout", "read only", "damaged"],
)
def test_an_error_of_the_server_says_what_it_is_and_stores_nothing(
    postgres: Postgres, schema: str, state: str, raised: type[Exception]
) -> None:
    async def main() -> None:
        journal = await PostgresJournal.open(postgres.url(), schema)
        await journal.append(entries(A, 1))
        postgres.execute(
            f"CREATE FUNCTION {schema}.fail() RETURNS TRIGGER LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'as the test wants' USING ERRCODE = '{state}'; END $$",
            f"CREATE TRIGGER fail BEFORE INSERT ON {schema}.records EXECUTE FUNCTION {schema}.fail()",
        )
        with pytest.raises(raised, match="as the test wants") as error:
            await journal.append([*entries(A, 2), *entries(B, 1)])
        postgres.execute(f"DROP TRIGGER fail ON {schema}.records")

        assert type(error.value) is raised
        assert [each.session for each in await journal.sessions()] == [A]
        assert await journal.append(entries(A, 2)) == [None]
        await journal.aclose()

    asyncio.run(main())


def test_a_journal_whose_tables_are_gone_says_so(postgres: Postgres, schema: str) -> None:
    async def main() -> None:
        journal = await PostgresJournal.open(postgres.url(), schema)
        postgres.execute(f"DROP SCHEMA {schema} CASCADE")

        with pytest.raises(InvalidJournal, match="does not exist"):
            await journal.append(entries(A, 1))
        await journal.aclose()

    asyncio.run(main())
