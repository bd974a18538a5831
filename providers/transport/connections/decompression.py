"""Decompressing the bodies of responses."""

import zlib

from .errors import InvalidResponse

PIECE_BYTES = 256 << 10
"""The most that is decompressed at once."""

_CODINGS = ("gzip", "x-gzip", "deflate")
_GZIP = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_ZLIB_METHOD = 8  # in the low half of a zlib header's first byte, RFC 1950


class Decompressor:
    """Decompresses a body of *coding*, in lower case as its headers name it."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._input: bytes = b""
        self._stream = zlib.decompressobj(_GZIP) if "gzip" in coding else None
        self._has_begun = False

    @property
    def is_complete(self) -> bool:
        """Whether the whole body has arrived, or none of it: some responses have a coding but no body."""
        return not self._has_begun or (self._stream is not None and self._stream.eof)

    def feed(self, data: bytes) -> None:
        """*data*, the next of the body, has arrived."""
        self._has_begun = self._has_begun or bool(data)
        self._input += data

    def read(self) -> bytes:
        """The next piece of what has arrived, of ``PIECE_BYTES`` at most: nothing if more has to arrive.

        Raises:
            InvalidResponse: it is corrupt, or of a coding that the request does not accept.
        """
        if not self._has_begun:
            return b""
        if self._coding not in _CODINGS:
            raise InvalidResponse(
                f"the response is compressed with {self._coding!r}, which the request does not accept"
            )
        try:
            return self._next_piece()
        except zlib.error as error:
            raise InvalidResponse(f"the compressed body is corrupt: {error}") from None

    def _next_piece(self) -> bytes:
        while True:
            stream = self._stream = self._stream or zlib.decompressobj(_deflate_bits(self._input))
            piece = stream.decompress(self._input, PIECE_BYTES)  # without input, what did not fit into the last piece
            self._input = stream.unconsumed_tail
            if piece or not stream.eof:
                return piece
            if "gzip" not in self._coding or not stream.unused_data.startswith(_GZIP_MAGIC):
                return b""  # what follows is padding
            self._input = stream.unused_data  # a gzip file may have several members, RFC 1952
            self._stream = zlib.decompressobj(_GZIP)


def _deflate_bits(start: bytes) -> int:
    """For a body that begins with *start*: zlib's form, as RFC 9110 says, or without its header, as some servers do."""
    return zlib.MAX_WBITS if start[0] & 0x0F == _ZLIB_METHOD else -zlib.MAX_WBITS
