"""Sessions and rows as parameters of statements in PostgreSQL."""

from collections.abc import Iterable
from typing import Any

from ..entry import SessionKey


def key_of(session: SessionKey) -> tuple[bytes, int]:
    """The columns that name *session*."""
    return id_bytes_of(session.id), session.epoch


def id_bytes_of(session_id: str) -> bytes:
    """Bytes that are ordered as the code points of *session_id*; there are some for every string."""
    return session_id.encode("utf-8", "surrogatepass")


def session_of(id_bytes: bytes, epoch: int) -> SessionKey:
    """The session that these columns name."""
    return SessionKey(id_bytes.decode("utf-8", "surrogatepass"), epoch)


def columns(number: int, rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """The *rows* of *number* columns as columns: arrays, in one statement for all rows."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(number)]
