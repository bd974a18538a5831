"""The journal in SQLite: the power fails, the disk is full or broken, or the file is not what it should be."""

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import apsw
import pytest
from journal.disk_model import DiskModel, PowerLost

from rayconteur.runtime.journal.catalog.rows import CatalogChange, CatalogFilter
from rayconteur.runtime.journal.conformance.samples import A, B, entries, row
from rayconteur.runtime.journal.entry import Entry, SessionKey
from rayconteur.runtime.journal.errors import (
    InvalidJournal,
    JournalFull,
    JournalInUse,
    JournalUnavailable,
    UnknownJournalSession,
)
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal
from rayconteur.runtime.journal.sqlite.migrations import MIGRATIONS

BATCHES = [[*entries(A, 2 * n - 1, 2 * n), *entries(B, n)] for n in range(1, 8)]
"""Commits of two sessions."""

_names = map("disk-{}".format, itertools.count())


@contextmanager
def disk(on_operation: Callable[[str], None]) -> Generator[DiskModel]:
    model = DiskModel(next(_names), on_operation)
    try:
        yield model
    finally:
        model.unregister()


async def stored(path: Path, session: SessionKey) -> list[Entry]:
    journal = await SQLiteJournal.open(path)
    try:
        return await journal.read(session)
    except UnknownJournalSession:
        return []
    finally:
        await journal.aclose()


# SQLite goes on for a while when the power is off, and ignores some of the errors that it gets.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_loss_of_power_loses_what_was_acknowledged_or_leaves_half_a_commit(tmp_path: Path) -> None:
    losses = 0
    for last in itertools.count(1):
        before, after = tmp_path / f"before-{last}", tmp_path / f"after-{last}"
        before.mkdir()
        after.mkdir()
        acknowledged, is_complete = asyncio.run(append_until_the_power_fails(before, after, last))

        of_a = asyncio.run(stored(after / "journal.db", A))
        of_b = asyncio.run(stored(after / "journal.db", B))
        assert len(of_b) in (acknowledged, acknowledged + 1)
        assert of_a == entries(A, *range(1, 2 * len(of_b) + 1))
        assert of_b == entries(B, *range(1, len(of_b) + 1))
        asyncio.run(require_whole_catalog(after / "journal.db", acknowledged))
        losses += 1
        if is_complete:
            break
    assert losses > 3 * len(BATCHES)


async def require_whole_catalog(path: Path, acknowledged: int) -> None:
    """Its last rows may be lost, but not those before the last commit of records; row and words are one."""
    journal = await SQLiteJournal.open(path)
    numbers = [each.number for each in await journal.catalog()]
    last = numbers[0] if numbers else 0
    assert last >= acknowledged - 1
    found = [bool(await journal.count(CatalogFilter(words=(f"word{number}",)))) for number in range(1, last + 2)]
    assert found == [number == last for number in range(1, last + 2)]
    await journal.aclose()


async def append_until_the_power_fails(before: Path, after: Path, last: int) -> tuple[int, bool]:
    """Append ``BATCHES`` until the operation number *last*: how many were acknowledged, and whether all were."""
    left = itertools.count(last, -1)

    def count_down(_: str) -> None:
        if next(left) <= 0:
            raise PowerLost

    acknowledged = 0
    with disk(count_down) as model:
        try:
            journal = await SQLiteJournal.open(before / "journal.db", vfs=model.name)
            for batch in BATCHES:
                assert await journal.append(batch) == [None] * len(batch)
                acknowledged += 1
                await journal.put_catalog([CatalogChange(row(A, number=acknowledged), {1: f"word{acknowledged}"})])
        except JournalUnavailable:
            pass
        model.after_loss_of_power(after, Random(last))
    return acknowledged, acknowledged == len(BATCHES)


