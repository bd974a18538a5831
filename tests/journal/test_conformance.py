"""Every journal passes the conformance suite."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from servers.databases.postgres import Postgres
from servers.databases.redis import Redis

from rayconteur.runtime.journal.conformance import checks
from rayconteur.runtime.journal.conformance.samples import Check, OpenJournal
from rayconteur.runtime.journal.journal import Capabilities, Journal
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.journal.postgres.journal import PostgresJournal
from rayconteur.runtime.journal.redis.journal import RedisJournal
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal


async def open_in_memory() -> Journal:
    return MemoryJournal()


@pytest.mark.parametrize(
    "check",
    [check for check in checks.ALL if checks.applies(check, MemoryJournal.capabilities)],
    ids=lambda check: check.__name__,
)
def test_the_journal_in_memory(check: Check) -> None:
    asyncio.run(as_coroutine(check, open_in_memory))


@pytest.mark.parametrize(
    "check",
    [check for check in checks.ALL if checks.applies(check, SQLiteJournal.capabilities)],
    ids=lambda check: check.__name__,
)
def test_the_journal_in_sqlite(check: Check, tmp_path: Path) -> None:
    async def open_file() -> Journal:
        return await SQLiteJournal.open(tmp_path / "journal.db")

    asyncio.run(as_coroutine(check, open_file))


@pytest.mark.parametrize(
    "check",
    [check for check in checks.ALL if checks.applies(check, PostgresJournal.capabilities)],
    ids=lambda check: check.__name__,
)
def test_the_journal_in_postgresql(check: Check, postgres: Postgres) -> None:
    schema = uuid4().hex

    async def open_schema() -> Journal:
        return await PostgresJournal.open(postgres.url(), schema)

    asyncio.run(as_coroutine(check, open_schema))


@pytest.mark.parametrize(
    "check",
    [check for check in checks.ALL if checks.applies(check, Capabilities(durable=True, shared=True))],
    ids=lambda check: check.__name__,
)
def test_the_journal_in_redis(check: Check, redis: Redis) -> None:
    prefix = uuid4().hex

    async def open_prefix() -> Journal:
        return await RedisJournal.open(redis.url(), prefix)

    asyncio.run(as_coroutine(check, open_prefix))


async def as_coroutine(check: Check, open_journal: OpenJournal) -> None:
    await check(open_journal)
