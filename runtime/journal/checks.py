"""What every journal checks the same way."""

from collections.abc import Sequence

from .codec import require_intact
from .entry import Entry, Position
from .errors import CorruptRecord, StaleIncarnation, UnknownJournalSession


def intact(entries: Sequence[Entry]) -> list[Entry]:
    """The *entries* before the first one that is damaged.

    Raises:
        CorruptRecord: that is the first of all.
    """
    read: list[Entry] = []
    for entry in entries:
        try:
            require_intact(entry)
        except CorruptRecord:
            if not read:
                raise
            break
        read.append(entry)
    return read


def require_no_later(position: Position, incarnation: int) -> None:
    """Raises:
    StaleIncarnation: a later one than *incarnation* writes the session of *position*.
    """
    if incarnation < position.incarnation:
        current = position.incarnation
        raise StaleIncarnation(f"session {position.session} was taken over by incarnation {current}", current)


def unknown_session(session: object) -> UnknownJournalSession:
    """The error for a *session* of which nothing is stored."""
    return UnknownJournalSession(f"the journal has no session {session}")
