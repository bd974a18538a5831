"""A reader: the events of one session, or of all, one after the other."""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Protocol, Self

from ..messages import FromLLM, Missed
from .routes import Watch
from .segments import Segment, decode_events


class Source(Protocol):
    """Where a reader's segments come from."""

    def begin(self, reader: "Reader") -> None:
        """Send *reader* what comes after what it has."""
        ...

    def end(self, reader: "Reader") -> None:
        """Send *reader* nothing more."""
        ...


class Reader:
    """An async iterator over events, in order, without gaps: what is no longer held is announced by ``Missed``.

    It holds about *limit_bytes*. A reader that is slower than its session lets go and comes back for the rest when it
    has caught up: it slows nobody. The reader of one session ends after ``Closed``; any reader ends with ``close``. One
    task at a time may iterate.
    """

    def __init__(self, source: Source, session_id: str | None, after: int | None, limit_bytes: int = 4 << 20) -> None:
        self.session_id = session_id
        self._source = source
        self._after = after
        self._from = after  # for sessions that it has nothing of; "from now on" is said once, and marked by the router
        self._limit_bytes = limit_bytes
        self._cursors: dict[str, tuple[int, int]] = {}
        self._segments: deque[tuple[Segment, int]] = deque()  # each with the last number that the reader had before it
        self._size_bytes = 0
        self._events: Iterator[FromLLM] = iter(())
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._ended = False
        self._error: Exception | None = None
        source.begin(self)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    def watch(self, watch_id: int) -> Watch:
        """What it wants from now on."""
        after, self._from = self._from, self._from or 0
        return Watch(watch_id, self.session_id, after, self._cursors)

    def feed(self, segment: Segment) -> None:
        """Take the next *segment*. What came already is passed over."""
        if self._paused or self._ended:
            return
        begin = segment.first - 1 if self._after is None else self._after
        epoch, last = self._cursors.setdefault(segment.session_id, (segment.epoch, begin))
        if segment.epoch > epoch:
            epoch, last = segment.epoch, 0
        if segment.epoch < epoch or segment.last <= last:
            return
        self._cursors[segment.session_id] = (epoch, segment.last)
        self._segments.append((segment, last))
        self._size_bytes += len(segment.data)
        if segment.final and self.session_id is not None:
            self._end()
        elif self._size_bytes > self._limit_bytes:
            self._paused = True
            self._source.end(self)
        self._wake()

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for *error*: it is raised after what is here."""
        if not self._ended:
            self._error = error
            self._end()
            self._wake()

    def close(self) -> None:
        """Let go. Whoever iterates comes to the end."""
        self._segments.clear()
        self._events = iter(())
        self._end()
        self._wake()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FromLLM:
        for event in self._events:
            return event
        while True:
            self._events = iter(await self.batch())
            for event in self._events:
                return event

    async def batch(self) -> list[FromLLM]:
        """The events that came together, at least one: cheaper than one by one.

        Raises:
            StopAsyncIteration: the reader has ended.
            SessionDied: so has the session's actor.
        """
        while not self._segments:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        segment, last = self._segments.popleft()
        self._size_bytes -= len(segment.data)
        if self._paused and self._size_bytes <= self._limit_bytes // 2:
            self._paused = False
            self._source.begin(self)
        return _new_events(segment, last)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._source.end(self)

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
