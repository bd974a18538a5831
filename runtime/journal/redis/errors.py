"""The errors of Redis, translated."""

from collections.abc import Generator
from contextlib import contextmanager

import msgspec
from redis import exceptions

from ..errors import (
    InvalidJournal,
    JournalAccessDenied,
    JournalError,
    JournalFull,
    JournalNotFound,
    JournalUnavailable,
)

_BY_TYPE: tuple[tuple[type[Exception], type[JournalError]], ...] = (
    (exceptions.AuthenticationError, JournalAccessDenied),
    (exceptions.AuthorizationError, JournalAccessDenied),
    (exceptions.NoPermissionError, JournalAccessDenied),
    (exceptions.OutOfMemoryError, JournalFull),
)

# Of those that redis-py has no type for, by what the server says.
_BY_MESSAGE: tuple[tuple[str, type[JournalError]], ...] = (
    ("No space left", JournalFull),
    ("DB index is out of range", JournalNotFound),
    ("Invalid Database", JournalNotFound),  # redis-py's own words for it, in some versions
    ("WRONGTYPE", InvalidJournal),
)


@contextmanager
def translated(name: str) -> Generator[None]:
    """Translates the errors of the journal *name*."""
    try:
        yield
    except exceptions.RedisError as error:
        raise _kind(error)(f"the journal {name} can't be used: {error}") from error
    except msgspec.MsgspecError as error:
        raise InvalidJournal(f"the journal {name} has something else in its keys: {error}") from error
    except TimeoutError:
        raise JournalUnavailable(f"the journal {name} did not answer in time") from None


def _kind(error: exceptions.RedisError) -> type[JournalError]:
    by_type = (kind for known, kind in _BY_TYPE if isinstance(error, known))
    by_message = (kind for part, kind in _BY_MESSAGE if part in str(error))
    return next(by_type, None) or next(by_message, JournalUnavailable)
