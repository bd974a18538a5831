"""The shelf: what a router holds of its sessions' segments, within limits."""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta

from .segments import Segment

Positive = Annotated[int, Meta(gt=0)]


class RouterLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one router holds at most, oldest out first: events of one session, of all, and sessions that have ended.

    *poll_bytes* bounds what a driver is handed at once. A driver that did not ask for *idle_driver_s* is forgotten.
    """

    session_bytes: Positive = 8 << 20
    total_bytes: Positive = 512 << 20
    ended_sessions: Positive = 10_000
    poll_bytes: Positive = 4 << 20
    idle_driver_s: Annotated[float, Meta(gt=0)] = 120.0


@dataclass(slots=True)
class Row:
    """The segments of one session that are still held, each with its age.

    *last* is the number of the session's last event.
    """

    session_id: str
    epoch: int
    last: int = 0
    size_bytes: int = 0
    segments: deque[tuple[int, Segment]] = field(default_factory=deque)

    def after(self, seq: int) -> list[Segment]:
        """The segments with events after *seq*. Where these are gone, an empty one says so."""
        newer: list[Segment] = []
        for _, segment in reversed(self.segments):
            if segment.last <= seq:
                break
            newer.append(segment)
        if not newer and seq < self.last:
            return [Segment(self.session_id, self.epoch, self.last + 1, 0, b"")]
        newer.reverse()
        return newer


class Shelf:
    """Rows of segments. What goes beyond a limit pushes out the oldest; the newest segment of all always stays."""

    def __init__(self, limits: RouterLimits) -> None:
        self.rows: dict[str, Row] = {}
        self.size_bytes = 0
        self._limits = limits
        self._age = 0
        self._ages: OrderedDict[int, Row] = OrderedDict()  # of every segment held, oldest first
        self._ended: OrderedDict[str, Row] = OrderedDict()

    def add(self, segment: Segment) -> bool:
        """Put *segment* into its session's row; whether it was new there. A later epoch begins a new row."""
        row = self.rows.get(segment.session_id)
        if row is None or segment.epoch > row.epoch:
            self._drop_row(segment.session_id)
            row = self.rows[segment.session_id] = Row(segment.session_id, segment.epoch)
        elif segment.epoch < row.epoch or segment.last <= row.last:
            return False
        self._age += 1
        self._ages[self._age] = row
        row.segments.append((self._age, segment))
        row.last = segment.last
        self._resize(row, len(segment.data))
        while row.size_bytes > self._limits.session_bytes and len(row.segments) > 1:
            self._drop_oldest(row)
        while self.size_bytes > self._limits.total_bytes and len(self._ages) > 1:
            self._drop_oldest(next(iter(self._ages.values())))
        if segment.final:
            self.end(segment.session_id)
        return True

    def end(self, session_id: str) -> None:
        """Nothing more will come for *session_id*: its row is the first to go when there are too many that ended."""
        if session_id in self.rows:
            self._ended[session_id] = self.rows[session_id]
        while len(self._ended) > self._limits.ended_sessions:
            self._drop_row(next(iter(self._ended)))

    def _drop_row(self, session_id: str) -> None:
        self._ended.pop(session_id, None)
        row = self.rows.pop(session_id, None)
        while row and row.segments:
            self._drop_oldest(row)

    def _drop_oldest(self, row: Row) -> None:
        age, segment = row.segments.popleft()
        del self._ages[age]
        self._resize(row, -len(segment.data))

    def _resize(self, row: Row, by_bytes: int) -> None:
        row.size_bytes += by_bytes
        self.size_bytes += by_bytes
