"""Group commit: what arrives during a commit forms the next one, and nothing is lost while the store is away."""

import asyncio
from collections.abc import Sequence

import pytest
from fixtures.virtual_time import run

from rayconteur.runtime.journal.conformance.samples import A, B, entries, entry
from rayconteur.runtime.journal.entry import Entry
from rayconteur.runtime.journal.errors import JournalFull, JournalUnavailable, RecordGap, RecordRejected
from rayconteur.runtime.journal.group_commit import GroupCommit
from rayconteur.runtime.journal.memory import MemoryJournal


class SlowJournal(MemoryJournal):
    """Each commit takes a second; while *error* is set, it fails with it. *commits* are those that succeeded."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.stores_before_failing = False
        self.commits: list[list[int]] = []

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        await asyncio.sleep(1)
        if self.error and not self.stores_before_failing:
            raise self.error
        results = await super().append(entries)
        if self.error:
            raise self.error
        self.commits.append([each.number for each in entries])
        return results


async def later(delay_s: float, journal: SlowJournal) -> None:
    """The journal is well again after *delay_s*."""
    await asyncio.sleep(delay_s)
    journal.error = None


def test_what_arrives_during_a_commit_forms_the_next_one() -> None:
    async def main() -> None:
        journal = SlowJournal()
        group = GroupCommit(journal)
        calls = [asyncio.ensure_future(group.append(entries(A, 1)))]
        await asyncio.sleep(0.5)
        calls += [asyncio.ensure_future(group.append(entries(A, number))) for number in (2, 3, 4)]
        results = await asyncio.gather(*calls)

        assert journal.commits == [[1], [2, 3, 4]]
        assert results == [[None]] * 4
        assert asyncio.get_running_loop().time() == pytest.approx(2.0)

    run(main())


def test_each_call_gets_the_results_of_its_own_entries() -> None:
    async def main() -> None:
        group = GroupCommit(SlowJournal())
        good, gap, mixed = await asyncio.gather(
            group.append(entries(A, 1, 2)), group.append(entries(B, 5)), group.append([*entries(A, 3), *entries(B, 7)])
        )

        assert good == [None, None]
        assert isinstance(gap[0], RecordGap)
        assert mixed[0] is None
        assert isinstance(mixed[1], RecordGap)

    run(main())


def test_a_commit_has_about_so_many_bytes() -> None:
    async def main() -> None:
        journal = SlowJournal()
        group = GroupCommit(journal, commit_bytes=1_000)
        await asyncio.gather(*(group.append([entry(A, n, data=bytes(300))]) for n in range(1, 7)))
        await group.append([entry(A, 7, data=bytes(5_000))])

        assert journal.commits == [[1, 2], [3, 4], [5, 6], [7]]

    run(main())


def test_calls_beyond_the_bound_wait_for_room() -> None:
    async def main() -> None:
        journal = SlowJournal()
        group = GroupCommit(journal, waiting_bytes=1_500)
        calls = [asyncio.ensure_future(group.append([entry(A, n, data=bytes(900))])) for n in range(1, 5)]
        await asyncio.sleep(0.5)
        assert group.size_bytes == 2_000  # one commit, and what filled the room

        assert await asyncio.gather(*calls) == [[None]] * 4
        assert group.size_bytes == 0
        assert [each.number for each in await journal.read(A)] == [1, 2, 3, 4]

    run(main())


@pytest.mark.parametrize("is_stored", [False, True], ids=["not stored", "stored, but the reply is lost"])
def test_a_commit_is_repeated_until_the_store_is_back(is_stored: bool) -> None:
    async def main() -> None:
        journal = SlowJournal(JournalFull("no room"))
        journal.stores_before_failing = is_stored
        group = GroupCommit(journal)
        _, first, second = await asyncio.gather(
            later(10, journal), group.append(entries(A, 1)), group.append(entries(A, 2, 3))
        )

        assert (first, second) == ([None], [None, None])
        assert await journal.read(A) == entries(A, 1, 2, 3)

    run(main())


def test_a_call_fails_when_its_entries_have_waited_too_long_and_later_ones_succeed() -> None:
    async def main() -> None:
        journal = SlowJournal(JournalUnavailable("the database is away"))
        group = GroupCommit(journal, timeout_s=5)
        with pytest.raises(JournalUnavailable, match="is away"):
            await group.append(entries(A, 1))
        assert 5 <= asyncio.get_running_loop().time() < 8

        _, result = await asyncio.gather(later(3, journal), group.append(entries(A, 1)))
        assert result == [None]
        assert group.size_bytes == 0

    run(main())


def test_a_caller_that_is_cancelled_disturbs_nobody() -> None:
    async def main() -> None:
        journal = SlowJournal()
        group = GroupCommit(journal)
        cancelled = asyncio.ensure_future(group.append(entries(A, 1)))
        other = asyncio.ensure_future(group.append(entries(A, 2)))
        await asyncio.sleep(0.5)
        cancelled.cancel()

        assert await other == [None]
        assert await journal.read(A) == entries(A, 1, 2)

    run(main())


def test_a_fault_of_the_store_reaches_whoever_waits() -> None:
    async def main() -> None:
        journal = SlowJournal(ZeroDivisionError())
        group = GroupCommit(journal)
        results = await asyncio.gather(group.append(entries(A, 1)), group.append(entries(A, 2)), return_exceptions=True)

        assert [type(result) for result in results] == [ZeroDivisionError, ZeroDivisionError]

    run(main())


def test_flush_waits_until_all_is_stored() -> None:
    async def main() -> None:
        journal = SlowJournal()
        group = GroupCommit(journal)
        calls = [asyncio.ensure_future(group.append(entries(A, n))) for n in (1, 2)]
        await asyncio.sleep(0)
        await group.flush()

        assert await journal.read(A) == entries(A, 1, 2)
        assert [call.done() for call in calls] == [True, True]
        await group.flush()

    run(main())
