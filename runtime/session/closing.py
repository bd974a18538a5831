"""Closing sessions, and removing those that have ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from ..api.errors import UnknownSession
from ..api.messages import Close
from ..events.outbox import Outbox
from ..events.publisher import Publisher
from ..events.segments import shard_of
from ..logs.ids import ids
from .durable.journaling import Journaling
from .endings import Endings, log_failure
from .session import Session

log = logging.getLogger(__name__)

_CLOSING_SESSIONS = 2_000
"""Sessions that one call closes before those closed first are over: a router stores so many ends in 10 ms."""

_STORE_S = 5.0
"""How long it waits for the journal, and the router, when a session leaves: what is not stored is not acknowledged."""

_CLOSING_S = 0.1
"""How long it waits for that: while a router is away, none is over."""


class Closing:
    """Closes *sessions*, those of a host by their ids, and removes those that have ended.

    *on_end* is awaited with sessions, ids with their epochs, that are over or have left: the router has all their
    events. Each of *publishers* is that of a router. With a *journaling*, other hosts may take sessions over.
    """

    def __init__(
        self,
        sessions: dict[str, Session],
        on_end: Callable[[dict[str, int]], Awaitable[None]],
        publishers: Sequence[Publisher],
        journaling: Journaling | None = None,
    ) -> None:
        self._sessions = sessions
        self._on_end = on_end
        self._endings = [Endings(self._finalize) for _ in publishers]
        self._leavings = [Endings(partial(self._finalize_left, publisher)) for publisher in publishers]
        self._finalizing: dict[Session, asyncio.Future[None]] = {}
        for number, publisher in enumerate(publishers):
            publisher.on_fenced = self.on_fenced
            if journaling:
                publisher.check_successors(partial(self._find_taken_over, number, journaling))

    def start(self, session: Session, drain: bool) -> asyncio.Future[None]:
        """Close *session*. The future is done when it is over; others may wait for it too."""
        if not session.ended:
            session.tell(Close(drain=drain), 0)
        if not session.ended:
            return asyncio.get_running_loop().create_task(self._wait_over(session))
        return self._finalizing[session]

    def leave(self, session: Session) -> asyncio.Future[None]:
        """Remove *session*, which goes on elsewhere from its records: from now on it is not here.

        The future is done when it can go on. Others share it, so it must not be cancelled.
        """
        del self._sessions[session.id]
        session.leave()
        return self._leavings[shard_of(session.id, len(self._leavings))].add(session)

    def on_session_end(self, session: Session) -> None:
        """*session* has ended: release what it holds, and remove it."""
        if session.is_stopping:
            self._finalizing[session] = task = asyncio.get_running_loop().create_task(self._finalize_stopped(session))
            task.add_done_callback(log_failure)
        else:
            self._finalizing[session] = self._end(session)

    def on_fenced(self, outbox: Outbox) -> None:
        """Another host has taken over a session: it ends here, and nothing of it reaches anybody any more."""
        session = self._sessions.get(outbox.session_id)
        if session and session.epoch == outbox.epoch and not session.ended:
            log.warning("session %s was taken over, and ends here", session.id, extra=ids(session.id))
            session.tell(Close(), 0)

    async def _find_taken_over(self, router: int, journaling: Journaling) -> list[Outbox]:
        """The outboxes of a router's sessions that other hosts have taken over, as far as that matters.

        It does for chunks, which are published before anything is recorded. Sessions at rest have none.
        """
        sessions = [each for each in self._sessions.values() if shard_of(each.id, len(self._endings)) == router]
        return await journaling.taken_over([each.outbox for each in sessions if not is_at_rest(each)])

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
                log.critical(
                    "session %s could not release everything", session.id, exc_info=error, extra=ids(session.id)
                )
            del self._sessions[session.id]  # before others learn that the id is free, and reuse it here
        try:
            await self._on_end({session.id: session.epoch for session in sessions})
        finally:
            for session in sessions:
                del self._finalizing[session]

    async def _finalize_left(self, publisher: Publisher, sessions: list[Session]) -> None:
        await asyncio.gather(*map(_shut_down_left, sessions))
        # Of a session that is not idle, the router knows the numbers of chunks that are not recorded.
        forgotten = [session.outbox.held for session in sessions if session.is_idle]
        await publisher.withdraw([session.outbox for session in sessions], forgotten)
        await self._on_end({session.id: session.epoch for session in sessions})


async def _shut_down_left(session: Session) -> None:
    """Wait until all of *session* is stored and published, and release what it holds."""
    await session.wait_stopped()
    try:
        if session.records and (stored := session.records.stored()):
            async with asyncio.timeout(_STORE_S):
                await stored
        async with asyncio.timeout(_STORE_S):
            await session.shutdown()
    except TimeoutError:
        log.warning(
            "session %s leaves, and not all of its events are stored or published", session.id, extra=ids(session.id)
        )
    except UnknownSession:
        log.info("session %s goes on in another process already", session.id, extra=ids(session.id))
    except Exception as error:  # of its client's; the session has left all the same
        log.critical("session %s could not release everything", session.id, exc_info=error, extra=ids(session.id))


async def wait_for_room(closing: Mapping[asyncio.Future[None], Sequence[int]]) -> None:
    """Let the event loop serve others, and wait while too many sessions of *closing* are not over; but not for long."""
    await asyncio.sleep(0)
    late = [over for over in closing if not over.done()]
    if sum(len(closing[over]) for over in late) >= _CLOSING_SESSIONS:
        await asyncio.wait(late, timeout=_CLOSING_S, return_when=asyncio.FIRST_COMPLETED)


def is_at_rest(session: Session) -> bool:
    """True if it is idle, and nothing of it is still to be stored, to be acknowledged by its router, or to end."""
    is_stored = session.records is not None and session.records.is_stored
    return session.is_idle and is_stored and not session.outbox.size_bytes and not session.is_stopping
