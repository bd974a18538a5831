"""What every journal must do, as functions that fail with an ``AssertionError``.

With pytest::

    @pytest.mark.parametrize("check", checks.ALL, ids=lambda check: check.__name__)
    def test_my_journal(check, tmp_path):
        asyncio.run(check(lambda: MyJournal.open(tmp_path / "journal")))

Each check opens an empty journal of its own, and closes it. Some need one that is durable, or shared: ``applies`` says
which.
"""

import sys

import msgspec

from ..catalog.rows import CatalogChange, CatalogFilter
from ..entry import Position, SessionKey, StoredSnapshot
from ..errors import (
    CorruptRecord,
    RecordConflict,
    RecordGap,
    RecordRejected,
    StaleIncarnation,
    UnknownJournalSession,
)
from ..journal import PAGE_BYTES, PAGE_ENTRIES, Capabilities
from . import catalog, overlapping
from .samples import A, B, Check, OpenJournal, entries, entry, error_of, opened, row


async def what_is_appended_is_read_in_order_and_in_pages(open_journal: OpenJournal) -> None:
    """Every field comes back as it was, whatever bytes the data has."""
    async with opened(open_journal) as journal:
        stored = [
            entry(A, 1, data=b""),
            entry(A, 2, data=bytes(range(256)) * 1_000, events=bytes(range(256))),
            *entries(A, 3, 4, 5),
        ]
        assert await journal.append(stored[:2]) == [None, None]
        assert await journal.append(stored[2:]) == [None, None, None]

        assert await journal.read(A) == stored
        assert await journal.read(A, after=1, limit=2) == stored[1:3]
        assert await journal.read(A, after=5) == []


