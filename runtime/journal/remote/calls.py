"""The calls of a journal in another process, and their outcomes."""

import pickle
from typing import Any

import msgspec

from ..catalog.rows import CatalogChange, CatalogFilter, CatalogPlace
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..errors import JournalError


class _Call(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A method of ``Journal``, with its arguments."""


class Append(_Call, frozen=True, tag=1):
    """``Journal.append``, with as many entries as one frame may have."""

    entries: list[Entry]


class TakeOver(_Call, frozen=True, tag=2):
    """``Journal.take_over``."""

    session: SessionKey
    incarnation: int


class Read(_Call, frozen=True, tag=3):
    """``Journal.read``."""

    session: SessionKey
    after: int
    limit: int


class PutSnapshot(_Call, frozen=True, tag=4):
    """``Journal.put_snapshot``."""

    snapshot: StoredSnapshot


class FindSnapshot(_Call, frozen=True, tag=5):
    """``Journal.snapshot``."""

    session: SessionKey
    before: int | None


class FindPosition(_Call, frozen=True, tag=6):
    """``Journal.position``."""

    session_id: str
    epoch: int | None


class ListSessions(_Call, frozen=True, tag=7):
    """``Journal.sessions``, with at most ``PAGE_ENTRIES`` of them."""

    after: SessionKey | None
    limit: int


class Delete(_Call, frozen=True, tag=8):
    """``Journal.delete``."""

    session: SessionKey
    expected: Position | None


class PutCatalog(_Call, frozen=True, tag=9):
    """``Journal.put_catalog``."""

    changes: list[CatalogChange]


class ListCatalog(_Call, frozen=True, tag=10):
    """``Journal.catalog``, with at most ``PAGE_ENTRIES`` rows."""

    selected: CatalogFilter
    before: CatalogPlace | None
    limit: int


class FindCatalogRows(_Call, frozen=True, tag=11):
    """``Journal.catalog_rows``."""

    sessions: list[SessionKey]


class CountCatalog(_Call, frozen=True, tag=12):
    """``Journal.count``."""

    selected: CatalogFilter


class ListOwners(_Call, frozen=True, tag=13):
    """``Journal.owners``, with at most ``PAGE_ENTRIES`` of them."""

    after: str
    limit: int


JournalCall = (
    Append
    | TakeOver
    | Read
    | PutSnapshot
    | FindSnapshot
    | FindPosition
    | ListSessions
    | Delete
    | PutCatalog
    | ListCatalog
    | FindCatalogRows
    | CountCatalog
    | ListOwners
)

METHOD = 1
"""The number of all of them on a stream: their tags tell them apart."""


class Outcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The encoded result of a call, or the pickled error that it failed with."""

    result: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: bytes = b""


encode = msgspec.msgpack.encode
decode_call = msgspec.msgpack.Decoder(JournalCall).decode
decode_outcome = msgspec.msgpack.Decoder(Outcome).decode


def pickled(error: JournalError | None) -> bytes:
    """*error* in an outcome; empty for none."""
    return pickle.dumps(error) if error else b""


def unpickled(error: bytes) -> Any:
    """What ``pickled`` was given, by a peer that knows the secret: Ray trusts its own likewise."""
    return pickle.loads(error) if error else None
