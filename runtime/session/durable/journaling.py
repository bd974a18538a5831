"""What a host does with a journal: it records its sessions there, and goes on with those of hosts that are lost."""

import asyncio
from collections.abc import Sequence

from ...api.messages import AddMessages, ToLLM, UserMessage
from ...events.outbox import Outbox
from ...events.segments import HeldSession, Segment
from ...journal.entry import Position, SessionKey
from ...journal.errors import JournalUnavailable, UnknownJournalSession
from ...journal.journal import Journal
from .catalog_writer import CatalogWriter
from .rebuilding import Rebuilt, rebuilt_session, segments_after
from .recorder import Recorder
from .session_records import OnLost, Replayed, SessionRecords

WAIT_S = 7.5


class Journaling:
    """Records sessions in *journal*, and rebuilds them. A sender waits for the journal for *wait_s*."""

    def __init__(self, journal: Journal, wait_s: float = WAIT_S) -> None:
        self._journal = journal
        self._wait_s = wait_s
        self._recorder = Recorder(journal)
        self._catalog = CatalogWriter(journal)

    def records(self, outbox: Outbox, on_lost: OnLost, rebuilt: Rebuilt | None) -> SessionRecords:
        """Where the session of *outbox* is recorded, which was *rebuilt* or is new.

        *on_lost* is called when another process has taken it over.
        """
        return SessionRecords(
            outbox, self._recorder, self._catalog, on_lost, rebuilt.replayed if rebuilt else Replayed()
        )

    @property
    def unstored(self) -> int:
        """How many records are not stored yet."""
        return len(self._recorder)

    def require_available(self, message: ToLLM) -> None:
        """Raises:
        JournalUnavailable: *message* starts something, and the journal takes no records.
        """
        if self._recorder.problem and isinstance(message, UserMessage | AddMessages):
            raise JournalUnavailable(f"nothing can be recorded at the moment: {self._recorder.problem}")

    async def wait(self, stored: "asyncio.Future[None]") -> None:
        """Wait for *stored* of ``SessionRecords``.

        Raises:
            JournalUnavailable: it takes too long. What is to be stored may be stored later.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await asyncio.shield(stored)
        except TimeoutError:
            problem = self._recorder.problem or f"it has not answered for {self._wait_s:g} s"
            raise JournalUnavailable(f"the journal does not store what was sent, but may yet: {problem}") from None

    async def rebuilt(self, session: SessionKey, position: Position | None) -> Rebuilt:
        """As ``rebuilt_session``."""
        return await rebuilt_session(self._journal, session, position)

    async def take_over(self, rebuilt: Rebuilt) -> None:
        """As ``Rebuilt.take_over``: from the process that has it."""
        await rebuilt.take_over(self._journal)

    async def taken_over(self, outboxes: Sequence[Outbox]) -> list[Outbox]:
        """Those of *outboxes* whose sessions another process has taken over.

        Raises:
            JournalUnavailable: it does not answer in time.
        """
        found = await asyncio.gather(*(self._is_taken_over(outbox.held) for outbox in outboxes))
        return [outbox for outbox, is_taken_over in zip(outboxes, found, strict=True) if is_taken_over]

    async def _is_taken_over(self, held: HeldSession) -> bool:
        try:
            position = await self._journal.position(held.session_id, held.epoch)
        except UnknownJournalSession:
            return False  # its first record is about to be stored
        return position.incarnation > held.incarnation

    async def segments_after(self, rebuilt: Rebuilt, seq: int) -> list[Segment]:
        """The events of *rebuilt* after number *seq*, for a router that lacks them."""
        if seq >= rebuilt.last_seq:
            return []
        return await segments_after(self._journal, rebuilt.session, seq, rebuilt.incarnation)
