"""Server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re

from ..schema.errors import ProtocolError

EVENT_LIMIT_BYTES = 64 << 20
_MARK = b"\xef\xbb\xbf"
_usual_data = re.compile(rb"\ndata: (.*)(?=\n\n)").findall  # one line of data, and the last of its event
_lone_cr = re.compile(rb"\r(?!\n)").search


class EventStream:
    """Cuts a stream of bytes, whatever its pieces, into the data of its events.

    An event's name is not kept: every API read here says the same in the data. An event larger than *limit_bytes* is an
    error, so that a server cannot fill the memory.
    """

    def __init__(self, provider: str, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self._provider = provider
        self._limit_bytes = limit_bytes
        self._mark: bytes | None = b""  # what may become a byte order mark; None when that is settled
        self._after_cr = False
        self._pieces: list[bytes] = []  # of the event that is not complete; none of them empty, no blank line inside
        self._size_bytes = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that *chunk* completes.

        Raises:
            ProtocolError: an event is too large.
        """
        if self._mark is not None:
            chunk = self._unmarked(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        if not chunk:
            return []
        if self._pieces:
            ended = b"\n\n" in chunk or (chunk[0] == 0x0A and self._pieces[-1].endswith(b"\n"))
            self._keep(chunk)
            # Looking at the new piece alone keeps a large event in many pieces linear.
            if not ended:
                return []
            chunk = b"".join(self._pieces)
            self._pieces.clear()
            self._size_bytes = 0
        end = chunk.rfind(b"\n\n") + 2
        if end == 1:
            self._keep(chunk)
            return []
        if end < len(chunk):
            self._keep(chunk[end:])
        return _all_data(chunk[:end])

    def remainder(self) -> bytes | None:
        """The data of the last event, where the stream ended before the blank line that completes it.

        The specification drops it.
        """
        return _data(b"".join(self._pieces))

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size_bytes += len(piece)
        if self._size_bytes > self._limit_bytes:
            raise ProtocolError(f"an event of the stream is larger than {self._limit_bytes} bytes", self._provider)

    def _unmarked(self, chunk: bytes) -> bytes:
        """*chunk* without the byte order mark that a stream may begin with; empty as long as that is open."""
        chunk = (self._mark or b"") + chunk
        if len(chunk) < len(_MARK) and _MARK.startswith(chunk):
            self._mark = chunk
            return b""
        self._mark = None
        return chunk.removeprefix(_MARK)

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """*chunk* with LF for each CR, LF and CRLF. A CR ends its line at once; an LF that follows is passed over."""
        follows = chunk.removeprefix(b"\n") if self._after_cr else chunk
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        if not _lone_cr(follows):  # taking out what belongs to an LF takes a fifth of replacing both
            return follows.replace(b"\r", b"")
        return follows.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _all_data(events: bytes) -> list[bytes]:
    """The data of each of *events*, all of them complete."""
    lines = b"\n" + events
    usual = _usual_data(lines)
    # Events of another form are rare, and taking one after the other costs twice this.
    if len(usual) == lines.count(b"\ndata"):
        return usual
    return [data for event in events.split(b"\n\n") if (data := _data(event)) is not None]


def _data(event: bytes) -> bytes | None:
    """The data of *event*; ``None`` where it has none, as with comments."""
    lines = [line.partition(b":") for line in event.split(b"\n")]
    values = [value.removeprefix(b" ") for field, _, value in lines if field == b"data"]
    return b"\n".join(values) if values else None
