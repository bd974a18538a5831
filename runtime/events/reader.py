"""A reader: an async iterator over the events of one session, or of all."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol, Self

import msgspec

from ..api.events import Died, FromLLM, Missed
from .owner import Owner
from .segments import DEATH_SEQ, END_SEQ, START, Position, Positions, Segment, SessionEnd, decode_events

_REMEMBERED_ENDED_SESSIONS = 100_000
"""Far more ended sessions than routers hold: a router that restarts could send the events of those again."""


class SegmentSource(Protocol):
    """Where a reader's segments come from."""

    def subscribe(self, reader: "Reader") -> None:
        """Send *reader* the segments after its cursors, never more than it has room for."""
        ...

    def acknowledge(self, reader: "Reader", segment: Segment) -> None:
        """Record that *reader* has read *segment*."""
        ...

    def unsubscribe(self, reader: "Reader") -> None:
        """Send *reader* nothing more."""
        ...

    async def check_responds(self, within_s: float) -> None:
        """Raises:
        CallTimedOut: it did not respond within *within_s*.
        """
        ...


FindMissed = Callable[[Missed, int], AsyncIterator[list[FromLLM]]]
"""Finds the events that a ``Missed`` stands for, of the epoch, where they are kept for longer: page by page."""


class Reader:
    """An async iterator over events, in order and without gaps: events no longer held are announced by ``Missed``.

    It reads *session_id* after *position*; without an id all sessions, from now on if there is no *position* either.
    It buffers about *limit_bytes*; a reader slower than its sessions leaves the rest to the routers, and slows nothing
    else. The reader of one session ends after ``Closed`` or ``Died``; any reader ends with ``close``. Only one task may
    iterate at a time.
    """

    def __init__(
        self, source: SegmentSource, session_id: str | None, position: Position | None, limit_bytes: int = 4 << 20
    ) -> None:
        self.session_id = session_id
        self.limit_bytes = limit_bytes
        self.from_now = position is None
        self.cursors: dict[str, Position] = {}
        """Its position in each session, by session id."""
        if session_id is not None and position is not None:
            self.cursors[session_id] = position
        self.find_missed: FindMissed | None = None
        """What is missed is read from there, if there is such a place."""
        self._found: AsyncIterator[list[FromLLM]] | None = None
        self._rest: list[FromLLM] = []  # what follows that
        self._source = source
        self._owner = Owner()
        self._whole_since = 0  # of the positions that it started after
        self._segments: deque[tuple[Segment, int]] = deque()  # each with the last number that the reader had before it
        self._events: Iterator[FromLLM] = iter(())
        self._incarnations: dict[str, int] = {}  # of sessions that an actor has taken over from another
        self._losses: dict[str, tuple[int, int]] = {}  # the epoch and incarnation whose loss was told last
        self._ended_sessions: deque[str] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._is_resting = False
        self._error: Exception | None = None
        source.subscribe(self)

    def __repr__(self) -> str:
        return f"Reader(session={self.session_id!r}, ended={self._ended})"

    @property
    def epoch(self) -> int:
        """The epoch of the one session that it reads."""
        return self.cursors.get(self.session_id or "", START)[0]

    @property
    def position(self) -> Position:
        """Its position in the one session that it reads."""
        return self.cursors.get(self.session_id or "", START)

    async def check_source(self, within_s: float) -> None:
        """Raises:
        CallTimedOut: where its segments come from did not respond within *within_s*.
        """
        await self._source.check_responds(within_s)

    @property
    def size_bytes(self) -> int:
        """The approximate size of the segments that it holds."""
        return sum(segment.size_bytes for segment, _ in self._segments)

    @property
    def ended(self) -> bool:
        """True if no further events will arrive."""
        return self._ended

    def start_after(self, positions: Positions) -> None:
        """Start after these in the sessions that have no cursor yet."""
        for session_id, position in positions.sessions.items():
            self.cursors.setdefault(session_id, position)
        self._whole_since = max(self._whole_since, positions.whole_since)

    def rest(self) -> None:
        """Skip what has arrived, and until ``resume`` what arrives: nobody reads it. The end of a session stays."""
        self._is_resting = True
        is_at_end = self._ended and not self._segments
        self._events, self._found = iter([*self._events][-1:] if is_at_end else ()), None
        segments, self._segments = self._segments, deque()
        for segment, last in segments:
            if segment.session_end:
                self._segments.append((segment, last))
            else:
                self._source.acknowledge(self, segment)

    def resume(self) -> None:
        """Buffer again what arrives from now on."""
        self._is_resting = False

    def skip_to(self, seq: int) -> None:
        """Skip the events up to number *seq* of the one session that it reads, and gaps among them."""
        assert self.session_id is not None
        epoch, last = self.cursors.get(self.session_id, START)
        self.cursors[self.session_id] = epoch, max(last, seq)
        if self._segments:
            self._segments = deque((segment, max(last, seq)) for segment, last in self._segments)

    def feed(self, segment: Segment) -> bool:
        """Buffer the next *segment*. Returns false if it is ignored: repeated, while resting, or after the end."""
        epoch, last = known = self.cursors.get(segment.session_id, START)
        if segment.is_notice:
            return self._feed_notice(segment, known)
        position = segment.position
        if self._ended or position <= known or self._is_fenced(segment):
            return False
        if segment.epoch > epoch:
            if self.session_id is not None:  # a later session has its id
                self._end()
                return False
            last = segment.first - 1 if self._joins(segment) else 0
        self.cursors[segment.session_id] = position
        if self._is_resting and not segment.session_end:
            return False
        self._segments.append((segment, last))
        if segment.session_end:
            self._end_session(segment)
        self._wake()
        return True

    def _feed_notice(self, notice: Segment, known: Position) -> bool:
        """Buffer *notice*, unless it was told already, or is no news any more."""
        session_id, loss = notice.session_id, (notice.epoch, notice.incarnation)
        is_old = known[0] > notice.epoch or known[1] == END_SEQ or self._losses.get(session_id, START) >= loss
        if self._ended or self._is_resting or is_old or self._is_fenced(notice):
            return False
        if self.session_id is not None and known[0] != notice.epoch:
            return False
        self._losses[session_id] = loss
        self._segments.append((notice, known[1]))
        self._wake()
        return True

    def fail(self, error: Exception) -> None:
        """End the reader with *error*, which is raised after the events that are buffered already."""
        if not self._ended:
            self._error = error
            self._end()

    def close(self) -> None:
        """End the reader and drop what it holds. A task that iterates over it leaves its loop."""
        self._segments.clear()
        self._events, self._found = iter(()), None
        self._error = None
        self._end()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FromLLM:
        for event in self._events:
            return event
        self._events = iter(await self.batch())
        return next(self._events)

    async def batch(self) -> list[FromLLM]:
        """The events of the next segment, or the rest of it: at least one. Cheaper than iterating one by one.

        Raises:
            StopAsyncIteration: the reader has ended.
            WrongContext: it was created in another event loop, or another process.
        """
        self._owner.require()
        if rest := list(self._events):
            return rest
        while True:
            if self._found and (events := await self._next_found()):
                return events
            while not self._segments:
                self._require_more()
                self._waiter = asyncio.get_running_loop().create_future()
                await self._waiter
            segment, last = self._segments.popleft()
            self._source.acknowledge(self, segment)
            events = _events_after(segment, last)
            if self.find_missed and events and isinstance(missed := events[0], Missed):
                self._found, self._rest = self.find_missed(missed, segment.epoch), events[1:]
            elif events:
                return events

    async def _next_found(self) -> list[FromLLM]:
        """The next page of the events that were missed, or what follows them; nothing if there are none."""
        assert self._found
        async for page in self._found:
            return page
        self._found, rest, self._rest = None, self._rest, []
        return rest

    def _require_more(self) -> None:
        """Raises:
        StopAsyncIteration: the reader has ended.
        Exception: it has failed.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)  # all readers share it: each would add its own, on and on
        if self._ended:
            raise StopAsyncIteration

    def _end_session(self, segment: Segment) -> None:
        if self.session_id is None:
            self._ended_sessions.append(segment.session_id)
            if len(self._ended_sessions) > _REMEMBERED_ENDED_SESSIONS:
                self._forget_session(self._ended_sessions.popleft())
            return
        self._end()

    def _joins(self, segment: Segment) -> bool:
        """True if *segment* is of a session that goes on after it was in no process when this reader began.

        Or it had no event yet, and the routers could not tell that: its number is not known then.
        """
        is_new = self.from_now and self.session_id is None and segment.session_id not in self.cursors
        return is_new and segment.incarnation > 1 and segment.epoch < self._whole_since

    def _is_fenced(self, segment: Segment) -> bool:
        """True if *segment* is of an incarnation that another one has followed. Notes which is the latest."""
        if segment.incarnation == 1 and not self._incarnations:
            return False
        latest = self._incarnations.get(segment.session_id, 1)
        if segment.epoch != self.cursors.get(segment.session_id, START)[0]:  # a later session has its id
            self._incarnations.pop(segment.session_id, None)
            latest = 1
        if segment.incarnation > 1:
            self._incarnations[segment.session_id] = max(latest, segment.incarnation)
        return segment.incarnation < latest and segment.session_end is not SessionEnd.DIED  # that is of the runtime

    def _forget_session(self, session_id: str) -> None:
        _, last = self.cursors.get(session_id, START)
        if last == END_SEQ:
            del self.cursors[session_id]
            self._incarnations.pop(session_id, None)
            self._losses.pop(session_id, None)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._source.unsubscribe(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _events_after(segment: Segment, last: int) -> list[FromLLM]:
    """The events of *segment* after number *last*; a ``Missed`` comes before them if there is a gap."""
    events = decode_events(segment)
    if segment.is_notice:
        return [msgspec.structs.replace(event, seq=max(last, event.seq)) for event in events]
    if segment.session_end is SessionEnd.DIED and events and segment.last <= last != DEATH_SEQ:
        # The router did not know how far the session had come: *last* may be of another event.
        return [msgspec.structs.replace(event, seq=last + 1) for event in events[-1:] if isinstance(event, Died)]
    if segment.first <= last:
        return events[last + 1 - segment.first :]
    if segment.first > last + 1:
        before = segment.first - 1
        missed = Missed(session_id=segment.session_id, seq=before, at=time.time(), first=last + 1, last=before)
        return [missed, *events]
    return events
