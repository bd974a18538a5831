"""How the records of a process reach the journal: in which batches, when again, and what is kept of it."""

import asyncio
import gc
import itertools
import logging
import weakref
from collections.abc import Sequence

import pytest
from fixtures.virtual_time import run

from rayconteur.runtime.journal.entry import Entry, SessionKey, StoredSnapshot
from rayconteur.runtime.journal.errors import JournalUnavailable, RecordRejected
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.session.durable.recorder import Recorder

RAVEN = SessionKey("raven", 1)
SNAPSHOT = StoredSnapshot(RAVEN, 1, 0, 1, 0, b"state")
MIB = 1 << 20


class Journal(MemoryJournal):
    """One that is away for the first *failures* appends, and notes when each came, and with how many records."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.at_s: list[float] = []
        self.batches: list[int] = []

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        self.at_s.append(asyncio.get_running_loop().time())
        if len(self.at_s) <= self.failures:
            raise JournalUnavailable("the journal is away")
        self.batches.append(len(entries))
        return await super().append(entries)

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        if self.failures:
            raise JournalUnavailable("the journal is away")
        await super().put_snapshot(snapshot)


def entry(number: int, size_bytes: int = 101) -> Entry:
    return Entry(RAVEN, 1, number, 0, 0.0, "received", 1, 0, b"x" * (size_bytes - 100))


async def all_stored(journal: Journal, entries: Sequence[Entry]) -> Recorder:
    """A recorder that has stored *entries*, which were added at once."""
    recorder, stored = Recorder(journal), asyncio.Event()
    for each in entries:
        recorder.add(each, lambda _: None if len(recorder) else stored.set())
    await stored.wait()
    return recorder


def test_an_append_that_fails_is_repeated_with_pauses_that_double_up_to_2_s(caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(failures=8)

    with caplog.at_level(logging.WARNING):
        recorder = run(all_stored(journal, [entry(1)]))

    pauses_s = [later - at for at, later in itertools.pairwise(journal.at_s)]
    assert pauses_s == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])
    assert [record.getMessage() for record in caplog.records] == [
        "the journal takes no records, and sessions wait: the journal is away",
        "the journal takes records again",
    ]
    assert recorder.problem is None


@pytest.mark.parametrize(
    ("sizes_bytes", "batches"),
    [
        pytest.param([101] * 9, [9], id="small ones go together"),
        pytest.param([4 * MIB, 4 * MIB, 101], [2, 1], id="8 MiB go together"),
        pytest.param([4 * MIB, 4 * MIB + 1, 101], [1, 2], id="more do not"),
        pytest.param([9 * MIB, 101], [1, 1], id="one that is larger goes alone"),
    ],
)
def test_what_was_added_at_once_is_stored_in_batches_of_up_to_8_mib(sizes_bytes: list[int], batches: list[int]) -> None:
    journal = Journal()

    run(all_stored(journal, [entry(number, size) for number, size in enumerate(sizes_bytes, start=1)]))

    assert journal.batches == batches


def test_a_session_that_fails_when_its_record_is_stored_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: RecordRejected | None) -> None:
        raise ValueError("of this session")

    async def main() -> None:
        recorder, stored = Recorder(Journal()), asyncio.Event()
        recorder.add(entry(1), fail)
        recorder.add(entry(2), lambda _: stored.set())
        await stored.wait()

    run(main())

    assert [record.getMessage() for record in caplog.records] == ["a session failed when its record was stored"]


@pytest.mark.parametrize(("failures", "reported"), [(0, []), (1, ["a snapshot was not stored: the journal is away"])])
def test_nothing_is_kept_of_a_snapshot_once_it_is_stored_or_was_not(
    failures: int, reported: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        recorder = Recorder(Journal(failures))
        putting = weakref.ref(recorder.put_snapshot(SNAPSHOT))
        await asyncio.sleep(0.1)
        gc.collect()
        assert putting() is None

    run(main())

    assert [record.getMessage() for record in caplog.records] == reported
