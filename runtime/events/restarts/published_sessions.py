"""What a process has published to one router, and a router that was restarted may lack."""

from collections import deque
from collections.abc import Iterator

from ..outbox import Outbox
from ..segments import HeldSession, Segment
from ..tail import Tail

_ENDED_BYTES = 2 << 20
"""The bound on the tails of sessions that have ended: about the latest 2,000."""

_PAGE_SESSIONS = 2_000
"""For how many sessions a router is asked at once: that takes it some milliseconds."""

Held = tuple[HeldSession, Tail | None]
"""A session, and its tail, if it has one."""


class PublishedSessions:
    """The sessions that have published to a router, and the tails of those that have ended lately."""

    def __init__(self, ended_bytes: int = _ENDED_BYTES) -> None:
        self._limit_bytes = ended_bytes
        self._outboxes: dict[Outbox, None] = {}
        self._ended: deque[Held] = deque()
        self._ended_bytes = 0

    def add(self, outbox: Outbox) -> None:
        """The router has acknowledged what was taken from *outbox*."""
        if outbox.is_fenced:
            self._outboxes.pop(outbox, None)
        elif outbox.has_ended:
            self._outboxes.pop(outbox, None)
            self._add_ended(_held(outbox))
        else:
            self._outboxes[outbox] = None

    def remove(self, outbox: Outbox) -> None:
        """The session of *outbox* goes on in another process."""
        self._outboxes.pop(outbox, None)

    def outbox_of(self, held: HeldSession) -> Outbox | None:
        """The outbox of a session that has not ended."""
        return next((outbox for outbox in self._outboxes if outbox.held == held), None)

    def pages(self) -> Iterator[list[Held]]:
        """All sessions; of those with the same id, the earlier ones come first."""
        held = [*self._ended, *map(_held, self._outboxes)]
        for start in range(0, len(held), _PAGE_SESSIONS):
            yield held[start : start + _PAGE_SESSIONS]

    def _add_ended(self, ended: Held) -> None:
        self._ended.append(ended)
        self._ended_bytes += _size_bytes(ended)
        while self._ended_bytes > self._limit_bytes and len(self._ended) > 1:
            self._ended_bytes -= _size_bytes(self._ended.popleft())


def segments_to_fill(held: Held) -> list[Segment]:
    """What a router gets that lacks events of a session: its tail, and its position, for what comes next."""
    session, tail = held
    segments = tail.segments(session) if tail else []
    if segments and segments[-1].last >= session.last_seq:
        return segments
    position = Segment(session.session_id, session.epoch, session.last_seq + 1, 0, b"", incarnation=session.incarnation)
    return [*segments, position]


def _held(outbox: Outbox) -> Held:
    return outbox.held, outbox.tail


def _size_bytes(held: Held) -> int:
    return held[1].size_bytes if held[1] else 0
