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
from .segments import Segment, SessionEnd, encode_events

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


class Tail(msgspec.Struct, gc=False):
    """The durable events of a session that its router has acknowledged: the latest, of about *limit_bytes* together.

    The last one that somebody may wait for, the end of a turn or a tool batch, always stays, even when events after it
    are dropped: *awaited* is its segment. Neither it nor the *segments* are anything for the garbage collector.
    """

    limit_bytes: int = TAIL_BYTES
    size_bytes: int = 0
    segments: tuple[Segment, ...] = ()
    awaited: Segment | None = None

    def append(self, segments: Sequence[Segment], awaited: Segment | None) -> None:
        """Add *segments*, the next ones of ``durable_segments``, and drop the oldest beyond the limit."""
        if awaited is not None:
            self.awaited = awaited
        for segment in segments:
            self.size_bytes += segment.size_bytes
        self.segments = (*self.segments, *segments)
        if self._droppable_bytes > self.limit_bytes:
            self._drop_oldest()

    @property
    def _droppable_bytes(self) -> int:
        return self.size_bytes - (self.awaited.size_bytes if self.awaited else 0)

    def _drop_oldest(self) -> None:
        """Drop down to half of the limit: to drop one segment takes as long."""
        kept: tuple[Segment, ...] = ()
        dropped, last = 0, len(self.segments) - 1
        while 2 * self._droppable_bytes > self.limit_bytes and dropped < last:
            segment = self.segments[dropped]
            if segment is self.awaited:
                kept = (segment,)
            else:
                self.size_bytes -= segment.size_bytes
            dropped += 1
        self.segments = (*kept, *self.segments[dropped:])


def durable_segments(segment: Segment, events: Sequence[FromLLM]) -> tuple[list[Segment], Segment | None]:
    """The durable ones of the *events* of *segment*, and the last segment of them that somebody may wait for."""
    kinds = set(map(type, events))
    if kinds.isdisjoint(_CHUNKS):  # as in most: chunks of an answer seldom arrive together with its end
        return [segment], None if kinds.isdisjoint(_AWAITED) else segment
    runs = groupby(enumerate(events, segment.first), key=lambda each: is_durable(each[1]))
    segments = [_part(segment, list(run)) for is_kept, run in runs if is_kept]
    return segments, next((each for each in reversed(segments) if _is_awaited(segment, each, events)), None)


def _part(segment: Segment, numbered: Sequence[tuple[int, FromLLM]]) -> Segment:
    """The part of *segment* that has only the *numbered* events."""
    is_last = numbered[-1][0] == segment.last
    return Segment(
        segment.session_id,
        segment.epoch,
        numbered[0][0],
        len(numbered),
        encode_events([event for _, event in numbered]),
        segment.session_end if is_last else SessionEnd.NONE,
        segment.incarnation,
    )


def _is_awaited(segment: Segment, part: Segment, events: Sequence[FromLLM]) -> bool:
    start = part.first - segment.first
    return any(type(event) in _AWAITED for event in events[start : start + part.count])
