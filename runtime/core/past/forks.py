"""A fork: the past of one session as the initial history of another."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

import msgspec

from ....providers.schema.messages import Message
from ...api.status import ForkOrigin
from ..events import Imported
from .turns import Past

_PART_MESSAGES = 5_000
_PART_BYTES = 1 << 20
"""The bounds of a part, which blocks an event loop for some milliseconds. A larger message has a part of its own."""


class _Place(Enum):
    BOTH = "both"
    """In the full history, and in what requests hold."""
    REMOVED = "removed"
    """Only in the full history: a compaction has removed it."""
    WRITTEN = "written"
    """Only in what requests hold: a compaction has written it."""


def imported(messages: Iterable[Message]) -> Iterator[Imported]:
    """The parts of an initial history that has *messages*."""
    return _parts((message, _Place.BOTH) for message in messages)


def forked(past: Past, origin: ForkOrigin) -> Iterator[Imported]:
    """The parts of the initial history of a fork, which goes on from *past*, that of *origin*."""
    parts = _parts(_placed(past.full, past.messages))
    first = next(parts, Imported(messages=()))
    yield msgspec.structs.replace(first, forked_from=origin, dropped_messages=past.dropped_messages, rest=past.rest)
    yield from parts


def _placed(full: Sequence[Message], messages: Sequence[Message]) -> Iterator[tuple[Message, _Place]]:
    """All messages, in an order in which both histories have theirs."""
    places = {message.id: place for place, message in enumerate(full)}
    start = 0
    for message in messages:
        place = places.get(message.id)
        if place is None or full[place] != message:
            yield message, _Place.WRITTEN
            continue
        yield from ((removed, _Place.REMOVED) for removed in full[start:place])
        yield message, _Place.BOTH
        start = place + 1
    yield from ((removed, _Place.REMOVED) for removed in full[start:])


def _parts(placed: Iterable[tuple[Message, _Place]]) -> Iterator[Imported]:
    part: list[tuple[Message, _Place]] = []
    size_bytes = 0
    for message, place in placed:
        if part and (size_bytes + message.size_bytes > _PART_BYTES or len(part) == _PART_MESSAGES):
            yield _part(part)
            part, size_bytes = [], 0
        part.append((message, place))
        size_bytes += message.size_bytes
    if part:
        yield _part(part)


def _part(placed: Sequence[tuple[Message, _Place]]) -> Imported:
    return Imported(
        messages=tuple(message for message, _ in placed),
        removed=_at(placed, _Place.REMOVED),
        written=_at(placed, _Place.WRITTEN),
    )


def _at(placed: Sequence[tuple[Message, _Place]], wanted: _Place) -> tuple[int, ...]:
    return tuple(index for index, (_, place) in enumerate(placed) if place is wanted)
