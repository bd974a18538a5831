"""The events of a session as the journal has them, from any number on."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from fixtures.killable_host import KEY
from hypothesis import given
from hypothesis import strategies as st

import rayconteur as rc
from rayconteur.errors import CorruptRecord
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.events.segments import encode_events
from rayconteur.runtime.journal.codec import encoded_record
from rayconteur.runtime.journal.entry import Entry, SessionKey
from rayconteur.runtime.journal.journal import PAGE_ENTRIES
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.session.durable.reading import recorded_events

SESSION = SessionKey(*KEY)


async def read_all(journal: MemoryJournal, after: int, last: int) -> list[rc.FromLLM]:
    missed = rc.Missed(session_id=SESSION.id, first=after + 1, last=last)
    return [event async for page in recorded_events(journal, missed, SESSION.epoch) for event in page]


async def record(journal: MemoryJournal, records: Sequence[tuple[int, int]], damaged: int = 0) -> None:
    """Store records, each of which follows so many chunks, and has so many events."""
    seq = 0
    for number, (chunks, events) in enumerate(records, start=1):
        seq += chunks
        emitted = [rc.Configured(fields=(str(seq + place),), model="m") for place in range(1, events + 1)]
        received = ev.Record(number, ev.Received(message=rc.Retry()))
        entry = encoded_record(received, SESSION, 1, seq, 1.5, encode_events(emitted) if emitted else b"")
        await journal.append([msgspec.structs.replace(entry, checksum=1) if number == damaged else entry])
        seq += events


class CountingJournal(MemoryJournal):
    """Counts the entries that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.entries_read = 0

    async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        page = await super().read(session, after, limit)
        self.entries_read += len(page)
        return page


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=12))
def test_from_any_number_on_all_that_is_recorded_comes_once(records: list[tuple[int, int]]) -> None:
    last = sum(chunks + events for chunks, events in records)

    async def main() -> None:
        await record(journal := MemoryJournal(), records)
        recorded = {event.seq for event in await read_all(journal, 0, last) if isinstance(event, rc.Configured)}
        assert len(recorded) == sum(events for _, events in records)

        for after in range(last):
            covered: list[int] = []
            for event in await read_all(journal, after, last):
                if isinstance(event, rc.Missed):
                    covered += range(event.first, event.last + 1)
                    assert recorded.isdisjoint(range(event.first, event.last + 1))
                else:
                    assert isinstance(event, rc.Configured)
                    assert event.fields == (str(event.seq),)
                    covered.append(event.seq)
            assert covered == list(range(after + 1, last + 1))

    asyncio.run(main())


def test_the_last_events_of_a_long_session_are_found_without_reading_it() -> None:
    async def main() -> None:
        await record(journal := CountingJournal(), [(1, 1)] * 5_000)

        events = await read_all(journal, 9_996, 10_000)

        assert [event.seq for event in events] == [9_997, 9_998, 9_999, 10_000]
        assert journal.entries_read < 20

    asyncio.run(main())


def test_a_damaged_record_is_reported_after_the_events_before_it() -> None:
    async def main() -> None:
        await record(journal := MemoryJournal(), [(0, 1)] * 8, damaged=6)
        for after in range(5):
            pages = recorded_events(journal, rc.Missed(session_id=SESSION.id, first=after + 1, last=8), SESSION.epoch)

            assert [event.seq for event in await anext(pages)] == list(range(after + 1, 6))
            with pytest.raises(CorruptRecord, match="record 6"):
                await anext(pages)

    asyncio.run(main())
