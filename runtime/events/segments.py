"""Segments: encoded batches of one session's events, on their way from the session through a router to readers.

A router never decodes the events. They are encoded without session id and sequence number: the segment carries both,
and the reader restores them.
"""

import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated
from zlib import crc32

import msgspec

from ..api.errors import DeathReason
from ..api.events import Died, FromLLM, ProcessLost

Position = tuple[int, int]
"""A reader's position in a session: the epoch, and the sequence number of the last event that it has."""

START: Position = (0, 0)
RESERVED_SEQS = 1 << 32
"""How many numbers each incarnation of a session has for itself, for when the last number used is not known.

Numbering goes on after the last number that the router knows. If it knows none, because it was restarted and the
session's process is gone as well, a new incarnation starts above all that those before it can have used. The hole is a
``Missed``.
"""

DEATH_SEQ = 1 << 48
"""The number of ``Died`` in that case: above all that the incarnations of any session can have used."""

END_SEQ = 1 << 62
"""The sequence number in the position of a reader that has all events of a session and knows that it has ended."""

_Number = Annotated[int, msgspec.Meta(ge=0, le=END_SEQ)]
"""Limited so that every sum of two still fits into an integer of msgpack."""

_OVERHEAD_BYTES = 250
"""Approximate memory of a segment besides its data (measured in an event log)."""


class Positions(msgspec.Struct, frozen=True, array_like=True):
    """How far the *sessions* have come that a router knows, by their ids.

    Another session has had no event yet if its epoch is *whole_since* or later; else that is not known.
    """

    sessions: dict[str, Position]
    whole_since: int


class SessionEnd(IntEnum):
    """Whether a session ended, and how."""

    NONE = 0
    CLOSED = 1
    """The session was closed; its last event is ``Closed``."""
    DIED = 2
    """The session's actor died; its last event is ``Died``."""
    LOST = 3
    """Not an end: the session's actor died, and another one goes on with it. No segment has it."""


class Segment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The encoded events *first* to *first* + *count* - 1 of a session.

    *epoch* distinguishes sessions that used the same id one after the other: a later session has a larger epoch.
    *incarnation* distinguishes the actors that hosted the same session one after the other, from 1 on: its numbers go
    on, so readers continue, and what an older one still sends is ignored. A segment without events reports that the
    events before *first* are no longer held, that the session has ended, or both. If it has data nevertheless, it is a
    notice: an event of the runtime, ``ProcessLost``, that has no number of its own.
    """

    session_id: str
    epoch: _Number
    first: _Number
    count: _Number
    data: bytes
    session_end: SessionEnd = SessionEnd.NONE
    incarnation: _Number = 1

    @property
    def is_notice(self) -> bool:
        """True if it tells of the session, and is not a part of it."""
        return not self.count and bool(self.data)

    @property
    def last(self) -> int:
        """The sequence number of its last event."""
        return self.first + self.count - 1

    @property
    def position(self) -> Position:
        """The position of a reader that has received this segment."""
        return self.epoch, END_SEQ if self.session_end else self.first + self.count - 1

    @property
    def size_bytes(self) -> int:
        """Its approximate size in memory."""
        return len(self.data) + _OVERHEAD_BYTES


class EndedSessions(msgspec.Struct, frozen=True, array_like=True):
    """Ids of sessions with their epochs, and how they ended; why, if they died. *host_id* had those that are lost."""

    sessions: dict[str, int]
    session_end: SessionEnd
    reason: DeathReason = DeathReason.CRASHED
    host_id: str = ""

    def last_event(self) -> bytes:
        """The encoded event of sessions whose actor died; nothing for others, which have emitted ``Closed``."""
        match self.session_end:
            case SessionEnd.DIED:
                return encode_events([Died(reason=self.reason, at=time.time())])
            case SessionEnd.LOST:
                return encode_events([ProcessLost(reason=self.reason, at=time.time())])
            case _:
                return b""


class FoundEnds(msgspec.Struct, frozen=True):
    """Which of some sessions have *ended*, and the ids of those of which that is *unknown* yet."""

    ended: list[EndedSessions]
    unknown: list[str]


class LivingSessions(msgspec.Struct, frozen=True):
    """The *sessions* that exist, ids with their epochs, of those with an epoch below *before*.

    There may be more on the *unreported* hosts. *reasons* is why hosts have died, of which that is known. If they
    *are_durable*, they outlive these: then it does not say which exist, as those that are on no host do, too.
    """

    sessions: dict[str, int]
    before: int
    unreported: frozenset[str] = frozenset()
    reasons: dict[str, DeathReason] = {}
    are_durable: bool = False


class HeldSession(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A session in the process that hosts it: *last_seq* is the last number that its router has acknowledged."""

    session_id: str
    epoch: _Number
    incarnation: _Number
    last_seq: _Number


class RouterGaps(msgspec.Struct, frozen=True, array_like=True):
    """Places in a list of held sessions: those of which the router lacks events, and those that it has fenced off."""

    lacking: list[int]
    fenced: list[int]


_encoder = msgspec.msgpack.Encoder()
_events_decoder = msgspec.msgpack.Decoder(list[FromLLM])
_segments_decoder = msgspec.msgpack.Decoder(list[Segment])


def encode_events(events: Sequence[FromLLM]) -> bytes:
    """The data of a segment of *events*."""
    return _encoder.encode(events)


def decode_events(segment: Segment) -> list[FromLLM]:
    """The events of *segment*, each with its session id and sequence number."""
    if not segment.data:
        return []
    events = _events_decoder.decode(segment.data)
    session_id, seq = segment.session_id, segment.last if segment.is_notice else segment.first
    set_field = msgspec.structs.force_setattr  # the events are frozen, but new: no other code holds them yet
    for event in events:
        set_field(event, "session_id", session_id)
        set_field(event, "seq", seq)
        seq += 1
    return events


def shard_of(session_id: str, shards: int) -> int:
    """The index of the router that gets the session's events: the same in every process and release."""
    return crc32(session_id.encode()) % shards


def encode_segments(segments: Sequence[Segment]) -> bytes:
    """*segments* as they are sent between processes."""
    return _encoder.encode(segments)


def decode_segments(data: bytes) -> list[Segment]:
    """The inverse of ``encode_segments``."""
    return _segments_decoder.decode(data)
