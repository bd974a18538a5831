"""When sessions have been idle for long enough to leave memory: one timer for all of a process."""

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from weakref import ref

from ...logs.ids import ids
from ..session import Session

log = logging.getLogger(__name__)

_GROUP_SESSIONS = 100
"""Sessions that leave at the same time: their ids are freed by one call."""

_FEW = 1_000


class IdleTimer:
    """Has *passivate* called with each session that has records and to which nothing has happened for its time.

    That is ``passivate_after_s`` of its config, or *default_s*. *passivate* returns false if it is not at rest: it is
    asked again, that time later. While sessions are used, that costs each of them nothing: when the time of one is up,
    it is looked up when it was last used.
    """

    def __init__(self, passivate: Callable[[Session], Awaitable[bool]]) -> None:
        self.default_s: float | None = None
        self._passivate = passivate
        self._entries: list[tuple[float, int, ref[Session]]] = []  # a heap: the one that is due first comes first
        self._numbers = count()
        self._live = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0  # a handle of uvloop does not say so if that was due when it was made
        self._due: deque[Session] = deque()
        self._running: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """The number of sessions that it looks after, and of those that have ended and were not due yet."""
        return len(self._entries)

    def follow(self, session: Session) -> None:
        """Look after *session*, which is open. Again, if its time has changed."""
        if session.records is None or (after_s := self._time_of(session)) is None:
            return
        due_at = session.records.active_at + after_s
        session.records.due_at = due_at
        heapq.heappush(self._entries, (due_at, next(self._numbers), ref(session)))
        if len(self._entries) > 2 * self._live + _FEW:
            self._entries = [each for each in self._entries if _is_current(each)]
            heapq.heapify(self._entries)
            self._live = len(self._entries)
        self._set_timer()

    def stop(self) -> None:
        """Have no session leave any more."""
        self.default_s = None
        self._entries, self._due = [], deque()
        if self._timer:
            self._timer.cancel()

    def _time_of(self, session: Session) -> float | None:
        return session.conversation.config.passivate_after_s or self.default_s

    def _set_timer(self) -> None:
        first_at = self._entries[0][0] if self._entries else float("inf")
        if self._timer:
            if self._timer_at <= first_at:
                return
            self._timer.cancel()
            self._timer = None
        if self._entries:
            self._timer_at = first_at
            self._timer = asyncio.get_running_loop().call_at(first_at, self._look)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = max(loop.time(), self._timer_at)  # timers are some nanoseconds early
        self._timer = None
        while self._entries and self._entries[0][0] <= now:
            entry = heapq.heappop(self._entries)
            session = entry[2]()
            if session is None or session.records is None or not _is_current(entry):
                continue
            after_s = self._time_of(session)
            if after_s is not None and session.records.active_at + after_s <= now:
                self._due.append(session)
            else:
                self.follow(session)
        if self._due and self._running is None:
            self._running = loop.create_task(self._run())
        self._set_timer()

    async def _run(self) -> None:
        try:
            while self._due:
                group = [self._due.popleft() for _ in range(min(_GROUP_SESSIONS, len(self._due)))]
                await asyncio.gather(*map(self._passivate_or_follow, group))
                del group  # nothing else refers to them
        finally:
            self._running = None

    async def _passivate_or_follow(self, session: Session) -> None:
        try:
            if await self._passivate(session):
                return
        except Exception as error:  # of this session only
            log.critical("session %s could not leave memory", session.id, exc_info=error, extra=ids(session.id))
        if not session.ended and session.records:
            session.records.touch()
            self.follow(session)


def _is_current(entry: tuple[float, int, ref[Session]]) -> bool:
    """True if its session is open, and has no later entry."""
    session = entry[2]()
    return (
        session is not None
        and not session.ended
        and session.records is not None
        and (session.records.due_at == entry[0])
    )
