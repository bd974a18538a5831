"""Rebuilding a session from its records."""

import asyncio
from dataclasses import dataclass

import msgspec

from ....providers.registry import ProviderConfig
from ...api.events import Closed, FromLLM
from ...api.messages import Configure, UserMessage
from ...api.request_forms import providers_of
from ...api.settings.changes import TurnSettings
from ...core.conversation import Conversation
from ...core.phases import Idle, Requesting
from ...core.settings import changed_config
from ...events.segments import RESERVED_SEQS, Segment, SessionEnd
from ...journal.codec import decoded_record, decoded_snapshot
from ...journal.entry import Entry, SessionKey, StoredSnapshot
from ...journal.errors import CorruptRecord, InvalidJournal
from ...journal.journal import PAGE_ENTRIES, Journal
from .session_records import Replayed

_LAST_ENTRIES = 100
_APPLIED_ENTRIES = 200
"""So many records are applied before the event loop serves others: that takes some milliseconds."""

_events = msgspec.msgpack.Decoder(list[FromLLM])
_raw_events = msgspec.msgpack.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A session that was taken over, as *incarnation*: its *conversation*, and the number of its last event so far.

    *replayed* is what was read of its records.
    """

    session: SessionKey
    incarnation: int
    conversation: Conversation
    last_seq: int
    replayed: Replayed

    @property
    def is_idle(self) -> bool:
        """True if nothing is to be done in it now."""
        return isinstance(self.conversation.phase, Idle) and not self.conversation.queue

    @property
    def used_seq(self) -> int:
        """A number that no event of it exceeds, even if nobody knows which chunks it has emitted since *last_seq*."""
        is_streaming = isinstance(self.conversation.phase, Requesting)
        return max(self.last_seq, (self.incarnation - 1) * RESERVED_SEQS) if is_streaming else self.last_seq

    def providers(self) -> list[ProviderConfig]:
        """The providers, without secrets, that it needs to go on: of its settings, its turn, and what is queued."""
        conversation = self.conversation
        configs = [conversation.config, conversation.request_config]
        if last := conversation.last_settings:
            configs.append(changed_config(conversation.config, last))
        providers = [provider for config in configs for provider in config.providers()]
        for queued in conversation.queue:
            match queued.message:
                case Configure() | UserMessage(turn_settings=TurnSettings()) as message:
                    change = message if isinstance(message, Configure) else message.turn_settings
                    providers += providers_of(change) if change else ()
                case _:
                    pass
        return [provider for number, provider in enumerate(providers) if provider not in providers[:number]]


async def rebuilt_session(journal: Journal, session: SessionKey, incarnation: int | None = None) -> Rebuilt:
    """Take over *session*, and rebuild it from its last snapshot and the records after that.

    It is the *incarnation* that follows the last one, if the caller knows that.

    Raises:
        UnknownJournalSession: the journal does not have it.
        StaleIncarnation: another process takes it over at the same time.
        CorruptRecord, UnknownRecord: one of its records can't be read.
        InvalidRecord: one does not apply.
        JournalUnavailable: the journal does not answer.
    """
    incarnation = incarnation or (await journal.position(*session)).incarnation + 1
    position, stored = await asyncio.gather(journal.take_over(session, incarnation), journal.snapshot(session))
    conversation, last_seq, replayed = await _replayed(journal, session, stored, position.number)
    replayed = replayed._replace(number=position.number, at=position.at)
    return Rebuilt(session, position.incarnation, conversation, last_seq, replayed)


async def conversation_at(journal: Journal, session: SessionKey, last: int) -> tuple[Conversation, int]:
    """*session* as it was after its record *last*, and the number of its last event then: nothing is written.

    Raises what ``rebuilt_session`` does, but for ``StaleIncarnation``.
    """
    stored = await journal.snapshot(session, last)
    conversation, last_seq, _ = await _replayed(journal, session, stored, last)
    return conversation, last_seq


async def _replayed(
    journal: Journal, session: SessionKey, stored: StoredSnapshot | None, last: int
) -> tuple[Conversation, int, Replayed]:
    """*session* after its record *last*, the number of its last event then, and what was read after *stored*."""
    snapshot = None
    if stored:
        try:
            snapshot = decoded_snapshot(stored)
        except InvalidJournal:  # the records are there without it
            stored = None
    conversation = Conversation.replay((), snapshot)
    number, last_seq = (stored.number, stored.seq) if stored else (0, 0)
    read_bytes = 0
    while number < last:
        for entry in await read_page(journal, session, number, min(last - number, _APPLIED_ENTRIES)):
            conversation.apply(decoded_record(entry))
            number, last_seq = entry.number, entry.seq + count_events(entry)
            read_bytes += entry.size_bytes
    return conversation, last_seq, Replayed(read_bytes, len(stored.data) if stored else 0)


async def segments_after(journal: Journal, session: SessionKey, seq: int, incarnation: int) -> list[Segment]:
    """The events of *session* after number *seq* that the journal has, for a router, as of *incarnation*."""
    position = await journal.position(*session)
    entries: list[Entry] = []
    start = position.number
    while start > 0 and (not entries or entries[0].seq >= seq):  # from the end: mostly, only the last ones are lacking
        end, start = start, max(0, start - _LAST_ENTRIES)
        entries = [*await read_range(journal, session, start, end), *entries]
    return [segment for entry in entries if (segment := segment_of(entry, incarnation)) and segment.last > seq]


async def read_range(journal: Journal, session: SessionKey, after: int, last: int) -> list[Entry]:
    """The entries of *session* after number *after*, up to number *last*."""
    entries: list[Entry] = []
    while after < last:
        entries += await read_page(journal, session, after, last - after)
        after = entries[-1].number
    return entries


async def read_page(journal: Journal, session: SessionKey, after: int, limit: int = PAGE_ENTRIES) -> list[Entry]:
    """A page of the entries of *session*, which has some after number *after*."""
    page = await journal.read(session, after, limit)
    if not page:
        raise CorruptRecord(f"record {after + 1} of session {session} is missing", session.id, after + 1)
    return page


def segment_of(entry: Entry, incarnation: int) -> Segment | None:
    """The events of *entry*, if it has any."""
    count = count_events(entry)
    if not count:
        return None
    end = SessionEnd.CLOSED if is_last(entry) else SessionEnd.NONE
    return Segment(*entry.session, entry.seq + 1, count, entry.events, end, incarnation)


def is_last(entry: Entry) -> bool:
    """True if the session has ended with *entry*."""
    return bool(entry.events) and isinstance(_events.decode(entry.events)[-1], Closed)


def count_events(entry: Entry) -> int:
    """How many events *entry* has."""
    return len(_raw_events.decode(entry.events)) if entry.events else 0
