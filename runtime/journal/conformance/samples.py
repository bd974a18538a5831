"""What the checks share: entries, and a journal for each."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from ..catalog.rows import CatalogChange, CatalogRow
from ..codec import checksum_of
from ..entry import Entry, SessionKey
from ..errors import JournalError
from ..journal import Journal

OpenJournal = Callable[[], Awaitable[Journal]]
"""Opens the journal of a check: empty at first, and later with what is stored."""

Check = Callable[[OpenJournal], Awaitable[None]]

A, B = SessionKey("a", 1), SessionKey("b", 1)


def entry(
    session: SessionKey = A,
    number: int = 1,
    incarnation: int = 1,
    data: bytes = b"data",
    events: bytes = b"",
    *,
    at: float | None = None,
) -> Entry:
    """An entry for tests."""
    at, checksum = 1_700_000_000.5 + number if at is None else at, checksum_of(data, events)
    return Entry(session, incarnation, number, number * 10, at, "test", 1, checksum, data, events)


def entries(session: SessionKey, *numbers: int) -> list[Entry]:
    """Entries of *session*, each with data of its own."""
    return [entry(session, number, data=f"{session} {number}".encode()) for number in numbers]


def row(session: SessionKey = A, last_at: float = 1.0, number: int = 1, **labels: Any) -> CatalogRow:
    """A row of the catalog for tests; *labels* are its other fields."""
    return CatalogRow(session, number, last_at, **labels)


async def put(journal: Journal, *rows: CatalogRow) -> None:
    """Store *rows*, and their sessions, which have a record each."""
    await journal.append([entry(each.session) for each in rows])
    await journal.put_catalog([CatalogChange(each) for each in rows])


@asynccontextmanager
async def opened(open_journal: OpenJournal) -> AsyncGenerator[Journal]:
    """The journal of a check, which is closed in the end."""
    journal = await open_journal()
    try:
        yield journal
    finally:
        await journal.aclose()


async def error_of(call: Awaitable[object]) -> JournalError:
    """The error that *call* raises."""
    try:
        result = await call
    except JournalError as error:
        return error
    raise AssertionError(f"it succeeded, with {result!r}")