@pytest.mark.parametrize(
    ("operation", "error", "raised"),
    [
        ("write", apsw.FullError, JournalFull),
        ("write", apsw.IOError, JournalUnavailable),
        ("sync", apsw.IOError, JournalUnavailable),
    ],
    ids=["full", "write fails", "sync fails"],
)
def test_a_commit_that_fails_can_be_repeated_when_the_disk_is_well_again(
    tmp_path: Path, operation: str, error: type[Exception], raised: type[Exception]
) -> None:
    is_broken = False

    def fail(what: str) -> None:
        if is_broken and what == operation:
            raise error

    async def main() -> None:
        nonlocal is_broken
        with disk(fail) as model:
            journal = await SQLiteJournal.open(tmp_path / "journal.db", vfs=model.name)
            await journal.append(entries(A, 1, 2))
            is_broken = True
            for _ in range(3):
                with pytest.raises(raised, match=r"journal\.db"):
                    await journal.append(entries(A, 3, 4))
            is_broken = False

            assert await journal.append(entries(A, 3, 4)) == [None, None]
            assert await journal.read(A) == entries(A, 1, 2, 3, 4)
            await journal.aclose()

    asyncio.run(main())


def test_a_full_disk_stores_nothing_of_a_commit(tmp_path: Path) -> None:
    async def main() -> None:
        is_full = False

        def fail(what: str) -> None:
            if is_full and what == "write":
                raise apsw.FullError

        with disk(fail) as model:
            journal = await SQLiteJournal.open(tmp_path / "journal.db", vfs=model.name)
            await journal.append(entries(A, 1))
            is_full = True
            with pytest.raises(JournalFull):
                await journal.append([*entries(A, 2), *entries(B, 1)])

            assert await journal.read(A) == entries(A, 1)
            with pytest.raises(UnknownJournalSession):
                await journal.read(B)
            await journal.aclose()

    asyncio.run(main())


WRITER = """
import asyncio, sys
from rayconteur.runtime.journal.conformance.samples import A, entries
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal

async def main():
    journal = await SQLiteJournal.open(sys.argv[1])
    for number in range(1, 100_000):
        await journal.append(entries(A, number))
        print(number, flush=True)

asyncio.run(main())
"""


def test_a_killed_process_leaves_all_that_was_acknowledged_and_frees_the_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
        with pytest.raises(JournalInUse, match="end the process"):
            asyncio.run(SQLiteJournal.open(path))
        writer.kill()
        acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]

    numbers = [each.number for each in asyncio.run(stored(path, A))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) in (acknowledged[-1], acknowledged[-1] + 1)


def test_a_file_of_a_newer_version_is_named_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def main() -> None:
        await (await SQLiteJournal.open(path)).aclose()
        connection = apsw.Connection(str(path))
        connection.pragma("user_version", len(MIGRATIONS) + 1)
        connection.close()
        before = path.read_bytes()

        with pytest.raises(InvalidJournal, match=rf"version {len(MIGRATIONS) + 1}.*update"):
            await SQLiteJournal.open(path)
        assert path.read_bytes() == before

    asyncio.run(main())


def test_a_database_of_something_else_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "browser.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(InvalidJournal, match="something else"):
        asyncio.run(SQLiteJournal.open(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database", b"x" * 10_000], ids=["short", "long"])
def test_a_file_that_is_no_database_is_refused_and_not_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)

    with pytest.raises(InvalidJournal, match="no journal"):
        asyncio.run(SQLiteJournal.open(path))
    assert path.read_bytes() == content


def test_a_path_that_can_not_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match="missing"):
        asyncio.run(SQLiteJournal.open(tmp_path / "missing" / "journal.db"))


def test_a_page_that_is_overwritten_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def main() -> None:
        journal = await SQLiteJournal.open(path)
        await journal.append([*entries(A, *range(1, 2_000))])
        await journal.aclose()
        with path.open("r+b") as file:
            file.seek(len(path.read_bytes()) // 2)
            file.write(os.urandom(8_192))

        journal = await SQLiteJournal.open(path)
        with pytest.raises(InvalidJournal):
            await journal.read(A, limit=5_000)
        assert [each.number for each in await journal.read(A, limit=100)] == list(range(1, 101))
        await journal.aclose()

    asyncio.run(main())
