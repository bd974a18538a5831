"""What every journal must do when calls overlap, are cancelled, or come from several processes."""

import asyncio

import msgspec

from ..errors import JournalUnavailable, RecordConflict, StaleIncarnation, UnknownJournalSession
from .samples import A, B, Check, OpenJournal, entries, entry, error_of, opened


async def overlapping_calls_take_effect_one_after_the_other(open_journal: OpenJournal) -> None:
    """A number is stored once, whoever sends it first."""
    async with opened(open_journal) as journal:
        competing = [entry(A, 1, data=f"writer {number}".encode()) for number in range(20)]
        results = await asyncio.gather(*(journal.append([each]) for each in competing))

        assert [result for [result] in results].count(None) == 1
        assert len(await journal.read(A)) == 1


async def a_cancelled_call_leaves_the_journal_as_if_it_had_ended_or_never_begun(open_journal: OpenJournal) -> None:
    """At whatever step it is cancelled. The same call succeeds afterwards."""
    async with opened(open_journal) as journal:
        for number in range(1, 21):
            call = asyncio.ensure_future(journal.append([*entries(A, number), *entries(B, number)]))
            for _ in range(number % 7):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])

            assert await journal.append([*entries(A, number), *entries(B, number)]) == [None, None]
        assert await journal.read(A) == entries(A, *range(1, 21))
        assert await journal.read(B) == entries(B, *range(1, 21))


async def closing_waits_for_the_calls_that_run(open_journal: OpenJournal) -> None:
    """They succeed."""
    journal = await open_journal()
    calls = [asyncio.ensure_future(journal.append(entries(key, 1))) for key in (A, B)]
    await asyncio.sleep(0)
    await journal.aclose()

    assert await asyncio.gather(*calls) == [[None], [None]]


async def sessions_are_deleted_at_the_same_time_each_if_it_is_as_expected(open_journal: OpenJournal) -> None:
    """Also while the journal is closed."""
    journal = await open_journal()
    await journal.append([*entries(A, 1, 2), *entries(B, 1)])
    stale = msgspec.structs.replace(await journal.position(*A), number=1)
    deletions = [asyncio.ensure_future(journal.delete(*each)) for each in ((A, stale), (B, await journal.position(*B)))]
    await asyncio.sleep(0)
    await journal.aclose()

    assert await asyncio.gather(*deletions) == [False, True]


async def a_closed_journal_says_so(open_journal: OpenJournal) -> None:
    """Closing it again does nothing."""
    journal = await open_journal()
    await journal.append([entry()])
    await journal.aclose()
    await journal.aclose()

    assert isinstance(await error_of(journal.append([entry()])), JournalUnavailable)
    assert isinstance(await error_of(journal.read(A)), JournalUnavailable)


async def what_one_process_writes_is_seen_by_another(open_journal: OpenJournal) -> None:
    """Also by one that has written, and so may remember something else."""
    async with opened(open_journal) as one, opened(open_journal) as other:
        await one.append(entries(A, 1, 2))
        assert await other.append(entries(A, 2, 3)) == [None, None]

        [conflict] = await one.append([entry(A, 3, data=b"something else")])
        assert isinstance(conflict, RecordConflict)
        assert await one.append(entries(A, 3, 4)) == [None, None]
        assert await other.read(A) == entries(A, 1, 2, 3, 4)


async def a_session_that_another_process_takes_over_is_lost(open_journal: OpenJournal) -> None:
    """At once, also to one that has just written."""
    async with opened(open_journal) as old, opened(open_journal) as new:
        await old.append(entries(A, 1))
        await new.take_over(A, 2)

        [stale] = await old.append(entries(A, 2))
        assert isinstance(stale, StaleIncarnation)
        assert stale.current == 2
        assert isinstance(await error_of(old.take_over(A, 1)), StaleIncarnation)
        assert await new.append([entry(A, 2, incarnation=2)]) == [None]


async def a_session_that_another_process_deletes_is_gone(open_journal: OpenJournal) -> None:
    """Its numbers begin anew."""
    async with opened(open_journal) as one, opened(open_journal) as other:
        await one.append(entries(A, 1, 2))
        await other.delete(A)

        assert isinstance(await error_of(one.read(A)), UnknownJournalSession)
        assert await one.append(entries(A, 1)) == [None]
        assert await other.read(A) == entries(A, 1)


async def processes_that_write_the_same_sessions_store_each_number_once(open_journal: OpenJournal) -> None:
    """In whatever order they name the sessions, and none waits for another forever."""
    async with opened(open_journal) as one, opened(open_journal) as other:
        for number in range(1, 11):
            in_order = [entry(key, number, data=b"one") for key in (A, B)]
            reversed_ = [entry(key, number, data=b"other") for key in (B, A)]
            results = await asyncio.gather(one.append(in_order), other.append(reversed_))

            assert [rejection is None for result in results for rejection in result].count(True) == 2
        for key in (A, B):
            assert [each.number for each in await one.read(key)] == list(range(1, 11))


ALL: tuple[Check, ...] = (
    overlapping_calls_take_effect_one_after_the_other,
    a_cancelled_call_leaves_the_journal_as_if_it_had_ended_or_never_begun,
    closing_waits_for_the_calls_that_run,
    sessions_are_deleted_at_the_same_time_each_if_it_is_as_expected,
    a_closed_journal_says_so,
)

OF_SHARED_ONES: tuple[Check, ...] = (
    what_one_process_writes_is_seen_by_another,
    a_session_that_another_process_takes_over_is_lost,
    a_session_that_another_process_deletes_is_gone,
    processes_that_write_the_same_sessions_store_each_number_once,
)
