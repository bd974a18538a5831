"""Segments: events in bulk, as they go from sessions over routers to readers.

A router never looks into one. Inside, events have neither session id nor number: the segment has both, and a reader
puts them back.
"""

from collections.abc import Sequence
from enum import IntEnum
from zlib import crc32

import msgspec

from ..api.messages import FromLLM

Position = tuple[int, int]
"""How far a reader is with a session: the epoch, and the number of the last event it has."""

BEGINNING: Position = (0, 0)
END = 1 << 62
"""The number, in a position, of one who has all events and knows that nothing follows."""

_OVERHEAD_BYTES = 250
"""What a segment takes in memory besides its data, about (measured on a shelf)."""


class Over(IntEnum):
    """Whether a session's events end here."""

    NO = 0
    CLOSED = 1
    """The session has ended; its last event is ``Closed``."""
    DIED = 2
    """Its actor died; the last event is what it came to."""


class Segment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The events *first* to *first* + *count* - 1 of a session, encoded.

    *epoch* tells apart sessions that had the same id one after the other: a later one has a larger epoch. A segment
    without events says that those before *first* are no longer held, or that the session is *over*, or both.
    """

    session_id: str
    epoch: int
    first: int
    count: int
    data: bytes
    over: Over = Over.NO

    @property
    def last(self) -> int:
        """The number of its last event."""
        return self.first + self.count - 1

    @property
    def position(self) -> Position:
        """Where a reader is who has it."""
        return self.epoch, END if self.over else self.last

    @property
    def size_bytes(self) -> int:
        """About what it takes in memory."""
        return len(self.data) + _OVERHEAD_BYTES


_encoder = msgspec.msgpack.Encoder()
_events = msgspec.msgpack.Decoder(list[FromLLM])
_segments = msgspec.msgpack.Decoder(list[Segment])


def encode_events(events: Sequence[FromLLM]) -> bytes:
    """*events* as a segment holds them."""
    return _encoder.encode(events)


def decode_events(segment: Segment) -> list[FromLLM]:
    """The events of *segment*, each with its session's id and its number."""
    if not segment.count:
        return []
    events = _events.decode(segment.data)
    session_id, seq = segment.session_id, segment.first
    put = msgspec.structs.force_setattr  # they were made here a moment ago, and nobody has seen them yet
    for event in events:
        put(event, "session_id", session_id)
        put(event, "seq", seq)
        seq += 1
    return events


def shard_of(session_id: str, shards: int) -> int:
    """Which of so many routers the session's events go to: the same everywhere, always."""
    return crc32(session_id.encode()) % shards


def encode_segments(segments: Sequence[Segment]) -> bytes:
    """*segments* as they cross processes."""
    return _encoder.encode(segments)


def decode_segments(data: bytes) -> list[Segment]:
    """What ``encode_segments`` took."""
    return _segments.decode(data)
