"""What the process of a journal counts: records, commits, how long they took, and what waits."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from fixtures.virtual_time import run

from rayconteur.runtime.journal.conformance.samples import A, B, entries
from rayconteur.runtime.journal.entry import Entry
from rayconteur.runtime.journal.errors import JournalUnavailable, RecordRejected
from rayconteur.runtime.journal.group_commit import GroupCommit
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.journal.remote import calls
from rayconteur.runtime.journal.remote.server import JournalServer
from rayconteur.runtime.metrics.counts import COUNTS


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """The counts are those of the process: what other tests have counted is dropped."""
    COUNTS.take()
    yield
    COUNTS.take()


class SlowJournal(MemoryJournal):
    """Takes 2 s for a commit. The first *failures* fail."""

    failures = 0

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        await asyncio.sleep(2.0)
        if self.failures:
            self.failures -= 1
            raise JournalUnavailable("the store is away")
        return await super().append(entries)


def test_records_commits_and_their_times_are_counted() -> None:
    async def main() -> None:
        commits = GroupCommit(SlowJournal())
        first = asyncio.create_task(commits.append(entries(A, 1)))
        await asyncio.sleep(0.5)
        await asyncio.gather(first, commits.append(entries(A, 2, 3)), commits.append(entries(B, 1)))

        counts = dict(COUNTS.take())

        assert counts["rayconteur_journal_records",] == 4
        assert counts["rayconteur_journal_commits",] == 2
        assert counts["rayconteur_journal_commit_seconds_sum",] == pytest.approx(4.0)
        assert ("rayconteur_journal_errors",) not in counts

    run(main())


def test_commits_that_fail_are_counted_and_the_wait_of_the_oldest_call_is_a_gauge() -> None:
    async def main() -> None:
        journal, call = SlowJournal(), calls.Append(entries(A, 1))
        journal.failures = 1
        server = JournalServer(journal)
        assert set(dict(server.gauges()).values()) == {0}
        waiting = asyncio.ensure_future(server.serve(cast(Any, None), calls.METHOD, calls.encode(call)))
        await asyncio.sleep(1.5)

        gauges = dict(server.gauges())
        await asyncio.gather(waiting, return_exceptions=True)

        assert gauges["rayconteur_journal_wait_seconds",] == pytest.approx(1.5)
        assert gauges["rayconteur_journal_waiting_bytes",] > 100
        assert dict(COUNTS.take())["rayconteur_journal_errors",] == 1

    run(main())
