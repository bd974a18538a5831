"""Rebuilding a session from its records."""

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
from ...journal.entry import Entry, Position, SessionKey, StoredSnapshot
from ...journal.errors import CorruptRecord, InvalidJournal
from ...journal.journal import PAGE_ENTRIES, Journal
from .session_records import Replayed

_LAST_ENTRIES = 100
_APPLIED_ENTRIES = 200
"""So many records are applied before the event loop serves others: that takes some milliseconds."""

_events = msgspec.msgpack.Decoder(list[FromLLM])
_raw_events = msgspec.msgpack.Decoder(list[msgspec.Raw])


@dataclass(slots=True)
class Rebuilt:
    """A session to be taken over as *incarnation*: its *conversation*, and the number of its last event so far.

    *replayed* is what was read of its records.
    """

    session: SessionKey
    incarnation: int
    conversation: Conversation
    last_seq: int
    replayed: Replayed

    async def replay(self, journal: Journal, last: int) -> None:
        """Apply the records that follow, up to number *last*."""
        while self.replayed.number < last:
            limit = min(last - self.replayed.number, _APPLIED_ENTRIES)
            for entry in await read_page(journal, self.session, self.replayed.number, limit):
                self.conversation.apply(decoded_record(entry))
                self.last_seq = entry.seq + count_events(entry)
                read_bytes = self.replayed.bytes + entry.size_bytes
                self.replayed = Replayed(read_bytes, self.replayed.snapshot_bytes, entry.number, entry.at)

    async def take_over(self, journal: Journal) -> None:
        """Have *incarnation* write the session from now on, and apply what was recorded meanwhile.

        Raises:
            StaleIncarnation: another process was faster.
            UnknownJournalSession: it was deleted.
            CorruptRecord, UnknownRecord, InvalidRecord, JournalUnavailable: as ``rebuilt_session``.
        """
        position = await journal.take_over(self.session, self.incarnation)
        await self.replay(journal, position.number)
        self.replayed = self.replayed._replace(at=position.at)

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


async def rebuilt_session(journal: Journal, session: SessionKey, position: Position | None = None) -> Rebuilt:
    """*session* from its last snapshot and the records after that, up to its *position* if the caller knows that.

    Nothing is written: whatever can prevent the session from going on is found out before it is taken over.

    Raises:
        UnknownJournalSession: the journal does not have it.
        CorruptRecord, UnknownRecord: one of its records can't be read.
        InvalidRecord: one does not apply.
        JournalUnavailable: the journal does not answer.
    """
    position = position or await journal.position(*session)
    rebuilt = _restored(session, position.incarnation + 1, await journal.snapshot(session))
    await rebuilt.replay(journal, position.number)
    return rebuilt


async def conversation_at(journal: Journal, session: SessionKey, last: int) -> tuple[Conversation, int]:
    """*session* as it was after its record *last*, and the number of its last event then: nothing is written.

    Raises what ``rebuilt_session`` does.
    """
    rebuilt = _restored(session, 0, await journal.snapshot(session, last))
    await rebuilt.replay(journal, last)
    return rebuilt.conversation, rebuilt.last_seq


def _restored(session: SessionKey, incarnation: int, stored: StoredSnapshot | None) -> Rebuilt:
    """*session* as it is *stored*."""
    snapshot = None
    if stored:
        try:
            snapshot = decoded_snapshot(stored)
        except InvalidJournal:  # the records are there without it
            stored = None
    number, last_seq, size_bytes = (stored.number, stored.seq, len(stored.data)) if stored else (0, 0, 0)
    replayed = Replayed(0, size_bytes, number)
    return Rebuilt(session, incarnation, Conversation.replay((), snapshot), last_seq, replayed)


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