async def a_page_of_large_entries_is_short(open_journal: OpenJournal) -> None:
    """So that a session of any size is read without holding all of it."""
    async with opened(open_journal) as journal:
        stored = [entry(A, number, data=bytes([number]) * (PAGE_BYTES * 2 // 3)) for number in (1, 2, 3)]
        await journal.append(stored)

        assert await journal.read(A) == stored[:2]
        assert await journal.read(A, after=2) == stored[2:]


async def sessions_do_not_mix(open_journal: OpenJournal) -> None:
    """One commit has entries of several sessions, whose numbers are independent, also those of epochs of one id."""
    async with opened(open_journal) as journal:
        again = SessionKey("a", 2)
        await journal.append([*entries(A, 1, 2), *entries(B, 1), *entries(again, 1)])
        await journal.append([*entries(B, 2), *entries(A, 3)])

        assert [each.number for each in await journal.read(A)] == [1, 2, 3]
        assert [each.number for each in await journal.read(B)] == [1, 2]
        assert await journal.read(again) == entries(again, 1)


async def an_entry_that_is_stored_already_is_a_success(open_journal: OpenJournal) -> None:
    """A reply may be lost: the call is repeated, perhaps with more, and nothing is stored twice."""
    async with opened(open_journal) as journal:
        await journal.append(entries(A, 1, 2))

        assert await journal.append(entries(A, 1, 2, 3)) == [None, None, None]
        assert await journal.append([*entries(A, 4), *entries(A, 4)]) == [None, None]
        assert await journal.read(A) == entries(A, 1, 2, 3, 4)


async def a_gap_is_rejected_with_the_number_that_is_expected(open_journal: OpenJournal) -> None:
    """What follows it in the same call is rejected, too; other sessions are not affected."""
    async with opened(open_journal) as journal:
        first, *rest = await journal.append([*entries(A, 1), *entries(A, 3, 2), *entries(B, 2, 1)])

        assert first is None
        assert [_gap(each) for each in rest] == [2, 2, 1, 1]
        assert await journal.append([*entries(A, 2), *entries(B, 1)]) == [None, None]


async def another_entry_of_a_number_is_rejected(open_journal: OpenJournal) -> None:
    """Two actors that both believe to be the only one never mix their records."""
    async with opened(open_journal) as journal:
        await journal.append(entries(A, 1, 2))
        other = entry(A, 2, data=b"something else")

        conflict, *rest = await journal.append([other, *entries(A, 3)])

        assert isinstance(conflict, RecordConflict)
        assert isinstance(rest[0], RecordConflict)
        assert await journal.read(A) == entries(A, 1, 2)


async def an_older_incarnation_is_refused_with_the_current_one(open_journal: OpenJournal) -> None:
    """Once a later one has written, or has taken the session over, nothing of an older one is stored."""
    async with opened(open_journal) as journal:
        await journal.append([entry(A, 1), entry(B, 1)])
        position = await journal.take_over(A, 3)
        await journal.append([entry(B, 2, incarnation=2)])

        assert (position.number, position.incarnation) == (1, 3)
        [of_a] = await journal.append([entry(A, 2, incarnation=2)])
        [of_b] = await journal.append([entry(B, 3, incarnation=1)])
        assert isinstance(of_a, StaleIncarnation)
        assert of_a.current == 3
        assert isinstance(of_b, StaleIncarnation)
        assert of_b.current == 2
        assert await journal.append([entry(A, 2, incarnation=3)]) == [None]


async def an_older_incarnation_does_not_harm_the_current_one(open_journal: OpenJournal) -> None:
    """What two processes send may share a commit: that the one is refused says nothing of the other."""
    async with opened(open_journal) as journal:
        await journal.append([entry(A, 1)])
        await journal.take_over(A, 2)

        sent = [entry(A, 2), *(entry(A, number, incarnation=2) for number in (2, 3)), entry(A, 3)]
        stale, *current, also_stale = await journal.append(sent)

        assert isinstance(stale, StaleIncarnation)
        assert current == [None, None]
        assert isinstance(also_stale, StaleIncarnation)
        assert await journal.read(A) == [entry(A, 1), *sent[1:3]]


async def a_session_is_taken_over_once_by_the_latest(open_journal: OpenJournal) -> None:
    """The same incarnation may ask again: its first reply may have been lost."""
    async with opened(open_journal) as journal:
        await journal.append([entry(A, 1)])
        await journal.take_over(A, 2)

        assert (await journal.take_over(A, 2)).incarnation == 2
        assert isinstance(await error_of(journal.take_over(A, 1)), StaleIncarnation)
        assert isinstance(await error_of(journal.take_over(B, 2)), UnknownJournalSession)


async def the_position_is_that_of_the_last_epoch(open_journal: OpenJournal) -> None:
    """Or that of the epoch which is asked for."""
    async with opened(open_journal) as journal:
        again = SessionKey("a", 12)
        await journal.append([*entries(A, 1, 2), entry(again, 1, incarnation=4)])

        last = await journal.position("a")
        assert (last.session, last.number, last.incarnation, last.at) == (again, 1, 4, entry(again, 1).at)
        assert (await journal.position("a", 1)).number == 2
        assert isinstance(await error_of(journal.position("a", 2)), UnknownJournalSession)
        assert isinstance(await error_of(journal.position("b")), UnknownJournalSession)
        assert isinstance(await error_of(journal.read(B)), UnknownJournalSession)


async def sessions_are_listed_in_pages(open_journal: OpenJournal) -> None:
    """By id, compared by code points, then by epoch."""
    async with opened(open_journal) as journal:
        keys = [SessionKey("B", 1), SessionKey("a", 1), SessionKey("a", 2), SessionKey("a", 10), SessionKey("é", 1)]
        await journal.append([entry(key, 1) for key in reversed(keys)])

        first = await journal.sessions(limit=2)
        rest = await journal.sessions(after=first[-1].session)

        assert [each.session for each in (*first, *rest)] == keys
        assert await journal.sessions(after=keys[-1]) == []


async def the_last_snapshot_up_to_a_number_is_found(open_journal: OpenJournal) -> None:
    """One of the same number replaces the one before it, and those of unknown sessions are ignored."""
    async with opened(open_journal) as journal:
        await journal.append(entries(A, 1, 2, 3, 4))
        old, new, replaced = (StoredSnapshot(A, n, n * 10, 1, 7, d) for n, d in ((2, b"2"), (4, b"4"), (4, b"new")))
        for snapshot in (old, new, replaced, StoredSnapshot(B, 1, 1, 1, 1, b"")):
            await journal.put_snapshot(snapshot)

        assert await journal.snapshot(A) == replaced
        assert await journal.snapshot(A, before=3) == old
        assert await journal.snapshot(A, before=2) == old
        assert await journal.snapshot(A, before=1) is None
        assert await journal.snapshot(B) is None


async def a_deleted_session_is_gone_and_its_key_free(open_journal: OpenJournal) -> None:
    """With its snapshots. Its neighbours are not affected, and deleting it again does nothing."""
    async with opened(open_journal) as journal:
        await journal.append([*entries(A, 1, 2), *entries(B, 1)])
        await journal.put_snapshot(StoredSnapshot(A, 2, 0, 1, 0, b""))
        await journal.put_catalog([CatalogChange(row(A, owner="poe", tags=("raven",)))])

        assert await journal.delete(A)
        assert await journal.delete(A)

        assert isinstance(await error_of(journal.read(A)), UnknownJournalSession)
        assert await journal.snapshot(A) is None
        assert await journal.catalog() == []
        assert await journal.owners() == []
        assert await journal.count(CatalogFilter(tag="raven")) == 0
        assert await journal.read(B) == entries(B, 1)
        assert await journal.append(entries(A, 1)) == [None]
        assert await journal.snapshot(A) is None


async def a_session_is_deleted_only_at_the_position_that_is_expected(open_journal: OpenJournal) -> None:
    """Who goes on with it meanwhile does not lose it."""
    async with opened(open_journal) as journal:
        await journal.append(entries(A, 1))
        before = await journal.position("a")
        await journal.take_over(A, 2)

        assert not await journal.delete(A, before)
        assert await journal.read(A) == entries(A, 1)
        assert await journal.delete(A, await journal.position("a"))
        assert await journal.delete(A, before)  # it is gone, whoever has deleted it
        assert await journal.sessions() == []


async def a_damaged_record_is_named_and_those_before_it_are_readable(open_journal: OpenJournal) -> None:
    """The checksum tells."""
    async with opened(open_journal) as journal:
        damaged = msgspec.structs.replace(entry(A, 3), checksum=1)
        await journal.append([*entries(A, 1, 2), damaged, entry(A, 4)])

        assert await journal.read(A) == entries(A, 1, 2)
        error = await error_of(journal.read(A, after=2))
        assert isinstance(error, CorruptRecord)
        assert (error.session_id, error.number) == ("a", 3)
        assert await journal.read(A, after=3) == [entry(A, 4)]


async def every_value_that_an_entry_may_have_is_stored(open_journal: OpenJournal) -> None:
    """Numbers up to 2^53, times to the microsecond, and ids of any characters: the order is that of code points."""
    async with opened(open_journal) as journal:
        most = msgspec.structs.replace(
            entry(A, 1), seq=1 << 53, at=1_700_000_000.123456, version=1 << 30, kind="é" * 99
        )
        ids = ["\0", "a\0", "a\0b", "aa", "a" * 1_000, "\uffff", "\U0001f600"]
        keys = sorted([A, SessionKey("a", 1 << 53), *(SessionKey(each, 1) for each in ids)])
        await journal.append([most, *(entry(key, 1, incarnation=1 << 53) for key in keys if key != A)])

        assert await journal.read(A) == [most]
        assert await journal.position("a", 1) == Position(A, 1, 1, most.at)
        assert [each.session for each in await journal.sessions()] == keys
        for key in keys:
            assert (await journal.position(key.id, key.epoch)).session == key


async def a_call_takes_and_returns_many_entries(open_journal: OpenJournal) -> None:
    """At most ``PAGE_ENTRIES`` if it is not told how many; none is no error."""
    async with opened(open_journal) as journal:
        many = [*entries(A, *range(1, PAGE_ENTRIES + 2)), entry(B, 1, data=bytes(8 << 20))]
        others = [entry(SessionKey(f"session {number:05}", 1), 1) for number in range(PAGE_ENTRIES)]

        assert await journal.append([]) == []
        assert await journal.append(many) == [None] * len(many)
        assert await journal.append(others) == [None] * len(others)
        assert await journal.read(A) == many[:PAGE_ENTRIES]
        assert await journal.read(A, limit=sys.maxsize) == many[:-1]
        assert await journal.read(B) == many[-1:]
        assert len(await journal.sessions()) == PAGE_ENTRIES
        assert len(await journal.sessions(limit=PAGE_ENTRIES + 9)) == PAGE_ENTRIES + 2


async def what_was_stored_is_there_when_it_is_opened_again(open_journal: OpenJournal) -> None:
    """Records, snapshots, rows of the catalog, and who may write."""
    snapshot = StoredSnapshot(A, 2, 20, 1, 7, b"state")
    async with opened(open_journal) as journal:
        await journal.append(entries(A, 1, 2))
        await journal.put_snapshot(snapshot)
        await journal.put_catalog([CatalogChange(row(A, owner="poe"))])
        await journal.take_over(A, 5)

    async with opened(open_journal) as journal:
        assert await journal.read(A) == entries(A, 1, 2)
        assert await journal.snapshot(A) == snapshot
        assert await journal.catalog() == [row(A, owner="poe")]
        assert (await journal.position("a")).incarnation == 5
        [stale] = await journal.append(entries(A, 3))
        assert isinstance(stale, StaleIncarnation)


ALL: tuple[Check, ...] = (
    what_is_appended_is_read_in_order_and_in_pages,
    a_page_of_large_entries_is_short,
    sessions_do_not_mix,
    an_entry_that_is_stored_already_is_a_success,
    a_gap_is_rejected_with_the_number_that_is_expected,
    another_entry_of_a_number_is_rejected,
    an_older_incarnation_is_refused_with_the_current_one,
    an_older_incarnation_does_not_harm_the_current_one,
    a_session_is_taken_over_once_by_the_latest,
    the_position_is_that_of_the_last_epoch,
    sessions_are_listed_in_pages,
    the_last_snapshot_up_to_a_number_is_found,
    a_deleted_session_is_gone_and_its_key_free,
    a_session_is_deleted_only_at_the_position_that_is_expected,
    a_damaged_record_is_named_and_those_before_it_are_readable,
    every_value_that_an_entry_may_have_is_stored,
    a_call_takes_and_returns_many_entries,
    *catalog.ALL,
    *catalog.OF_SEARCHABLE_ONES,
    catalog.words_are_refused_by_a_journal_that_is_not_searchable,
    *overlapping.ALL,
    what_was_stored_is_there_when_it_is_opened_again,
    *overlapping.OF_SHARED_ONES,
)

_OF_DURABLE_ONES = (what_was_stored_is_there_when_it_is_opened_again,)


def applies(check: Check, capabilities: Capabilities) -> bool:
    """True if a journal with *capabilities* must pass *check*."""
    if check in _OF_DURABLE_ONES:
        return capabilities.durable
    if check in catalog.OF_SEARCHABLE_ONES:
        return capabilities.searchable
    if check is catalog.words_are_refused_by_a_journal_that_is_not_searchable:
        return not capabilities.searchable
    return capabilities.shared or check not in overlapping.OF_SHARED_ONES


def _gap(rejection: RecordRejected | None) -> int:
    assert isinstance(rejection, RecordGap)
    return rejection.expected
