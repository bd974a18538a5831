"""A journal that can't be used is reported to the program that enters, and leaves nothing behind."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from fixtures.named_actors import actor_names

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import IncompatibleNamespace, InvalidConfig, InvalidJournal, JournalInUse
from rayconteur.runtime import MemoryJournalConfig, SQLiteJournalConfig
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal


def with_journal(options: rc.RuntimeOptions, path: str | Path) -> rc.RuntimeOptions:
    return rc.RuntimeOptions(namespace=options.namespace, journal=SQLiteJournalConfig(str(path)))


@pytest.mark.parametrize(
    ("path", "words"),
    [("no folder/journal.db", "create it"), ("folder", "name a file in it")],
)
def test_a_path_where_no_file_can_be_is_rejected(
    path: str, words: str, options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()

    with (
        pytest.raises(InvalidConfig, match=words),
        blocking.Runtime(options=with_journal(options, tmp_path / path)),
    ):
        pass

    assert actor_names(options.namespace) == set()


def write_text(path: Path) -> None:
    path.write_text("Huginn and Muninn. " * 1_000)


def write_newer(path: Path) -> None:
    asyncio.run(open_and_close(path))
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()


async def open_and_close(path: Path) -> None:
    journal = await SQLiteJournal.open(path)
    await journal.aclose()


@pytest.mark.parametrize(
    ("write", "words"), [(write_text, "is no journal, or damaged"), (write_newer, "has version 99.*update it")]
)
def test_a_file_that_is_no_journal_or_a_newer_one_is_reported_as_such(
    write: Callable[[Path], None], words: str, options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    write(path)
    before = path.read_bytes()

    with pytest.raises(InvalidJournal, match=words), blocking.Runtime(options=with_journal(options, path)):
        pass

    assert actor_names(options.namespace) == set()
    assert path.read_bytes() == before


@pytest.mark.chaos
def test_a_file_that_another_process_has_open_is_reported_as_such(options: rc.RuntimeOptions, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def enter() -> None:
        journal = await SQLiteJournal.open(path)
        try:
            with pytest.raises(JournalInUse, match="is in use"):
                async with rc.Runtime(options=with_journal(options, path)):
                    pass
        finally:
            await journal.aclose()

    asyncio.run(enter())

    assert actor_names(options.namespace) == set()


def test_all_programs_of_a_namespace_have_the_same_journal(
    options: rc.RuntimeOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with blocking.Runtime(options=with_journal(options, "journal.db")):
        any_journal = rc.RuntimeOptions(namespace=options.namespace)
        with blocking.Runtime(options=any_journal), blocking.Runtime(options=with_journal(options, "./journal.db")):
            pass

        with (
            pytest.raises(IncompatibleNamespace, match=r"in the SQLite file .*journal\.db.* gives memory"),
            blocking.Runtime(options=rc.RuntimeOptions(namespace=options.namespace, journal=MemoryJournalConfig())),
        ):
            pass


def test_a_namespace_without_a_journal_is_not_given_one_later(options: rc.RuntimeOptions, tmp_path: Path) -> None:
    with (
        blocking.Runtime(options=options),
        pytest.raises(IncompatibleNamespace, match="was started without a journal"),
        blocking.Runtime(options=with_journal(options, tmp_path / "journal.db")),
    ):
        pass

    assert os.listdir(tmp_path) == []
