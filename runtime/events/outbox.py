"""The outbox: a session's events that its router has not acknowledged yet."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ..api.events import Closed, FromLLM, TextChunk, ThinkingChunk
from .segments import HeldSession, Segment, SessionEnd, encode_events
from .tail import Tail, TailPart, is_durable

_EVENT_BYTES = 100
"""How much an event counts towards the limit, besides its text."""

_NEVER = float("-inf")

_set_field = msgspec.structs.force_setattr


class Incarnation(msgspec.Struct, frozen=True):
    """Which actor of a session this is: the first, or a later one that goes on after number *last_seq*."""

    number: int = 1
    last_seq: int = 0


FIRST = Incarnation()


@dataclass(slots=True)
class _PendingText:
    """Adjacent chunks of one block, which will be published as one event."""

    kind: type[TextChunk] | type[ThinkingChunk]
    turn: int
    block: int
    pieces: list[str]
    at: float
    correlation_id: str

    def event(self) -> FromLLM:
        text = "".join(self.pieces)  # of one, join makes no copy
        return self.kind(turn=self.turn, at=self.at, correlation_id=self.correlation_id, block=self.block, text=text)


class Outbox:
    """Numbers and dates a session's events, and holds them until they are taken and acknowledged; its tail even longer.

    It accepts every event, also beyond its limit: a producer that is as fast as a provider's stream awaits
    ``wait_for_room`` first. *on_pending* is called once when there is something to take, and again if that turns from
    coalescible to urgent before it is taken.
    """

    __slots__ = (  # without them, 10,000 idle sessions take 2 MB more
        "_acknowledged",
        "_acknowledged_seq",
        "_has_durable",
        "_held_after",
        "_incarnation",
        "_last_text",
        "_on_pending",
        "_pending",
        "_pending_bytes",
        "_session_end",
        "_taken",
        "_unacknowledged_bytes",
        "coalescible",
        "correlation_id",
        "epoch",
        "is_fenced",
        "limit_bytes",
        "seq",
        "session_id",
        "tail",
        "taken_at",
    )

    def __init__(
        self,
        session_id: str,
        epoch: int,
        limit_bytes: int,
        on_pending: Callable[["Outbox"], None],
        incarnation: Incarnation = FIRST,
    ) -> None:
        self.seq = incarnation.last_seq
        """The number of the last event that was taken."""
        self.session_id = session_id
        self._incarnation = incarnation
        self._acknowledged_seq = incarnation.last_seq
        self.epoch = epoch
        """The epoch of its session."""
        self.limit_bytes = limit_bytes
        """The bound on what it holds. It may change at any time."""
        self._on_pending = on_pending
        self.coalescible = False
        """True if the pending items only continue a text block that is already published: they may linger."""
        self.correlation_id = ""
        """That of the turn whose text it gets."""

        self._last_text: _PendingText | None = None  # pending or taken; None once any other event follows it
        self._pending: list[FromLLM | _PendingText] = []
        self._pending_bytes = 0
        self._unacknowledged_bytes = 0
        self._has_durable = False  # among what is pending
        self._held_after: int | None = None  # the number of the last event that may be taken
        self._taken: TailPart | None = None  # the durable part of what is unacknowledged
        self.taken_at = _NEVER
        """When its publisher last took something: a time of the event loop."""
        self.tail: Tail | None = None
        """What its router has acknowledged and may lose."""
        self.is_fenced = False
        """True once a later incarnation of the session has taken over: what it holds and gets is dropped."""
        self._session_end = SessionEnd.NONE
        self._acknowledged: asyncio.Event | None = None  # the next acknowledgement; created only when awaited

    @property
    def last_seq(self) -> int:
        """The number of its last event. A text that may still grow does not count."""
        is_growing = bool(self._pending) and self._pending[-1] is self._last_text
        return self.seq + len(self._pending) - is_growing

    def hold(self) -> int:
        """Let none of the events that follow be taken until ``release``. Returns the number of the last one so far."""
        self._last_text = None  # the text that is pending grows no more: its event has its number
        if self._held_after is None:
            self._held_after = self.last_seq
        return self.last_seq

    def release(self, seq: int | None = None) -> None:
        """Let the events up to number *seq* be taken; all of them without one."""
        held_after, self._held_after = self._held_after, seq
        if held_after is not None and self._pending and self.seq + len(self._pending) > held_after:
            self.coalescible = False
            self._on_pending(self)

    @property
    def held(self) -> HeldSession:
        """What its router has acknowledged."""
        return HeldSession(self.session_id, self.epoch, self._incarnation.number, self._acknowledged_seq)

    @property
    def has_ended(self) -> bool:
        """True if its router has acknowledged everything, and nothing can follow."""
        return bool(self._session_end) and not self._pending and self._acknowledged_seq == self.seq

    @property
    def size_bytes(self) -> int:
        """The approximate size of the events that it holds."""
        return self._pending_bytes + self._unacknowledged_bytes

    @property
    def full(self) -> bool:
        """True if it is at its limit."""
        return self._pending_bytes + self._unacknowledged_bytes >= self.limit_bytes

    def put_event(self, event: FromLLM, text_bytes: int = 0, at: float = 0.0) -> None:
        """Append *event*, which is new and has *text_bytes* of text. It gets the time *at*, or that of now.

        Nothing may follow ``Closed``.
        """
        assert not self._session_end
        _set_field(event, "at", at or time.time())
        if isinstance(event, Closed):
            self._session_end = SessionEnd.CLOSED
        self._last_text = None
        if not self._has_durable:
            self._has_durable = is_durable(event)
        self._append(event, text_bytes, coalescible=False)

    def put_text(self, kind: type[TextChunk] | type[ThinkingChunk], turn: int, block: int, text: str) -> None:
        """Append a chunk; joined with the pending one before it if both belong to the same block."""
        if not text:
            return
        last = self._last_text
        if last is not None and not (last.block == block and last.kind is kind and last.turn == turn):
            last = None  # a chunk of another block
        if last is not None and self._pending and self._pending[-1] is last:
            last.pieces.append(text)
            self._pending_bytes += len(text)
            self._flush_if(2 * self._pending_bytes > self.limit_bytes)
        else:
            self._last_text = _PendingText(kind, turn, block, [text], time.time(), self.correlation_id)
            self._append(self._last_text, len(text), coalescible=last is not None)

    def take_segment(self) -> Segment | None:
        """All pending events, numbered, as one segment. It counts towards the limit until ``acknowledge``."""
        count = len(self._pending) if self._held_after is None else self._held_after - self.seq
        if not count:
            return None
        taken, rest = self._pending[:count], self._pending[count:]
        events = [item.event() if isinstance(item, _PendingText) else item for item in taken]
        data = encode_events(events)
        end = SessionEnd.NONE if rest else self._session_end
        incarnation = self._incarnation.number
        segment = Segment(self.session_id, self.epoch, self.seq + 1, count, data, end, incarnation)
        if self._has_durable:
            self._taken = TailPart.of(segment, events)
            self._has_durable = bool(rest)
        self.seq += count
        taken_bytes = self._pending_bytes * count // len(self._pending)
        self._unacknowledged_bytes += taken_bytes
        self._pending, self._pending_bytes = rest, self._pending_bytes - taken_bytes
        return segment

    def acknowledge(self) -> bool:
        """Record that the router has everything that was taken. Returns false if only chunks are new to it."""
        self._unacknowledged_bytes = 0
        self._acknowledged_seq = self.seq
        taken, self._taken = self._taken, None
        if taken is not None:
            self.tail = self.tail or Tail()
            self.tail.append(taken)
        if self._acknowledged is not None:
            self._acknowledged.set()
            self._acknowledged = None
        return taken is not None or self.tail is None

    def fence(self) -> None:
        """Record that a later incarnation of the session has taken over: drop everything, now and later."""
        self.is_fenced = True
        self._pending, self._pending_bytes, self._taken, self.tail = [], 0, None, None
        self._held_after = None
        self.acknowledge()

    async def wait_for_room(self) -> None:
        """Wait until it is below its limit."""
        while self.full:
            await self._wait_acknowledged()

    async def wait_drained(self) -> None:
        """Wait until it is empty: everything is acknowledged."""
        while self.size_bytes:
            await self._wait_acknowledged()

    async def _wait_acknowledged(self) -> None:
        if self._acknowledged is None:
            self._acknowledged = asyncio.Event()
        await self._acknowledged.wait()

    def _append(self, item: FromLLM | _PendingText, text_bytes: int, coalescible: bool) -> None:
        if self.is_fenced:
            return
        self._pending.append(item)
        self._pending_bytes += _EVENT_BYTES + text_bytes
        if self._held_after is not None:
            return  # ``release`` asks for it to be taken
        is_urgent = not coalescible or 2 * self._pending_bytes > self.limit_bytes
        if len(self._pending) == 1:
            self.coalescible = not is_urgent
            self._on_pending(self)
        else:
            self._flush_if(is_urgent)

    def _flush_if(self, is_urgent: bool) -> None:
        """Request publication without lingering if *is_urgent*."""
        if is_urgent and self.coalescible:
            self.coalescible = False
            self._on_pending(self)
