"""The templates of a namespace in its journal: records of a session of their own, whose id no other one can have."""

import time

import msgspec

from ..api.fleet.templates import TemplateBook
from .codec import checksum_of
from .entry import Entry, Position, SessionKey
from .errors import CorruptRecord, UnknownJournalSession, UnknownRecord
from .journal import Journal

_KEY = SessionKey("_templates", 1)
_KIND = "templates"
_VERSION = 1

_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(TemplateBook)


async def stored_book(journal: Journal) -> TemplateBook | None:
    """The templates as they were stored last; ``None`` if there have been none.

    Raises:
        JournalError: they can't be read; the class says why.
    """
    position = await _position(journal)
    if not position.number:
        return None
    (entry,) = await journal.read(_KEY, position.number - 1, 1)
    if entry.version != _VERSION:
        raise UnknownRecord(f"these templates are of version {entry.version}: update rayconteur", _KIND, entry.version)
    try:
        return _decoder.decode(entry.data)
    except msgspec.MsgspecError as error:
        raise CorruptRecord(f"the templates can't be read: {error}", _KEY.id, entry.number) from error


async def store_book(journal: Journal, book: TemplateBook) -> bool:
    """Store *book*, which follows the one that is stored. Returns false if another program was faster.

    Raises:
        JournalUnavailable: it may be stored or not.
    """
    position = await _position(journal)
    before = await stored_book(journal)
    if before and before.revision >= book.revision:
        return False
    data, number = _encode(book), position.number + 1
    entry = Entry(_KEY, 1, number, 0, time.time(), _KIND, _VERSION, checksum_of(data), data)
    (rejected,) = await journal.append([entry])
    return rejected is None


async def _position(journal: Journal) -> Position:
    try:
        return await journal.position(*_KEY)
    except UnknownJournalSession:
        return Position(_KEY, 1)
