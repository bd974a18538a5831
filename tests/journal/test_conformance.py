"""Every journal passes the conformance suite."""

import asyncio
from pathlib import Path

import pytest

from rayconteur.runtime.journal.conformance import checks
from rayconteur.runtime.journal.journal import Journal
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal


async def open_in_memory() -> Journal:
    return MemoryJournal()


@pytest.mark.parametrize(
    "check",
    [check for check in checks.ALL if checks.applies(check, MemoryJournal.capabilities)],
    ids=lambda check: check.__name__,
)
def test_the_journal_in_memory(check: checks.Check) -> None:
    asyncio.run(as_coroutine(check, open_in_memory))


@pytest.mark.parametrize("check", checks.ALL, ids=lambda check: check.__name__)
def test_the_journal_in_sqlite(check: checks.Check, tmp_path: Path) -> None:
    async def open_file() -> Journal:
        return await SQLiteJournal.open(tmp_path / "journal.db")

    asyncio.run(as_coroutine(check, open_file))


async def as_coroutine(check: checks.Check, open_journal: checks.OpenJournal) -> None:
    await check(open_journal)
