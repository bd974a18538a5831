"""Reading the events of a session from its journal: all but those that only a request's stream had."""

import time
from collections.abc import AsyncGenerator

from ...api.events import FromLLM, Missed
from ...events.segments import Segment, SessionEnd, decode_events
from ...journal.entry import Entry, SessionKey
from ...journal.errors import CorruptRecord, UnknownJournalSession
from ...journal.journal import Journal
from .rebuilding import count_events, is_last, read_page, read_range, segment_of


async def recorded_events(journal: Journal, missed: Missed, epoch: int) -> AsyncGenerator[list[FromLLM]]:
    """The events that *missed* stands for, in a session of *epoch*, page by page; ``Missed`` for those not recorded.

    Raises:
        CorruptRecord: a record is damaged. The events before it have come.
        JournalUnavailable: the journal does not answer.
    """
    session, next_seq, last = SessionKey(missed.session_id, epoch), missed.first, missed.last
    try:
        count = (await journal.position(*session)).number
    except UnknownJournalSession:
        count = 0
    after = await _last_before(journal, session, count, next_seq)
    while after < count and next_seq <= last:
        page: list[FromLLM] = []
        for entry in await read_page(journal, session, after):
            after = entry.number
            for event in _events_of(entry):
                if next_seq <= event.seq <= last:
                    if event.seq > next_seq:
                        page.append(_missed(session.id, next_seq, event.seq - 1))
                    page.append(event)
                    next_seq = event.seq + 1
        if page:
            yield page
    if next_seq <= last:
        yield [_missed(session.id, next_seq, last)]


async def last_recorded(journal: Journal, session_id: str, epoch: int) -> Segment | None:
    """How far a session is recorded: a segment without events, after the last one.

    ``None`` if the journal has none, or its last record is damaged: who has the session go on is told.
    """
    try:
        position = await journal.position(session_id, epoch)
        session, number = position.session, position.number
        (entry,) = await read_range(journal, session, number - 1, number)
    except (UnknownJournalSession, CorruptRecord):
        return None
    end = SessionEnd.CLOSED if is_last(entry) else SessionEnd.NONE
    return Segment(*session, entry.seq + count_events(entry) + 1, 0, b"", end, entry.incarnation)


async def last_seq(journal: Journal, session: SessionKey) -> int:
    """The number of the last event of *session* that is recorded.

    Raises:
        UnknownJournalSession: the journal does not have the session.
        CorruptRecord: its last record is damaged.
    """
    number = (await journal.position(*session)).number
    (entry,) = await read_range(journal, session, number - 1, number)
    return entry.seq + count_events(entry)


def _events_of(entry: Entry) -> list[FromLLM]:
    segment = segment_of(entry, entry.incarnation)
    return decode_events(segment) if segment else []


async def _last_before(journal: Journal, session: SessionKey, count: int, seq: int) -> int:
    """The number of a record, of *count*, before which all events come before number *seq*: 0 for none."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        try:
            (entry,) = await read_range(journal, session, middle - 1, middle)
            is_before = entry.seq + count_events(entry) < seq
        except CorruptRecord:  # who reads up to it is told
            is_before = False
        low, high = (middle, high) if is_before else (low, middle)
    return low


def _missed(session_id: str, first: int, last: int) -> Missed:
    return Missed(session_id=session_id, seq=last, at=time.time(), first=first, last=last)
