"""Segments: events in bulk, as they go from sessions over routers to readers.

A router never looks into one. Inside, events have neither session id nor number: the segment has both, and a reader
puts them back.
"""

from collections.abc import Sequence

import msgspec

from ..messages import FromLLM


class Segment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The events *first* to *first* + *count* - 1 of a session, encoded.

    *epoch* tells apart sessions that had the same id one after the other (milliseconds since 1970 at its spawning).
    With *final* nothing follows. A segment without events says that those before *first* are no longer held.
    """

    session_id: str
    epoch: int
    first: int
    count: int
    data: bytes
    final: bool = False

    @property
    def last(self) -> int:
        """The number of its last event."""
        return self.first + self.count - 1


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


def encode_segments(segments: Sequence[Segment]) -> bytes:
    """*segments* as they cross processes."""
    return _encoder.encode(segments)


def decode_segments(data: bytes) -> list[Segment]:
    """What ``encode_segments`` took."""
    return _segments.decode(data)
