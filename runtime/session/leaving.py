"""Sessions that leave the memory of their process without an end: they go on elsewhere, from their records."""

import asyncio
import logging

from ...providers.schema.errors import InvalidConfig
from ..api.messages import Configure, ToLLM
from ..api.options import NEEDS_JOURNAL
from ..journal.errors import JournalError
from .closing import Closing
from .durable.idle_timer import IdleTimer
from .session import Session

log = logging.getLogger(__name__)


class Leaving:
    """Has sessions of a host leave that have been idle for their time.

    They can go on elsewhere if they are *durable*.
    """

    def __init__(self, closing: Closing, durable: bool) -> None:
        self._durable = durable
        self._closing = closing
        self.idle_timer = IdleTimer(self.passivate)
        self.passivated = 0
        """How many idle sessions have left so far."""

    def require_accepts(self, message: ToLLM) -> None:
        """Raises:
        InvalidConfig: it says when the session leaves memory, which it can't.
        """
        if isinstance(message, Configure) and message.passivate_after_s and not self._durable:
            raise InvalidConfig("message.passivate_after_s", NEEDS_JOURNAL)

    async def passivate(self, session: Session) -> bool:
        """Have *session* leave memory if it is at rest. Returns false if it is not, or is used meanwhile."""
        records = session.records
        if records is None or not _is_at_rest(session):
            return False
        active_at = records.active_at
        try:
            await records.store_snapshot_to_leave()
        except JournalError as error:
            log.warning("session %s stays in memory: its snapshot was not stored: %s", session.id, error)
            return False
        if records.active_at != active_at or session.ended or not _is_at_rest(session):
            return False
        self.passivated += 1
        log.debug("session %s leaves memory", session.id)
        await asyncio.shield(self._closing.leave(session))
        return True


def _is_at_rest(session: Session) -> bool:
    """True if it is idle, and nothing of it is still to be stored, to be acknowledged by its router, or to end."""
    is_stored = session.records is not None and session.records.is_stored
    return session.is_idle and is_stored and not session.outbox.size_bytes and not session.is_stopping
