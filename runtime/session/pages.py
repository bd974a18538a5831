"""Statuses and histories in pages: encoding one, or decoding it, blocks an event loop for some milliseconds."""

from collections.abc import Iterable, Iterator

import msgspec

from ...providers.schema.messages import HistoryView, Message
from ..api.status import SessionStatus

PAGE_SESSIONS = 1_000
"""The statuses on a page."""

_PAGE_MESSAGES = 5_000
_PAGE_BYTES = 1 << 20
"""The bounds of a page of a history. A larger message has a page of its own."""


class HistoryPosition(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page of a history starts, and where the last one ends; *revision* is that of its view."""

    revision: int
    start: int
    end: int


class HistoryPage(msgspec.Struct, frozen=True, array_like=True):
    """The *messages* from *start* on, and where the *next* page starts, if there is one."""

    start: int
    messages: tuple[Message, ...]
    next: HistoryPosition | None


class _EncodedPage(msgspec.Struct, frozen=True, array_like=True):
    start: int
    messages: list[msgspec.Raw]
    next: HistoryPosition | None


_encode = msgspec.msgpack.Encoder().encode
_statuses = msgspec.msgpack.Decoder(list[SessionStatus]).decode
_messages = msgspec.msgpack.Decoder(tuple[Message, ...]).decode
_page = msgspec.msgpack.Decoder(HistoryPage).decode


def encode_messages(messages: Iterable[Message]) -> Iterator[bytes]:
    """*messages* in pages for ``decode_messages``."""
    page: list[msgspec.Raw] = []
    size_bytes = 0
    for message in messages:
        data = _encode(message)
        if page and (size_bytes + len(data) > _PAGE_BYTES or len(page) == _PAGE_MESSAGES):
            yield _encode(page)
            page, size_bytes = [], 0
        page.append(msgspec.Raw(data))
        size_bytes += len(data)
    if page:
        yield _encode(page)


def decode_messages(data: bytes) -> tuple[Message, ...]:
    """The messages on the page *data*."""
    return _messages(data)


def encode_statuses(statuses: Iterable[SessionStatus]) -> bytes:
    """*statuses* for ``decode_statuses``."""
    return _encode(list(statuses))


def decode_statuses(data: bytes) -> list[SessionStatus]:
    """The statuses in *data*."""
    return _statuses(data)


def encode_history_page(history: HistoryView, position: HistoryPosition | None) -> bytes:
    """The page of *history* at *position*, or the first one.

    It is the first one again if the history has lost messages since *position* was given.
    """
    if position is None or position.revision != history.revision:
        position = HistoryPosition(history.revision, 0, len(history))
    messages: list[msgspec.Raw] = []
    room_bytes = _PAGE_BYTES
    stop = position.start
    while stop < position.end and room_bytes > 0 and len(messages) < _PAGE_MESSAGES:
        data = _encode(history[stop])
        messages.append(msgspec.Raw(data))
        room_bytes -= len(data)
        stop += 1
    following = HistoryPosition(position.revision, stop, position.end) if stop < position.end else None
    return _encode(_EncodedPage(position.start, messages, following))


def decode_history_page(data: bytes) -> HistoryPage:
    """The page in *data*."""
    return _page(data)
