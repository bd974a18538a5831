"""What every journal checks the same way."""

from collections.abc import Iterable

from .catalog.rows import CatalogFilter
from .codec import require_intact
from .entry import Entry, Position
from .errors import CorruptRecord, InvalidJournal, SearchUnsupported, StaleIncarnation, UnknownJournalSession
from .journal import PAGE_BYTES


def intact_page(entries: Iterable[Entry]) -> list[Entry]:
    """The *entries* before the first one that is damaged, of about ``PAGE_BYTES`` at most.

    Raises:
        CorruptRecord: the first of all is damaged.
    """
    page: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        try:
            require_intact(entry)
        except CorruptRecord:
            if not page:
                raise
            break
        page.append(entry)
        size_bytes += entry.size_bytes
        if size_bytes >= PAGE_BYTES:
            break
    return page


def require_no_later(position: Position, incarnation: int) -> None:
    """Raises:
    StaleIncarnation: a later one than *incarnation* writes the session of *position*.
    """
    if incarnation < position.incarnation:
        current = position.incarnation
        raise StaleIncarnation(f"session {position.session} was taken over by incarnation {current}", current)


def require_known_version(version: int, known: int, name: str) -> None:
    """Raises:
    InvalidJournal: the *version* of the journal *name* is above the last one that is *known* here.
    """
    if version > known:
        raise InvalidJournal(f"{name} has version {version}, but this version of rayconteur knows {known}: update it")


def require_no_words(selected: CatalogFilter) -> None:
    """Raises:
    SearchUnsupported: words are *selected*.
    """
    if selected.words:
        raise SearchUnsupported("this journal has no full-text search: use one in SQLite or PostgreSQL")


def unknown_session(session: object) -> UnknownJournalSession:
    """The error for a *session* of which nothing is stored."""
    return UnknownJournalSession(f"the journal has no session {session}")
