"""The outbox: a session's events until the router has them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..api.messages import Closed, FromLLM, TextChunk, ThinkingChunk
from .segments import Over, Segment, encode_events

_EVENT_BYTES = 100
"""What an event counts besides its text, towards the limit."""


@dataclass(slots=True)
class _Chunk:
    """Text of one block that waits together, and will leave as one event."""

    kind: type[TextChunk] | type[ThinkingChunk]
    turn: int
    block: int
    pieces: list[str]

    def event(self) -> FromLLM:
        return self.kind(turn=self.turn, block=self.block, text="".join(self.pieces))


class Outbox:
    """Numbers one session's events and holds them until they are taken and acknowledged.

    Whatever is put in is kept, also beyond the limit: who makes events as fast as a provider sends them asks ``room``
    first. *wake* is called when there is something to take, once until it is taken, and again when that can no longer
    wait.
    """

    def __init__(self, session_id: str, epoch: int, limit_bytes: int, wake: Callable[["Outbox"], None]) -> None:
        self.seq = 0
        self._session_id = session_id
        self._epoch = epoch
        self._limit_bytes = limit_bytes
        self._wake = wake
        self.patient = False
        """Whether all that waits is more of a text whose beginning is on its way: nobody misses that for a moment."""

        self._last_chunk: _Chunk | None = None  # waiting or gone; nothing else came after it
        self._pending: list[FromLLM | _Chunk] = []
        self._pending_bytes = 0
        self._unacknowledged_bytes = 0
        self._over = Over.NO
        self._acknowledged: asyncio.Event | None = None  # the next time; there is one only while somebody waits

    @property
    def size_bytes(self) -> int:
        """About what it holds."""
        return self._pending_bytes + self._unacknowledged_bytes

    @property
    def full(self) -> bool:
        """Whether it is at its limit."""
        return self.size_bytes >= self._limit_bytes

    def put(self, event: FromLLM, text_bytes: int = 0) -> None:
        """Put *event*, which has so much text, behind the others. Nothing may follow ``Closed``."""
        assert not self._over
        if isinstance(event, Closed):
            self._over = Over.CLOSED
        self._last_chunk = None
        self._append(event, text_bytes, patient=False)

    def put_text(self, kind: type[TextChunk] | type[ThinkingChunk], turn: int, block: int, text: str) -> None:
        """Put a chunk behind the others, joined with the one before if that is more of the same block."""
        if not text:
            return
        last = self._last_chunk
        if last is not None and not (last.block == block and last.kind is kind and last.turn == turn):
            last = None  # another text
        if last is not None and self._pending and self._pending[-1] is last:
            last.pieces.append(text)
            self._pending_bytes += len(text)
            self._hurry_if(2 * self._pending_bytes > self._limit_bytes)
        else:
            self._last_chunk = _Chunk(kind, turn, block, [text])
            self._append(self._last_chunk, len(text), patient=last is not None)

    def take(self) -> Segment | None:
        """Everything that waits, numbered, as one segment. It is held until ``acknowledge``."""
        if not self._pending:
            return None
        events = [item.event() if isinstance(item, _Chunk) else item for item in self._pending]
        segment = Segment(self._session_id, self._epoch, self.seq + 1, len(events), encode_events(events), self._over)
        self.seq = segment.last
        self._unacknowledged_bytes += self._pending_bytes
        self._pending, self._pending_bytes = [], 0
        return segment

    def acknowledge(self) -> None:
        """The router has what was taken."""
        self._unacknowledged_bytes = 0
        if self._acknowledged is not None:
            self._acknowledged.set()
            self._acknowledged = None

    async def room(self) -> None:
        """Wait until it is below its limit."""
        while self.full:
            await self._next_acknowledgement()

    async def drained(self) -> None:
        """Wait until it holds nothing."""
        while self.size_bytes:
            await self._next_acknowledgement()

    async def _next_acknowledgement(self) -> None:
        if self._acknowledged is None:
            self._acknowledged = asyncio.Event()
        await self._acknowledged.wait()

    def _append(self, item: FromLLM | _Chunk, text_bytes: int, patient: bool) -> None:
        self._pending.append(item)
        self._pending_bytes += _EVENT_BYTES + text_bytes
        hurries = not patient or 2 * self._pending_bytes > self._limit_bytes
        if len(self._pending) == 1:
            self.patient = not hurries
            self._wake(self)
        else:
            self._hurry_if(hurries)

    def _hurry_if(self, hurries: bool) -> None:
        if hurries and self.patient:
            self.patient = False
            self._wake(self)
