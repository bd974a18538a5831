"""The shelf: what a router holds of its sessions' segments, within limits."""

from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from ..api.options import RouterLimits
from .segments import BEGINNING, END, Over, Position, Segment


@dataclass(slots=True, eq=False)
class _Row:
    """The segments of one session that are still held, each with its age.

    *last* is the number of the session's last event.
    """

    session_id: str
    epoch: int
    last: int = 0
    over: Over = Over.NO
    size_bytes: int = 0
    _segments: deque[tuple[int, Segment]] = field(default_factory=deque[tuple[int, Segment]])

    def __len__(self) -> int:
        return len(self._segments)

    @property
    def position(self) -> Position:
        """Where a reader is who has everything."""
        return self.epoch, END if self.over else self.last

    def append(self, age: int, segment: Segment) -> None:
        """Put *segment* behind the others."""
        self._segments.append((age, segment))
        self.last, self.over = segment.last, segment.over

    def drop_oldest(self) -> tuple[int, Segment]:
        """Take out the oldest segment and its age."""
        return self._segments.popleft()

    def after(self, position: Position) -> Iterator[Segment]:
        """What a reader at *position* has not had; where that is gone, a segment without events says so."""
        if position >= self.position:
            return
        seq = position[1] if position[0] == self.epoch else 0
        found = self._place(seq)
        yield from self._from(found)
        if found == len(self) or (self.over and not self._segments[-1][1].over):
            yield self.end()

    def _place(self, seq: int) -> int:
        """That of the first segment with an event after number *seq*."""
        if self._segments and self._segments[-1][1].first == seq + 1:
            return len(self) - 1  # most readers lack the newest alone
        return bisect_right(self._segments, seq, key=lambda held: held[1].last)

    def _from(self, place: int) -> Iterator[Segment]:
        """Those from *place* on. The way there begins at the nearer end: from the front, it grows with what is held."""
        behind = len(self) - place
        if behind < place:
            held = reversed(list(islice(reversed(self._segments), behind)))
        else:
            held = islice(self._segments, place, None)
        return (segment for _, segment in held)

    def end(self) -> Segment:
        """A segment without events, behind the last one."""
        return Segment(self.session_id, self.epoch, self.last + 1, 0, b"", self.over)


class Shelf:
    """Rows of segments. What goes beyond a limit pushes out the oldest; the newest segment of all always stays.

    *on_drop* hears of each row that goes as a whole: what is left of it for those who have not had all.
    """

    def __init__(self, limits: RouterLimits, on_drop: Callable[[Segment], None]) -> None:
        self.size_bytes = 0
        self._limits = limits
        self._on_drop = on_drop
        self._rows: dict[str, list[_Row]] = {}  # the newest epoch last
        self._age = 0
        self._ages: OrderedDict[int, _Row] = OrderedDict()  # of every segment held, oldest first
        self._ended: OrderedDict[_Row, None] = OrderedDict()

    def __contains__(self, session_id: str) -> bool:
        return session_id in self._rows

    def __iter__(self) -> Iterator[str]:
        """The ids of the sessions that it knows."""
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def position(self, session_id: str) -> Position:
        """Where a reader is who has everything of the session."""
        rows = self._rows.get(session_id)
        return rows[-1].position if rows else BEGINNING

    def after(self, session_id: str, position: Position) -> Iterator[Segment]:
        """What a reader at *position* has not had of the session, and of those that had its id."""
        for row in self._rows.get(session_id, ()):
            yield from row.after(position)

    def add(self, segment: Segment) -> bool:
        """Put *segment* into its session's row; whether it was new there."""
        row = self._row(segment.session_id, segment.epoch)
        if row.over or segment.epoch != row.epoch or segment.last <= row.last:
            return False
        self._age += 1
        self._ages[self._age] = row
        row.append(self._age, segment)
        self._resize(row, segment.size_bytes)
        while row.size_bytes > self._limits.session_bytes and len(row) > 1:
            self._drop_oldest(row)
        while self.size_bytes > self._limits.total_bytes and len(self._ages) > 1:
            self._drop_oldest(next(iter(self._ages.values())))
        if segment.over:
            self._close(row)
        return True

    def end(self, session_id: str, epoch: int, over: Over) -> bool:
        """Nothing more will come from the session, though no segment said so. Whether that is news."""
        row = self._row(session_id, epoch)
        if row.over or row.epoch != epoch:
            return False
        row.over = over
        self._close(row)
        return True

    def _row(self, session_id: str, epoch: int) -> _Row:
        """The row of the session, begun if need be, or of the one that has its id now."""
        rows = self._rows.setdefault(session_id, [])
        if not rows or rows[-1].epoch < epoch:
            if rows:
                self.end(session_id, rows[-1].epoch, Over.CLOSED)
            rows = self._rows.setdefault(session_id, [])  # that may have been one ended session too many
            rows.append(_Row(session_id, epoch))
        return rows[-1]

    def _close(self, row: _Row) -> None:
        self._ended[row] = None
        while len(self._ended) > self._limits.ended_sessions:
            self._drop_row(next(iter(self._ended)))

    def _drop_row(self, row: _Row) -> None:
        del self._ended[row]
        while row:
            self._drop_oldest(row)
        rows = self._rows[row.session_id]
        rows.remove(row)
        if not rows:
            del self._rows[row.session_id]
        self._on_drop(row.end())

    def _drop_oldest(self, row: _Row) -> None:
        age, segment = row.drop_oldest()
        del self._ages[age]
        self._resize(row, -segment.size_bytes)

    def _resize(self, row: _Row, by_bytes: int) -> None:
        row.size_bytes += by_bytes
        self.size_bytes += by_bytes
