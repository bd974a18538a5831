"""Programs of a namespace agree on where its journal is."""

import pytest

from rayconteur.errors import IncompatibleNamespace
from rayconteur.runtime import MemoryJournalConfig, NoJournal, PostgresJournalConfig, SQLiteJournalConfig
from rayconteur.runtime.cluster.directory.namespace import Given, Namespace
from rayconteur.runtime.cluster.directory.package_version import package_version
from rayconteur.runtime.cluster.journal.place import JournalPlace

OWN = JournalPlace(SQLiteJournalConfig(), "head")
NAMED = JournalPlace(SQLiteJournalConfig("/ravens.db"), "head")
MEMORY = JournalPlace(MemoryJournalConfig())
WITH_PASSWORD = JournalPlace(PostgresJournalConfig("postgresql://poe:nevermore@db/ravens"))
WITH_ANOTHER = JournalPlace(PostgresJournalConfig("postgresql://poe:evermore@db/ravens"))


@pytest.mark.parametrize(
    ("journal", "given"),
    [(OWN, None), (OWN, OWN), (None, None), (None, NoJournal()), (NAMED, NAMED), (WITH_PASSWORD, WITH_ANOTHER)],
)
def test_who_gives_no_journal_or_the_same_is_admitted(
    journal: JournalPlace | None, given: JournalPlace | NoJournal | None
) -> None:
    Namespace("ravens", 1, journal).admit(package_version(), Given(given))


@pytest.mark.parametrize(
    ("journal", "given", "problem"),
    [
        (OWN, NoJournal(), r"in the SQLite file of the Ray session on node head, and this program gives NoJournal\(\)"),
        (OWN, NAMED, "and this program gives the SQLite file /ravens.db on node head; give none to use that one"),
        (NAMED, OWN, "in the SQLite file /ravens.db on node head"),
        (None, OWN, "was started without a journal, and this program gives the SQLite file of the Ray session"),
        (MEMORY, WITH_PASSWORD, "in memory, and this program gives postgresql://db/ravens"),
    ],
)
def test_who_gives_another_journal_is_refused_and_both_are_named(
    journal: JournalPlace | None, given: JournalPlace | NoJournal, problem: str
) -> None:
    with pytest.raises(IncompatibleNamespace, match=problem):
        Namespace("ravens", 1, journal).admit(package_version(), Given(given))
