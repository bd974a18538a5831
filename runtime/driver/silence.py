"""Silence: when nothing arrives for a reader, somebody has to find out whether anything can."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ...providers.schema.errors import RayconteurError
from ..api.errors import (
    DirectoryUnreachable,
    PeerUnreachable,
    SessionClosed,
    SessionDied,
    UnknownSession,
    Unreachable,
)
from ..cluster.ray_errors import ActorGone
from ..cluster.refs import SessionRef
from ..events.reader import Reader
from ..events.segments import Position
from ..streams.calls import CallTimedOut
from ..streams.connection import ConnectionLost
from ..streams.liveness import no_answer

log = logging.getLogger(__name__)

CALL_FAILURES = (UnknownSession, ActorGone, ConnectionLost, PeerUnreachable)
"""The errors of a call to a session that is not there."""

_INTERVAL = 0.25
"""How often, as a share of the timeout, a reader is checked. The check takes half of it: it is over in time."""

_WITHIN = 0.5


class SilenceWatch:
    """Fails *reader*, of one session, with ``Unreachable`` at most *timeout_s* after its events can't come any more.

    While nothing arrives, *check* is called with the seconds that it may take; it raises that error. If it raises that
    the session is over, the last events have a moment more to arrive. Until ``stop``.
    """

    def __init__(self, reader: Reader, check: Callable[[float], Awaitable[None]], timeout_s: float) -> None:
        self._reader = reader
        self._check = check
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._position = reader.position
        self._checking: asyncio.Task[None] | None = None
        self._over_at: Position | None = None  # the reader's position when the session was over, as was found then
        self._timer = self._loop.call_later(_INTERVAL * timeout_s, self._look)

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()
        if self._checking:
            self._checking.cancel()

    def _look(self) -> None:
        position = self._reader.position
        if position == self._position and (self._checking is None or self._checking.done()):
            self._checking = self._loop.create_task(self._fail_if_unreachable())
        self._position = position
        self._timer = self._loop.call_later(_INTERVAL * self._timeout_s, self._look)

    async def _fail_if_unreachable(self) -> None:
        try:
            await self._check(_WITHIN * self._timeout_s)
        except Unreachable as error:
            self._reader.fail(error)
        except (SessionDied, SessionClosed) as error:
            if self._over_at == self._reader.position:
                self._reader.fail(error)
            self._over_at = self._reader.position
        except RayconteurError as error:  # the runtime was left, or the cluster lost: that is told elsewhere
            log.debug("nobody knows whether events can arrive: %s", error)


async def check_reachable(
    session: SessionRef, failure_reason: Callable[[Exception], Awaitable[Exception]], reader: Reader, within_s: float
) -> None:
    """Check that events of *session* can reach *reader*: twice *within_s* at most.

    *failure_reason* finds out why a call failed.

    Raises:
        Unreachable: the session's actor or its router does not respond.
        SessionDied, SessionClosed: the actor can't be reached because the session is over.
        DirectoryUnreachable: whether it is, is not known.
    """
    host = session.host
    try:
        await host.liveness.reach(within_s)
    except CallTimedOut:
        raise no_answer(f"the actor {host.id!r}", host.timeout_s) from None
    except CALL_FAILURES as error:
        await _check_exists(session, failure_reason(error), within_s)
    try:
        await reader.check_source(within_s)
    except CallTimedOut:
        raise no_answer(f"the router of session {session.id!r}", host.timeout_s) from None


async def _check_exists(session: SessionRef, finding_reason: Awaitable[Exception], within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            reason = await finding_reason
    except TimeoutError:
        raise DirectoryUnreachable(
            f"the connection to the actor of session {session.id!r} broke, and the directory, which knows whether it "
            f"died, did not answer within {within_s:g} s; try again later"
        ) from None
    if isinstance(reason, SessionDied | SessionClosed):
        raise reason
