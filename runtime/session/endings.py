"""The ends of sessions: a task for each costs more than all that a session leaves to be done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .session import Session

log = logging.getLogger(__name__)


class Endings:
    """Gives *finalize* the sessions that have ended: first one, then those that end meanwhile, together.

    Each router has one, so that sessions of a router that is away delay no others.
    """

    def __init__(self, finalize: Callable[[list[Session]], Awaitable[None]]) -> None:
        self._finalize = finalize
        self._pending: list[Session] = []
        self._pending_over: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None

    def add(self, session: Session) -> asyncio.Future[None]:
        """Finalize *session*. The future is done when that is over. Sessions share it, so it must not be cancelled."""
        if self._pending_over is None:
            self._pending_over = asyncio.get_running_loop().create_future()
            self._pending_over.add_done_callback(log_failure)
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        self._pending.append(session)
        return self._pending_over

    async def _run(self) -> None:
        try:
            while over := self._pending_over:
                sessions, self._pending, self._pending_over = self._pending, [], None
                try:
                    await self._finalize(sessions)
                except Exception as error:
                    over.set_exception(error)
                else:
                    over.set_result(None)
                del sessions  # nothing else refers to them
        finally:
            self._running = None


def log_failure(over: asyncio.Future[None]) -> None:
    """Log why the end of sessions failed: perhaps nobody waits for it."""
    if not over.cancelled() and (error := over.exception()):
        log.critical("sessions that ended could not release everything", exc_info=error)
