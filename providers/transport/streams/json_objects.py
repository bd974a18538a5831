"""Streams of JSON objects, with or without an array around them."""

import re

from ...schema.errors import ProtocolError
from .sse import EVENT_LIMIT_BYTES

_outside = re.compile(rb'["{}]').search
_inside = re.compile(rb'["\\]').search
_OPENING, _CLOSING, _ESCAPE = b"{", b"}", b"\\"


class ObjectStream:
    """Splits a stream of bytes, in whatever chunks it arrives, into the JSON objects in it.

    What is between them is ignored. An object larger than *limit_bytes* is an error, so that a server cannot
    fill the memory.
    """

    def __init__(self, provider: str, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self._provider = provider
        self._limit_bytes = limit_bytes
        self._depth = 0
        self._in_text = False
        self._skip = 0  # bytes of the next chunk that belong to an escape
        self._pieces: list[bytes] = []  # of the incomplete object
        self._size_bytes = 0

    @property
    def pending_bytes(self) -> int:
        """The size of what has arrived of the incomplete object."""
        return self._size_bytes

    def feed(self, chunk: bytes) -> list[bytes]:
        """Each object that *chunk* completes.

        Raises:
            ProtocolError: an object is too large.
        """
        objects: list[bytes] = []
        at, start = self._skip, 0
        while mark := (_inside if self._in_text else _outside)(chunk, at):
            at = mark.end()
            sign = mark.group()
            if self._in_text:
                self._in_text = sign == _ESCAPE
                at += sign == _ESCAPE
            elif sign == _OPENING:
                start = start if self._depth else mark.start()
                self._depth += 1
            elif sign == _CLOSING and self._depth:
                self._depth -= 1
                if not self._depth:
                    objects.append(b"".join((*self._pieces, chunk[start:at])))
                    self._pieces.clear()
                    self._size_bytes = 0
            elif self._depth:
                self._in_text = True
        self._skip = max(0, at - len(chunk))
        if self._depth:
            self._keep(chunk[start:])
        return objects

    def remainder(self) -> bytes | None:
        """The incomplete object at the end of the stream, if there is one."""
        return b"".join(self._pieces) or None

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size_bytes += len(piece)
        if self._size_bytes > self._limit_bytes:
            raise ProtocolError(f"an object of the stream is larger than {self._limit_bytes} bytes", self._provider)
