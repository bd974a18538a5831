"""Telling the format of a body by its first bytes, whatever was requested and whatever its headers say."""

from collections.abc import Callable, Iterable
from typing import Protocol

from ..faults import unreadable_body
from .json_objects import ObjectStream
from .sse import EventStream, begins_with_field

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# A page is longer, but its beginning says what it is.
_TEXT_LIMIT_BYTES = 4 << 10


class EventSplitter(Protocol):
    """Splits a stream of bytes, in whatever chunks it arrives, into its events."""

    @property
    def pending_bytes(self) -> int:
        """The size of what has arrived of the incomplete event."""
        ...

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Each event that *chunk* completes.

        Raises:
            ProtocolError: the bytes are not an event.
        """
        ...

    def remainder(self) -> bytes | None:
        """The last event if only the marker of its end is missing.

        Raises:
            ProtocolError: the bytes are not a stream of events.
        """
        ...


class BodyFormat:
    """Splits a body into its events: the data of server-sent events, JSON objects or, with *frames*, binary frames.

    JSON is one object, such as a whole answer or an error, an array of objects, or one object after another. What
    stands between them, such as a ``data: [DONE]`` at the end, is ignored.
    """

    def __init__(self, provider: str, frames: EventSplitter | None = None) -> None:
        self._provider = provider
        self._frames = frames
        self._head = b""  # until its first byte that is not blank
        self._splitter: EventSplitter | None = None

    @property
    def pending_bytes(self) -> int:
        """The size of what has arrived of the incomplete event."""
        return self._splitter.pending_bytes if self._splitter else 0

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Each event that *chunk* completes.

        Raises:
            ProtocolError: the bytes are not an event.
        """
        if self._splitter is not None:
            return self._splitter.feed(chunk)
        self._head = chunk = (self._head + chunk).lstrip()
        if _BYTE_ORDER_MARK.startswith(chunk):
            return ()
        self._splitter = self._splitter_for(chunk.removeprefix(_BYTE_ORDER_MARK).lstrip()[:1])
        self._head = b""
        return self._splitter.feed(chunk)

    def remainder(self) -> bytes | None:
        """The last event if only the marker of its end is missing.

        Raises:
            ProtocolError: the body is text or a web page.
        """
        return self._splitter.remainder() if self._splitter else None

    @property
    def split(self) -> Callable[[bytes], Iterable[bytes]]:
        """What splits the rest of the body: ``feed``, or what it calls."""
        return self._splitter.feed if self._splitter else self.feed

    def is_events(self, head: bytes) -> bool:
        """True if the body, which begins with *head*, is the beginning of a stream of events, and no single object."""
        if isinstance(self._splitter, EventStream):
            return begins_with_field(head.lstrip().removeprefix(_BYTE_ORDER_MARK).lstrip())
        head = head.strip()
        is_whole = head.startswith(b"{") or (head.startswith(b"[") and head.endswith(b"]"))
        return self._splitter is None or self._splitter is self._frames or not is_whole

    def _splitter_for(self, first: bytes) -> EventSplitter:
        match first:
            case b"{" | b"[":
                return ObjectStream(self._provider)
            case b"" | b":" | b"d" | b"e" | b"i" | b"r":  # the fields of server-sent events
                return EventStream(self._provider)
            case b"\0" | b"\1" if self._frames is not None:  # of its length, of which 32 MB are the limit
                return self._frames
            case _:
                return _Text(self._provider)


class _Text:
    """A body that is not a stream of events, but a web page or a message for people."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._body = b""

    @property
    def pending_bytes(self) -> int:
        return len(self._body)

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        self._body += chunk
        if len(self._body) > _TEXT_LIMIT_BYTES:
            self.remainder()
        return ()

    def remainder(self) -> bytes | None:
        raise unreadable_body(self._provider, self._body)
