"""The tail of a session: its latest events, except chunks, for a router that has lost them."""

from collections.abc import Sequence
from itertools import groupby

import msgspec

from ..api.events import (
    Closed,
    Completed,
    Failed,
    FromLLM,
    Interrupted,
    TextChunk,
    ThinkingChunk,
    ToolBatch,
    ToolInputChunk,
)
from .segments import HeldSession, Segment, SessionEnd, encode_events

TAIL_BYTES = 16 << 10
"""The bound on one session's tail, besides what always stays. A turn without tools takes about 1 KiB of it.

When it is reached, the older half is dropped.
"""

_CHUNKS = frozenset[type[FromLLM]]((TextChunk, ThinkingChunk, ToolInputChunk))
"""The events that nothing keeps but a router: lost with it, they are missed. All others are durable."""

_AWAITED = frozenset[type[FromLLM]]((Completed, Failed, Interrupted, ToolBatch, Closed))
"""The events that somebody may wait for who does nothing else until they arrive."""


def is_durable(event: FromLLM) -> bool:
    """True if *event* is more than a chunk of an answer."""
    return type(event) not in _CHUNKS


class TailPart(msgspec.Struct, frozen=True, gc=False):
    """The durable *events* of a segment, from number *first* on; ``None`` is in the place of a chunk.

    They are not encoded before a router lacks them. *size_bytes* is what they would take then, *is_awaited*: somebody
    may wait for one of them.
    """

    first: int
    events: tuple[FromLLM | None, ...]
    size_bytes: int
    is_awaited: bool
    session_end: SessionEnd

    @classmethod
    def of(cls, segment: Segment, events: Sequence[FromLLM]) -> "TailPart":
        """The part of the *events* of *segment*."""
        kinds, size_bytes = set(map(type, events)), segment.size_bytes
        kept: tuple[FromLLM | None, ...] = tuple(events)
        if not kinds.isdisjoint(_CHUNKS):
            kept = tuple([event if is_durable(event) else None for event in events])
            size_bytes -= sum(map(_text_length, events))
        return cls(segment.first, kept, size_bytes, not kinds.isdisjoint(_AWAITED), segment.session_end)

    def segments(self, session: HeldSession) -> list[Segment]:
        """The segments of its events, which are those of *session*."""
        last = self.first + len(self.events) - 1
        runs = groupby(enumerate(self.events, self.first), key=lambda each: each[1] is None)
        return [self._segment(session, list(run), last) for is_gap, run in runs if not is_gap]

    def _segment(self, session: HeldSession, run: Sequence[tuple[int, FromLLM | None]], last: int) -> Segment:
        events = [event for _, event in run if event]
        end = self.session_end if run[-1][0] == last else SessionEnd.NONE
        session_id, epoch, incarnation = session.session_id, session.epoch, session.incarnation
        return Segment(session_id, epoch, run[0][0], len(events), encode_events(events), end, incarnation)


class Tail(msgspec.Struct, gc=False):
    """The durable events of a session that its router has acknowledged: the latest, of about *limit_bytes* together.

    The last one that somebody may wait for, the end of a turn or a tool batch, always stays, even when events after it
    are dropped: *awaited* is its part. Neither it nor the *parts* are anything for the garbage collector.
    """

    limit_bytes: int = TAIL_BYTES
    size_bytes: int = 0
    parts: tuple[TailPart, ...] = ()
    awaited: TailPart | None = None

    def append(self, part: TailPart) -> None:
        """Add the next *part*, and drop the oldest beyond the limit."""
        if part.is_awaited:
            self.awaited = part
        self.size_bytes += part.size_bytes
        self.parts = (*self.parts, part)
        if self._droppable_bytes > self.limit_bytes:
            self._drop_oldest()

    def segments(self, session: HeldSession) -> list[Segment]:
        """The segments of its events, which are those of *session*."""
        return [segment for part in self.parts for segment in part.segments(session)]

    @property
    def _droppable_bytes(self) -> int:
        return self.size_bytes - (self.awaited.size_bytes if self.awaited else 0)

    def _drop_oldest(self) -> None:
        """Drop down to half of the limit: to drop one part takes as long."""
        kept: tuple[TailPart, ...] = ()
        dropped, last = 0, len(self.parts) - 1
        while 2 * self._droppable_bytes > self.limit_bytes and dropped < last:
            part = self.parts[dropped]
            if part is self.awaited:
                kept = (part,)
            else:
                self.size_bytes -= part.size_bytes
            dropped += 1
        self.parts = (*kept, *self.parts[dropped:])


def _text_length(event: FromLLM) -> int:
    """The length of the text of *event*, if it is a chunk."""
    match event:
        case TextChunk(text=text) | ThinkingChunk(text=text) | ToolInputChunk(json=text):
            return len(text)
        case _:
            return 0
