"""Closing sessions, and removing those that have ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ..api.messages import Close
from ..events.segments import shard_of
from .endings import Endings, log_failure
from .session import Session

log = logging.getLogger(__name__)

_CLOSING_SESSIONS = 2_000
"""Sessions that one call closes before those closed first are over: a router stores so many ends in 10 ms."""

_CLOSING_S = 0.1
"""How long it waits for that: while a router is away, none is over."""


class Closing:
    """Closes *sessions*, those of a host by their ids, and removes those that have ended.

    *on_end* is awaited with sessions, ids with their epochs, that are over: the router has all their events. There are
    so many *routers*.
    """

    def __init__(
        self, sessions: dict[str, Session], on_end: Callable[[dict[str, int]], Awaitable[None]], routers: int
    ) -> None:
        self._sessions = sessions
        self._on_end = on_end
        self._endings = [Endings(self._finalize) for _ in range(routers)]
        self._finalizing: dict[Session, asyncio.Future[None]] = {}

    def start(self, session: Session, drain: bool) -> asyncio.Future[None]:
        """Close *session*. The future is done when it is over; others may wait for it too."""
        if not session.ended:
            session.tell(Close(drain=drain), 0)
        if not session.ended:
            return asyncio.get_running_loop().create_task(self._wait_over(session))
        return self._finalizing[session]

    def on_session_end(self, session: Session) -> None:
        """*session* has ended: release what it holds, and remove it."""
        if session.is_stopping:
            self._finalizing[session] = task = asyncio.get_running_loop().create_task(self._finalize_stopped(session))
            task.add_done_callback(log_failure)
        else:
            self._finalizing[session] = self._end(session)

    def _end(self, session: Session) -> asyncio.Future[None]:
        return self._endings[shard_of(session.id, len(self._endings))].add(session)

    async def _wait_over(self, session: Session) -> None:
        await session.wait_ended()
        if session in self._finalizing:
            await asyncio.shield(self._finalizing[session])

    async def _finalize_stopped(self, session: Session) -> None:
        await session.wait_stopped()
        await asyncio.shield(self._end(session))

    async def _finalize(self, sessions: list[Session]) -> None:
        for session in sessions:
            try:
                await session.shutdown()
            except Exception as error:  # of its client's; the session is over all the same
                log.critical("session %s could not release everything", session.id, exc_info=error)
            del self._sessions[session.id]  # before others learn that the id is free, and reuse it here
        try:
            await self._on_end({session.id: session.epoch for session in sessions})
        finally:
            for session in sessions:
                del self._finalizing[session]


async def wait_for_room(closing: Mapping[asyncio.Future[None], Sequence[int]]) -> None:
    """Let the event loop serve others, and wait while too many sessions of *closing* are not over; but not for long."""
    await asyncio.sleep(0)
    late = [over for over in closing if not over.done()]
    if sum(len(closing[over]) for over in late) >= _CLOSING_SESSIONS:
        await asyncio.wait(late, timeout=_CLOSING_S, return_when=asyncio.FIRST_COMPLETED)
