"""Sessions that leave the memory of their process without an end: they go on elsewhere, from their records."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec

from ...providers.schema.errors import InvalidConfig
from ..api.errors import RuntimeDraining
from ..api.messages import AddMessages, Compact, Configure, Continue, Retry, ToLLM, UserMessage
from ..api.options import NEEDS_JOURNAL
from ..core.phases import ToolsOut
from ..journal.errors import JournalError
from ..logs.ids import ids
from ..metrics import catalog
from ..metrics.counts import COUNTS
from .closing import Closing, is_at_rest
from .durable.idle_timer import IdleTimer
from .session import Session

log = logging.getLogger(__name__)

_Work = UserMessage | AddMessages | Retry | Continue | Compact
_POLL_S = 0.02
_GROUP_SESSIONS = 100


class HandedOver(msgspec.Struct, frozen=True):
    """Sessions, ids with epochs: those that are *gone* from a host, ended or to go on elsewhere, and those *here*."""

    gone: list[tuple[str, int]]
    here: list[tuple[str, int]]


class Leaving:
    """Has sessions of a host leave: idle ones after their time, others for another host, or all when it is drained.

    *sessions* are those of the host, by their ids. They can go on elsewhere if they are *durable*.
    """

    def __init__(self, sessions: Mapping[str, Session], closing: Closing, durable: bool) -> None:
        self._sessions = sessions
        self._durable = durable
        self._closing = closing
        self.idle_timer = IdleTimer(self.passivate)
        self.is_draining = False
        self.passivated = 0
        """How many idle sessions have left so far."""

    def require_accepts(self, message: ToLLM) -> None:
        """Raises:
        RuntimeDraining: *message* starts something, and the host is being drained.
        InvalidConfig: it says when the session leaves memory, which it can't.
        """
        if isinstance(message, Configure) and message.passivate_after_s and not self._durable:
            raise InvalidConfig("message.passivate_after_s", NEEDS_JOURNAL)
        if self.is_draining and starts_work(message):
            raise RuntimeDraining("the session's process is being drained, and starts no turn; send it again later")

    def require_open(self) -> None:
        """Raises:
        RuntimeDraining: the host is being drained.
        """
        if self.is_draining:
            raise RuntimeDraining("the actor is being drained, and takes no session; use another runtime")

    async def passivate(self, session: Session) -> bool:
        """Have *session* leave memory if it is at rest. Returns false if it is not, or is used meanwhile."""
        records = session.records
        if records is None or not is_at_rest(session):
            return False
        active_at = records.active_at
        try:
            await records.store_snapshot_to_leave()
        except JournalError as error:
            log.warning(
                "session %s stays in memory: its snapshot was not stored: %s", session.id, error, extra=ids(session.id)
            )
            return False
        if records.active_at != active_at or session.ended or not is_at_rest(session):
            return False
        self.passivated += 1
        COUNTS.add(catalog.PASSIVATIONS, ("at_rest",))
        log.debug("session %s leaves memory", session.id, extra=ids(session.id))
        await asyncio.shield(self._closing.leave(session))
        return True

    async def drain(self, timeout_s: float) -> list[str]:
        """Have all sessions leave, or close them if they are not durable, when what they do is done.

        No turn is accepted from now on. After *timeout_s*, running turns are left as they are, to go on from the
        records; if there are none, they are interrupted. Returns the ids of the sessions of these.
        """
        self.is_draining = True
        self.idle_timer.stop()
        return await (self._leave_all(timeout_s) if self._durable else self._close_all(timeout_s))

    async def hand_over(
        self, session_ids: Sequence[str] | None, known: Sequence[tuple[str, int]], within_s: float
    ) -> HandedOver:
        """Have sessions leave, all of them without *session_ids*, when what they do is done, or after *within_s*.

        Until then, they take messages as ever. Returns when one of the *known* ones is gone, and at once if there are
        others. Call it again with those that are still here: the answer to a call may be lost, and nothing with it.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while True:
            sessions = self._chosen(session_ids)
            here = {(session.id, session.epoch): None for session in sessions}
            gone = [key for key in known if key not in here]
            if gone or not here or not here.keys() <= set(known):
                return HandedOver(gone, list(here))
            if loop.time() >= deadline:
                await self._park(sessions)
            elif not await self._leave_at_rest(sessions):
                await asyncio.sleep(max(0.0, min(_POLL_S, deadline - loop.time())))

    def _chosen(self, session_ids: Sequence[str] | None) -> list[Session]:
        if session_ids is None:
            return list(self._sessions.values())
        return [session for each in session_ids if (session := self._sessions.get(each))]

    async def _leave_all(self, timeout_s: float) -> list[str]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while self._sessions:
            if await self._leave_at_rest(list(self._sessions.values())):
                continue
            if loop.time() >= deadline:
                break
            await asyncio.sleep(min(_POLL_S, deadline - loop.time()))
        running = [session for session in self._sessions.values() if not session.is_idle]
        await self._park(tuple(self._sessions.values()))
        return sorted(session.id for session in running)

    async def _leave_at_rest(self, sessions: Sequence[Session]) -> bool:
        """Have those leave that do nothing, and that only wait for humans. Returns true if an idle one has left."""
        at_rest = [session for session in sessions if is_at_rest(session)][:_GROUP_SESSIONS]
        await self._park([session for session in sessions if _waits_for_humans(session)])
        return any(await asyncio.gather(*map(self.passivate, at_rest)))

    async def _park(self, sessions: Sequence[Session]) -> None:
        """Have *sessions* leave in the middle of what they do."""
        for session in sessions:
            COUNTS.add(catalog.PASSIVATIONS, ("running",))
            log.info(
                "session %s leaves before it is idle; whoever opens it has it go on", session.id, extra=ids(session.id)
            )
        if left := [self._closing.leave(session) for session in sessions]:
            await asyncio.wait(left)

    async def _close_all(self, timeout_s: float) -> list[str]:
        closing = [self._closing.start(session, True) for session in tuple(self._sessions.values())]
        if closing:
            await asyncio.wait(closing, timeout=timeout_s)
        late = [session for session in self._sessions.values() if not session.ended]
        closing = [self._closing.start(session, False) for session in tuple(self._sessions.values())]
        if closing:
            await asyncio.wait(closing)
        return sorted(session.id for session in late)


def starts_work(message: ToLLM) -> bool:
    """True if *message* starts a turn or a compaction, or is to be part of one."""
    return isinstance(message, _Work)


def _waits_for_humans(session: Session) -> bool:
    """True if nothing goes on in it before somebody approves a tool use, or answers a question."""
    phase = session.conversation.phase
    return isinstance(phase, ToolsOut) and not phase.batch.approved and not phase.batch.undecided
