"""A reader: the events of one session, or of all, one after the other."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Protocol, Self

from ..api.errors import SessionDied
from ..api.messages import FromLLM, Missed
from .segments import BEGINNING, END, Over, Position, Segment, decode_events

_ENDED_KEPT = 100_000
"""So many ended sessions are remembered: far more than routers hold, which could send their events again."""


class Source(Protocol):
    """Where a reader's segments come from."""

    def begin(self, reader: "Reader") -> None:
        """Send *reader* what comes after what it has, and never more than it has room for."""
        ...

    def make_room(self, reader: "Reader", segment: Segment) -> None:
        """*reader* has read *segment*."""
        ...

    def end(self, reader: "Reader") -> None:
        """Send *reader* nothing more."""
        ...


class Reader:
    """An async iterator over events, in order, without gaps: what is no longer held is announced by ``Missed``.

    It reads *session_id* after *position*; without an id all sessions, from now on where there is no *position* either.
    It holds about *limit_bytes*: one that is slower than its sessions leaves the rest with the routers, and slows
    nobody. The reader of one session ends after ``Closed``; any reader ends with ``close``. One task at a time may
    iterate.
    """

    def __init__(
        self, source: Source, session_id: str | None, position: Position | None, limit_bytes: int = 4 << 20
    ) -> None:
        self.session_id = session_id
        self.limit_bytes = limit_bytes
        self.from_now = position is None
        self.cursors: dict[str, Position] = {}
        """How far it is with each session."""
        if session_id is not None and position is not None:
            self.cursors[session_id] = position
        self._source = source
        self._segments: deque[tuple[Segment, int]] = deque()  # each with the last number that the reader had before it
        self._events: Iterator[FromLLM] = iter(())
        self._finished: deque[str] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self._error: Exception | None = None
        source.begin(self)

    @property
    def epoch(self) -> int:
        """The epoch of the one session that it reads."""
        return self.cursors.get(self.session_id or "", BEGINNING)[0]

    @property
    def size_bytes(self) -> int:
        """About what it holds."""
        return sum(segment.size_bytes for segment, _ in self._segments)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    def place(self, positions: Mapping[str, Position]) -> None:
        """Begin after *positions*, with sessions that it knows nothing of yet."""
        for session_id, position in positions.items():
            self.cursors.setdefault(session_id, position)

    def feed(self, segment: Segment) -> bool:
        """Take the next *segment*; whether it is to be read. What came already is passed over."""
        epoch, last = self.cursors.get(segment.session_id, BEGINNING)
        if self._ended or segment.position <= (epoch, last):
            return False
        if segment.epoch > epoch:
            if self.session_id is not None:  # another one has its id
                self._end()
                return False
            last = 0
        self.cursors[segment.session_id] = segment.position
        self._segments.append((segment, last))
        if segment.over:
            self._finish(segment)
        self._wake()
        return True

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for *error*: it is raised after what is here."""
        if not self._ended:
            self._error = error
            self._end()

    def close(self) -> None:
        """Let go. Whoever iterates comes to the end."""
        self._segments.clear()
        self._events = iter(())
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
        """The events that came together, or what is left of them; at least one. It is cheaper than one by one.

        Raises:
            StopAsyncIteration: the reader has ended.
            SessionDied: so has the session's actor.
        """
        if rest := list(self._events):
            return rest
        while True:
            while not self._segments:
                await self._news()
            segment, last = self._segments.popleft()
            self._source.make_room(self, segment)
            if events := _new_events(segment, last):
                return events

    async def _news(self) -> None:
        if self._error is not None:
            raise self._error
        if self._ended:
            raise StopAsyncIteration
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _finish(self, segment: Segment) -> None:
        if self.session_id is None:
            self._finished.append(segment.session_id)
            if len(self._finished) > _ENDED_KEPT:
                self._forget(self._finished.popleft())
            return
        if segment.over is Over.DIED:
            self._error = SessionDied(f"the actor of session {self.session_id!r} died; spawn it again")
        self._end()

    def _forget(self, session_id: str) -> None:
        _, last = self.cursors.get(session_id, BEGINNING)
        if last == END:
            del self.cursors[session_id]

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._source.end(self)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _new_events(segment: Segment, last: int) -> list[FromLLM]:
    events = decode_events(segment)
    if segment.first <= last:
        return events[last + 1 - segment.first :]
    if segment.first > last + 1:
        missed = Missed(session_id=segment.session_id, seq=segment.first - 1, first=last + 1, last=segment.first - 1)
        return [missed, *events]
    return events
