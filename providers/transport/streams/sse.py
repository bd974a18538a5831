"""Server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import re

import msgspec

from ...schema.errors import ProtocolError

EVENT_LIMIT_BYTES = 64 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CR, _LF = b"\r\n"
# An event with one line of data, after its name and its id. Errors are read otherwise.
_PLAIN_EVENT = rb"(?:event: (?![eE]rror\n).*\n)?(?:id: .*\n)?data: (.*)\n\n"
_plain_event = re.compile(_PLAIN_EVENT).match
_find_plain_data = re.compile(rb"(?:\A|(?<=\n\n))" + _PLAIN_EVENT).findall
_FIELDS = (b"", b"data", b"event", b"id", b"retry", b"error")  # without a name: a comment, or a blank line
# JSON without a field, which gateways write into an open stream: an error, up to the next field or blank line.
_bare_json = re.compile(rb"^\[?\{.*(?:\n(?!data:|event:|id:|:).+)*", re.MULTILINE).sub
_has_bare_json = re.compile(rb"^\[?\{", re.MULTILINE).search
_says_why = re.compile(rb'"(?:error|errors|message|msg|detail)"').search
_end_of_name = re.compile(rb"[:\r\n]").search
_lone_cr = re.compile(rb"\r(?!\n)").search


class EventStream:
    """Splits a stream of bytes, in whatever chunks it arrives, into the data of its events.

    The names of events are dropped: every API read here repeats them in the data. An event larger than *limit_bytes* is
    an error, so that a server cannot fill the memory.
    """

    def __init__(self, provider: str, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self._provider = provider
        self._limit_bytes = limit_bytes
        self._possible_mark: bytes | None = b""  # a possible byte order mark; None once it is decided
        self._after_cr = False
        self._pieces: list[bytes] = []  # of the incomplete event; none is empty, none contains a blank line
        self._size_bytes = 0

    @property
    def pending_bytes(self) -> int:
        """The size of what has arrived of the incomplete event, comments in it aside."""
        return 0 if self._pieces and self._pieces[0].startswith(b":") else self._size_bytes

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that *chunk* completes.

        Raises:
            ProtocolError: an event is too large.
        """
        if self._possible_mark is not None:
            chunk = self._without_byte_order_mark(chunk)
        if self._after_cr or _CR in chunk:
            chunk = self._with_lf_only(chunk)
        if not self._pieces and (event := _plain_event(chunk)) and event.end() == len(chunk):
            return [event[1]]  # in half the time of what follows
        if not chunk:
            return []
        if self._pieces:
            ended = b"\n\n" in chunk or (chunk[0] == _LF and self._pieces[-1].endswith(b"\n"))
            self._keep(chunk)
            # Searching only the new chunk keeps a large event in many chunks linear.
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
        """The data of the last event if the stream ended before the blank line that completes it.

        The specification drops such an event.
        """
        data = _all_data(b"".join(self._pieces) + b"\n\n")
        return data[-1] if data else None

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size_bytes += len(piece)
        if self._size_bytes > self._limit_bytes:
            raise ProtocolError(f"an event of the stream is larger than {self._limit_bytes} bytes", self._provider)

    def _without_byte_order_mark(self, chunk: bytes) -> bytes:
        """*chunk* without a byte order mark at the start of the stream; empty while that is undecided."""
        chunk = (self._possible_mark or b"") + chunk
        if len(chunk) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(chunk):
            self._possible_mark = chunk
            return b""
        self._possible_mark = None
        return chunk.removeprefix(_BYTE_ORDER_MARK)

    def _with_lf_only(self, chunk: bytes) -> bytes:
        """*chunk* with LF for each CR, LF and CRLF. A CR ends its line at once; an LF that follows it is skipped."""
        follows = chunk.removeprefix(b"\n") if self._after_cr else chunk
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        if not _lone_cr(follows):  # removing them takes a fifth of the time of replacing both
            return follows.replace(b"\r", b"")
        return follows.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def begins_with_field(body: bytes) -> bool:
    """True if *body* begins with a line of server-sent events: a comment, or one of the fields that are read here."""
    if end := _end_of_name(body):
        return body[: end.start()] in _FIELDS
    return any(field.startswith(body) for field in _FIELDS)


def _as_event(found: re.Match[bytes]) -> bytes:
    return b"\ndata: %b\n\n" % found.group().replace(b"\n", b"\ndata: ")


def _all_data(events: bytes) -> list[bytes]:
    """The data of each of the complete *events*."""
    plain = _find_plain_data(events)
    # Events of other forms are rare, and parsing one by one costs twice this.
    if len(plain) == events.count(b"\n\n"):
        return plain
    if _has_bare_json(events):
        events = _bare_json(_as_event, events)
    return [data for event in events.split(b"\n\n") if (data := _data(event)) is not None]


def _data(event: bytes) -> bytes | None:
    """The data of *event*; ``None`` if it has none, as a comment.

    Errors are read as an object with an ``error``: llama.cpp's field of that name, and an event of that name whose data
    is not an object with an error in it. An object whose lines have no field of their own is read as well.
    """
    fields: dict[bytes, list[bytes]] = {}
    for line in event.split(b"\n"):
        field, _, value = line.partition(b":")
        fields.setdefault(field, []).append(value.removeprefix(b" "))
    values = fields.get(b"data")
    if b"error" in fields:
        return _as_error(b"\n".join(fields[b"error"]))
    data = None if values is None else b"\n".join(values)
    is_error = [name.lower() for name in fields.get(b"event", ())] == [b"error"]
    if is_error and not (data and data.lstrip().startswith(b"{") and _says_why(data)):
        return _as_error(b"error" if data is None or not data.strip(b"{} \n") else data)
    if data == b"{":
        return event[event.index(b"{") :]
    return data


def _as_error(problem: bytes) -> bytes:
    is_object = problem.lstrip().startswith(b"{")
    return b'{"error":%b}' % (problem if is_object else msgspec.json.encode(problem.decode(errors="replace")))
