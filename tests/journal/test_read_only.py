"""A journal that is opened to be read: it reads what is stored, and leaves no trace."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from servers.databases.postgres import Postgres
from servers.databases.redis import Redis

from rayconteur.runtime.api.journal import (
    JournalStore,
    PostgresJournalConfig,
    RedisJournalConfig,
    SQLiteJournalConfig,
)
from rayconteur.runtime.journal.conformance.samples import A, entries
from rayconteur.runtime.journal.errors import InvalidJournal, JournalNotFound, JournalUnavailable
from rayconteur.runtime.journal.opening import open_journal


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JournalStore]:
    """A place without a journal."""
    match request.param:
        case "sqlite":
            yield SQLiteJournalConfig(str(tmp_path / "journal.db"))
        case "postgres":
            postgres: Postgres = request.getfixturevalue("postgres")
            yield PostgresJournalConfig(postgres.url(), f"s{uuid4().hex}")
        case _:
            redis: Redis = request.getfixturevalue("redis")
            yield RedisJournalConfig(redis.url(), uuid4().hex)


def test_where_there_is_none_it_is_not_made(config: JournalStore) -> None:
    async def main() -> None:
        for _ in range(2):  # the first time has left nothing
            with pytest.raises((JournalNotFound, InvalidJournal), match=r"no journal|no file"):
                await open_journal(config, read_only=True)

    asyncio.run(main())


def test_it_reads_what_is_stored(config: JournalStore) -> None:
    async def main() -> None:
        writer = await open_journal(config)
        await writer.append(entries(A, 1, 2, 3))
        await writer.aclose()

        reader = await open_journal(config, read_only=True)
        try:
            assert await reader.read(A) == entries(A, 1, 2, 3)
            if isinstance(config, SQLiteJournalConfig):
                with pytest.raises(JournalUnavailable, match=r"readonly|read-only"):
                    await reader.append(entries(A, 4))
        finally:
            await reader.aclose()

    asyncio.run(main())
