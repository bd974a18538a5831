"""Statuses and histories in pages: encoding one, or decoding it, blocks an event loop for some milliseconds."""

from collections.abc import Iterable, Sequence

import msgspec

from ...providers.schema.messages import HistoryView, Message, Role
from ..api.status import SessionStatus
from ..core.events import Imported

PAGE_SESSIONS = 500
"""The statuses on a page."""

_PAGE_MESSAGES = 5_000
_PAGE_BYTES = 1 << 20
"""The bounds of a page of a history. A larger message has a page of its own."""

_PAGE_SCANNED = 20_000
"""The messages that are looked at for one page."""


class HistoryPosition(msgspec.Struct, frozen=True, array_like=True):
    """Where the next page of a history starts, and where the last one ends; *revision* is that of its view.

    *read* messages were on the pages before.
    """

    revision: int
    start: int
    end: int
    read: int = 0


class HistorySelection(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a history: those of *roles*, if any are given, of turns *before* and *after* these.

    Of more than *limit*, these are the last ones. The history is that of now, or what it was after the turn *at*.
    """

    limit: int | None = None
    roles: frozenset[Role] = frozenset()
    before: int | None = None
    after: int | None = None
    at: int | None = None

    def has(self, message: Message) -> bool:
        """True if *message* is selected, whatever the limit."""
        return (
            (not self.roles or message.role in self.roles)
            and (self.before is None or message.turn < self.before)
            and (self.after is None or message.turn > self.after)
        )

    def start(self, history: HistoryView) -> int:
        """The index of the first message that is within the limit. The cost is that of the messages after it."""
        if self.limit is None:
            return 0
        left = self.limit
        for back, message in enumerate(reversed(history), start=1):
            left -= self.has(message)
            if not left:
                return len(history) - back
        return 0

    def of(self, history: Sequence[Message]) -> tuple[Message, ...]:
        """Those that are selected of *history*."""
        selected = [message for message in history if self.has(message)]
        return tuple(selected if self.limit is None else selected[-self.limit :])


WHOLE = HistorySelection()


class HistoryPage(msgspec.Struct, frozen=True, array_like=True):
    """The *messages*, of which *start* were on earlier pages, and where the *next* page starts, if there is one."""

    start: int
    messages: tuple[Message, ...]
    next: HistoryPosition | None


class _EncodedPage(msgspec.Struct, frozen=True, array_like=True):
    start: int
    messages: list[msgspec.Raw]
    next: HistoryPosition | None


_encode = msgspec.msgpack.Encoder().encode
_statuses = msgspec.msgpack.Decoder(list[SessionStatus]).decode
_part = msgspec.msgpack.Decoder(Imported).decode
_page = msgspec.msgpack.Decoder(HistoryPage).decode


def encode_part(part: Imported) -> bytes:
    """A *part* of an initial history, for ``decode_part``."""
    return _encode(part)


def decode_part(data: bytes) -> Imported:
    """The part in *data*."""
    return _part(data)


def encode_statuses(statuses: Iterable[SessionStatus]) -> bytes:
    """*statuses* for ``decode_statuses``."""
    return _encode(list(statuses))


def decode_statuses(data: bytes) -> list[SessionStatus]:
    """The statuses in *data*."""
    return _statuses(data)


def encode_history_page(
    history: HistoryView, position: HistoryPosition | None, selection: HistorySelection = WHOLE
) -> bytes:
    """The page of *history* at *position*, or the first one, with those of its messages that *selection* has.

    It is the first one again if the history has lost messages since *position* was given.
    """
    if position is None or position.revision != history.revision:
        position = HistoryPosition(history.revision, selection.start(history), len(history))
    messages: list[msgspec.Raw] = []
    room_bytes = _PAGE_BYTES
    stop = position.start
    end = min(position.end, position.start + _PAGE_SCANNED)
    while stop < end and room_bytes > 0 and len(messages) < _PAGE_MESSAGES:
        message = history[stop]
        stop += 1
        if selection is WHOLE or selection.has(message):
            data = _encode(message)
            messages.append(msgspec.Raw(data))
            room_bytes -= len(data)
    read = position.read + len(messages)
    following = HistoryPosition(position.revision, stop, position.end, read) if stop < position.end else None
    return _encode(_EncodedPage(position.read, messages, following))


def decode_history_page(data: bytes) -> HistoryPage:
    """The page in *data*."""
    return _page(data)
