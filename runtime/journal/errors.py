"""The errors of journals: what is wrong with the store, with a record in it, or with who writes.

RayconteurError                 providers/schema/errors.py
    JournalError
        JournalUnavailable          the store does not answer, or a write failed: repeat the call
            JournalFull                 there is no room: the same call succeeds when there is
            JournalAccessDenied         it refuses the user or the password: give it the right ones
            JournalNotFound             the server has no such database: create it, or name another
        UnsafeJournal               the server's settings would lose records: change them, or accept the loss
        JournalInUse                another process has the store open: end it, or use another store
        InvalidJournal              the store is damaged, no journal, or of a newer version: nothing was changed in it
            CorruptRecord               a record is damaged: those before it are readable
            UnknownRecord               a record is of a kind or version that this package does not know: update it
        RecordRejected              a record was not stored, and never will be
            RecordGap                   records before it are missing: go on from the expected number
            StaleIncarnation            a newer actor has taken over the session: this one must stop
            RecordConflict              another record with its number is stored
            RecordTooLarge              the journal takes no record of this size
        UnknownJournalSession       the journal has no session of this id and epoch
        JournalRequired             the namespace has none: start it without NoJournal()
        SearchUnsupported           the journal finds no words: use SQLite or PostgreSQL
"""

from ...providers.schema.errors import RayconteurError


class JournalError(RayconteurError):
    """An operation on a journal failed."""

    code = "journal"


class JournalUnavailable(JournalError):
    """The store does not answer, or a write failed.

    What a failed call was to store may be stored or not: repeat it, which stores nothing twice.
    """

    code = "journal_unavailable"


class JournalFull(JournalUnavailable):
    """There is no room for a write, of which nothing is stored."""

    code = "journal_full"


class JournalAccessDenied(JournalUnavailable):
    """The server refuses the user or the password, or the user lacks a right."""

    code = "journal_access_denied"


class JournalNotFound(JournalUnavailable):
    """The server has no such database."""

    code = "journal_not_found"


class UnsafeJournal(JournalError):
    """With the settings of its server, the store would lose records that it has acknowledged. Nothing was stored."""

    code = "unsafe_journal"


class JournalInUse(JournalError):
    """Another process has the store open, which only one may."""

    code = "journal_in_use"


class InvalidJournal(JournalError):
    """The store is damaged, no journal, or was written by a newer version of the package. Nothing was changed in it."""

    code = "invalid_journal"


class CorruptRecord(InvalidJournal):
    """The record *number* of *session_id* is damaged. Those before it are readable."""

    code = "corrupt_record"

    def __init__(self, message: str, session_id: str = "", number: int = 0) -> None:
        super().__init__(message, session_id, number)
        self.session_id = session_id
        self.number = number


class UnknownRecord(InvalidJournal):
    """A record is of a *kind*, or of a *version* of it, that this version of the package does not know."""

    code = "unknown_record"

    def __init__(self, message: str, kind: str = "", version: int = 0) -> None:
        super().__init__(message, kind, version)
        self.kind = kind
        self.version = version


class RecordRejected(JournalError):
    """A record was not stored, and would not be if it were sent again."""

    code = "record_rejected"


class RecordGap(RecordRejected):
    """Records before it are missing: *expected* is the number of the next one."""

    code = "record_gap"

    def __init__(self, message: str, expected: int = 0) -> None:
        super().__init__(message, expected)
        self.expected = expected


class StaleIncarnation(RecordRejected):
    """A newer actor, of the incarnation *current*, has taken over the session."""

    code = "stale_incarnation"

    def __init__(self, message: str, current: int = 0) -> None:
        super().__init__(message, current)
        self.current = current


class RecordConflict(RecordRejected):
    """Another record with its number is stored."""

    code = "record_conflict"


class RecordTooLarge(RecordRejected):
    """The journal takes no record, or no snapshot, of this size."""

    code = "record_too_large"


class UnknownJournalSession(JournalError):
    """The journal has no session of this id and epoch."""

    code = "unknown_journal_session"


class JournalRequired(JournalError):
    """The namespace has no journal, which this needs."""

    code = "journal_required"


class SearchUnsupported(JournalError):
    """The journal does not find sessions by words."""

    code = "search_unsupported"
