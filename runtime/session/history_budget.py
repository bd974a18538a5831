"""The bound on the histories of all sessions of a process."""

import logging

from ..api.errors import HistoryFull
from ..core.history import HistorySize
from ..logs.ids import ids
from .session import Session

log = logging.getLogger(__name__)


class HistoryBudget:
    """Counts what the histories of open sessions take. They may take *limit_bytes* together."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self._removable: dict[Session, int] = {}  # sessions with messages that only their full history has

    def update(self, session: Session, before: HistorySize, now: HistorySize) -> None:
        """The history of *session* took *before*, and takes *now*."""
        self.used_bytes += now.held_bytes - before.held_bytes
        if now.removed_bytes:
            self._removable[session] = now.removed_bytes
        else:
            self._removable.pop(session, None)

    def require_room(self, size_bytes: int) -> None:
        """Make room for a message of *size_bytes*, if necessary by dropping what compactions removed.

        Raises:
            HistoryFull: there is none.
        """
        if self.used_bytes + size_bytes <= self.limit_bytes:
            return
        largest = sorted(self._removable, key=self._removable.__getitem__)
        while largest and self.used_bytes + size_bytes > self.limit_bytes - self.limit_bytes // 10:
            session = largest.pop()
            log.info(
                "session %s: the host is at its limit: dropping what compactions removed",
                session.id,
                extra=ids(session.id),
            )
            session.drop_removed()
        if self.used_bytes + size_bytes > self.limit_bytes:
            raise HistoryFull(
                f"the histories of all sessions of this process have {self.used_bytes:,} bytes, the message "
                f"{size_bytes:,}, and RuntimeOptions.host_history_bytes is {self.limit_bytes:,}; clear or close "
                "sessions, put fewer on an actor, or raise the limit"
            )
