"""The records of one session, and what waits until they are stored."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...api.errors import UnknownSession
from ...api.events import FromLLM
from ...core import events as ev
from ...core.conversation import Conversation
from ...events.outbox import Outbox
from ...events.segments import encode_events
from ...journal.codec import encoded_record, encoded_snapshot
from ...journal.entry import SessionKey, StoredSnapshot
from ...journal.errors import RecordRejected, StaleIncarnation
from ...logs.ids import ids
from .catalog_writer import CatalogWriter
from .cataloged_session import CatalogedSession
from .recorder import Recorder

log = logging.getLogger(__name__)

_SNAPSHOT_BYTES = 256 << 10
"""The least size of records after which a snapshot is stored."""

_PASSIVE_BYTES = 16 << 10
"""The same, and as a share of the last snapshot, before a session leaves memory: replaying them takes 1 ms."""

_PASSIVE_SHARE = 0.25


class Replayed(NamedTuple):
    """What the next rebuild would replay: records of *bytes*, after a snapshot of *snapshot_bytes*.

    *number* is that of the last record, and *at* its time in Unix seconds.
    """

    bytes: int = 0
    snapshot_bytes: int = 0
    number: int = 0
    at: float = 0.0


OnLost = Callable[[Outbox], None]
"""Called when another process has taken over the session of an outbox."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A record that is not stored yet: events after number *seq* are held for it, and it is what *actions* wait for."""

    seq: int
    actions: Sequence[Callable[[], None]]
    stored: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])


class SessionRecords:
    """Has the records of a session stored, and holds up what must not happen before.

    That is: events leave, requests are sent, receipts are given. If a record is rejected, another process has the
    session, and *on_lost* is called: nothing more is stored. What is stored gets into the *catalog* later.
    """

    def __init__(
        self, outbox: Outbox, recorder: Recorder, catalog: CatalogWriter, on_lost: OnLost, replayed: Replayed
    ) -> None:
        self._session = SessionKey(outbox.session_id, outbox.epoch)
        self._incarnation = outbox.held.incarnation
        self._recorder = recorder
        self._outbox = outbox
        self._on_lost = on_lost
        self._waiting: deque[_Waiting] = deque()
        self._is_lost = False
        self._conversation: Conversation | None = None
        self._catalog = catalog
        self._cataloged: CatalogedSession | None = None
        self._replayed = replayed
        self._bytes_since_snapshot, self._snapshot_bytes = replayed.bytes, replayed.snapshot_bytes
        self.active_at = asyncio.get_running_loop().time()
        """When something last happened to the session, in the time of the event loop."""
        self.due_at = 0.0
        """When it may have been idle for long enough to leave memory."""

    def touch(self) -> None:
        """Somebody uses the session."""
        self.active_at = asyncio.get_running_loop().time()

    def follow(self, conversation: Conversation) -> None:
        """The records are those of *conversation*."""
        self._conversation = conversation
        last = self._replayed.number
        self._cataloged = CatalogedSession(self._session, conversation, self._catalog.is_searchable, last > 0)
        if last:
            self._cataloged.note(last, self._replayed.at, ())
            self._cataloged.on_stored()
            self._catalog.add(self._cataloged)

    def add(
        self, record: ev.Record, seq: int, at: float, events: Sequence[FromLLM], actions: Sequence[Callable[[], None]]
    ) -> None:
        """Store *record*, which event *seq* came before, with the *events* that it emitted; then do *actions*."""
        if self._is_lost:
            return
        self.touch()
        encoded = encode_events(events) if events else b""
        entry = encoded_record(record, self._session, self._incarnation, seq, at, encoded)
        self._bytes_since_snapshot += entry.size_bytes
        self._waiting.append(_Waiting(seq, actions))
        if self._cataloged:
            self._cataloged.note(record.number, at, events)
        self._recorder.add(entry, self._on_stored)

    @property
    def is_stored(self) -> bool:
        """True if all records so far are stored."""
        return not self._waiting and not self._is_lost

    def drop_actions(self) -> None:
        """Do nothing of what waits for records any more, but have them stored."""
        for waiting in self._waiting:
            waiting.actions = ()

    async def store_snapshot_to_leave(self) -> None:
        """Store a snapshot if there is much to replay without one. All records are stored.

        Raises:
            JournalError: it was not stored.
        """
        before = self._bytes_since_snapshot, self._snapshot_bytes
        if before[0] <= max(_PASSIVE_BYTES, _PASSIVE_SHARE * before[1]):
            return
        try:
            await self._recorder.put_snapshot(self._taken_snapshot())
        except BaseException:
            self._bytes_since_snapshot, self._snapshot_bytes = self._bytes_since_snapshot + before[0], before[1]
            raise

    def stored(self) -> "asyncio.Future[None] | None":
        """Done when all records so far are stored; ``None`` if they are.

        It fails with ``UnknownSession`` if another process has taken over the session.
        """
        if self._is_lost:
            raise _taken_over(self._session)
        if not self._waiting:
            return None
        stored = asyncio.get_running_loop().create_future()
        self._waiting[-1].stored.append(stored)
        return stored

    async def finish(self) -> None:
        """After the end of the session: wait until the catalog says so, but not for long."""
        if self._cataloged and not self._is_lost:
            await self._catalog.flush(self._cataloged)

    def _on_stored(self, problem: RecordRejected | None) -> None:
        if self._is_lost:
            return
        if problem is not None:
            self._lose(problem)
            return
        stored = self._waiting.popleft()
        self._outbox.release(self._waiting[0].seq if self._waiting else None)
        for action in stored.actions:
            action()
        for future in stored.stored:
            if not future.done():
                future.set_result(None)
        if self._waiting or not (self._conversation and self._cataloged):
            return
        self._cataloged.on_stored()
        if self._cataloged.is_ready:
            self._catalog.add(self._cataloged)
        # A snapshot is due if what would have to be replayed without it is larger.
        if self._bytes_since_snapshot > max(_SNAPSHOT_BYTES, self._snapshot_bytes):
            self._recorder.put_snapshot(self._taken_snapshot())

    def _taken_snapshot(self) -> StoredSnapshot:
        assert self._conversation
        snapshot = encoded_snapshot(self._conversation.snapshot(), self._session, self._outbox.last_seq)
        self._bytes_since_snapshot, self._snapshot_bytes = 0, len(snapshot.data)
        return snapshot

    def _lose(self, problem: RecordRejected) -> None:
        level = logging.WARNING if isinstance(problem, StaleIncarnation) else logging.CRITICAL
        log.log(level, "session %s ends in this process: %s", self._session, problem, extra=ids(self._session.id))
        self._is_lost = True
        waiting, self._waiting = self._waiting, deque()
        self._outbox.fence()
        self._on_lost(self._outbox)
        for each in waiting:
            for future in each.stored:
                if not future.done():
                    future.set_exception(_taken_over(self._session))


def _taken_over(session: SessionKey) -> UnknownSession:
    return UnknownSession(f"session {session} was taken over by another process")
