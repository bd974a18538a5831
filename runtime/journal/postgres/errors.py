"""The errors of PostgreSQL, translated."""

import re
from collections.abc import Generator
from contextlib import contextmanager

import psycopg

from ..errors import (
    InvalidJournal,
    JournalAccessDenied,
    JournalError,
    JournalFull,
    JournalNotFound,
    JournalUnavailable,
)

# By SQLSTATE, or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_STATE: tuple[tuple[str, type[JournalError]], ...] = (
    ("28", JournalAccessDenied),
    ("42501", JournalAccessDenied),  # insufficient privilege
    ("3D000", JournalNotFound),
    ("53100", JournalFull),
    ("22", InvalidJournal),
    ("23", InvalidJournal),
    ("3F000", InvalidJournal),  # no such schema
    ("42", InvalidJournal),  # no such table or function, or others than ours
    ("XX001", InvalidJournal),  # data corrupted
    ("XX002", InvalidJournal),  # index corrupted
)

# libpq does not say the SQLSTATE of a refused connection, only the server's message.
_BY_MESSAGE: tuple[tuple[str, type[JournalError]], ...] = (
    ("authentication failed|no password supplied|no pg_hba.conf entry", JournalAccessDenied),
    ("not permitted to log in|permission denied|role .* does not exist", JournalAccessDenied),
    ("database .* does not exist", JournalNotFound),
)


@contextmanager
def translated(name: str) -> Generator[None]:
    """Translates the errors of the journal *name*."""
    try:
        yield
    except psycopg.Error as error:
        raise _kind(error)(f"the journal {name} can't be used: {_message(error)}") from error
    except TimeoutError as error:
        raise JournalUnavailable(f"the journal {name} did not answer in time") from error


def _kind(error: psycopg.Error) -> type[JournalError]:
    if error.sqlstate:
        kinds = (kind for state, kind in _BY_STATE if str(error.sqlstate).startswith(state))
    else:
        kinds = (kind for pattern, kind in _BY_MESSAGE if re.search(pattern, str(error)))
    return next(kinds, JournalUnavailable)


def _message(error: psycopg.Error) -> str:
    """What the server says, without details: these may have what is in rows."""
    return error.diag.message_primary or " ".join(str(error).split())
