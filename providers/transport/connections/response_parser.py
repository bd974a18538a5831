"""Parsing the responses that arrive over a connection."""

from collections.abc import Mapping
from typing import NamedTuple

import httptools

from .errors import InvalidResponse

_MAX_HEAD_BYTES = 256 << 10
_INFORMATIONAL = range(100, 200)
_SWITCHING_PROTOCOLS = 101


class Head(NamedTuple):
    """The head of a response."""

    status: int
    headers: Mapping[str, str]
    """By name, in lower case. The values of a header that occurs several times are separated by commas."""


class ResponseParser:
    """Parses one response after the other."""

    def __init__(self) -> None:
        self.head: Head | None = None
        """That of the current response, once it has arrived."""
        self.is_complete = False
        """Whether the current response has arrived whole."""
        self.keeps_connection = False
        """Whether another request may follow the current response, which is complete."""
        self._headers: dict[str, list[str]] = {}
        self._bytes_without_body = 0
        self._pieces: list[bytes] = []
        self.on_body = self._pieces.append
        self._parser = httptools.HttpResponseParser(self)
        # What the parsers of the SDKs' HTTP libraries accept, too.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._feed = self._parser.feed_data

    def expect(self) -> None:
        """The next response begins."""
        self.head = None
        self.is_complete = False
        self._headers = {}
        self._bytes_without_body = 0

    def feed(self, data: bytes) -> None:
        """*data* has arrived.

        Raises:
            InvalidResponse: the current response can't be read on. What was read before that is there.
        """
        problem: str | None = None
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            self.keeps_connection = False
            problem = f"the response is not valid HTTP/1.1: {error}"
        if problem and not self.is_complete:
            raise InvalidResponse(problem)  # without a context, whose traceback has the frames of the connection
        if not self._pieces:
            self._bytes_without_body += len(data)
            if self._bytes_without_body > _MAX_HEAD_BYTES and not self.is_complete:
                raise InvalidResponse(f"the headers of the response are larger than {_MAX_HEAD_BYTES >> 10} KB")

    def body(self) -> bytes:
        """What has arrived of the body since the last call."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return data

    @property
    def ends_with_connection(self) -> bool:
        """Whether the current response ends when the server closes the connection (RFC 9112, section 6.3)."""
        if self.head is None:
            return False
        headers = self.head.headers
        return "content-length" not in headers and "chunked" not in headers.get("transfer-encoding", "").lower()

    def close(self) -> None:
        """Parse no more."""
        del self._feed, self._parser  # which refer to this object

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise InvalidResponse  # the server sends a response to no request

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.head is not None:
            return  # in a trailer
        self._headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status == _SWITCHING_PROTOCOLS:
            raise InvalidResponse  # nobody has asked for that
        if status in _INFORMATIONAL:
            self._headers = {}
        else:
            self.head = Head(status, {name: ", ".join(values) for name, values in self._headers.items()})

    def on_message_complete(self) -> None:
        if self.head is not None:  # else it is informational, and the response proper follows
            self.is_complete = True
            self.keeps_connection = self._parser.should_keep_alive()
