"""Decompressing the bodies of responses."""

import zlib
from collections.abc import Iterator

from .errors import InvalidResponse

_PIECE_BYTES = 256 << 10
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB_METHOD = 8  # in the low half of a zlib header's first byte, RFC 1950


class Decompressor:
    """Decompresses a body of the *coding* that its ``Content-Encoding`` names.

    Raises:
        InvalidResponse: it is not among ``CODINGS``.
    """

    def __init__(self, coding: str) -> None:
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise InvalidResponse(f"the response is compressed with {coding!r}, which the request does not accept")
        self._is_gzip = coding != "deflate"
        self._stream = zlib.decompressobj(_GZIP) if self._is_gzip else None

    @property
    def is_complete(self) -> bool:
        """Whether all of the compressed body has arrived."""
        return self._stream is None or self._stream.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces, of 256 KB at most, in which *data*, the next of the body, results.

        Raises:
            InvalidResponse: it is corrupt.
        """
        try:
            while data:
                stream = self._stream = self._stream or zlib.decompressobj(_deflate_bits(data))
                if piece := stream.decompress(data, _PIECE_BYTES):
                    yield piece
                data = stream.unconsumed_tail
                if stream.eof and self._is_gzip and (data := stream.unused_data):
                    self._stream = zlib.decompressobj(_GZIP)  # a gzip file may have several members, RFC 1952
        except zlib.error as error:
            raise InvalidResponse(f"the compressed body is corrupt: {error}") from None


def _deflate_bits(start: bytes) -> int:
    """For a body that begins with *start*: zlib's form, as RFC 9110 says, or without its header, as some servers do."""
    return zlib.MAX_WBITS if start[0] & 0x0F == _ZLIB_METHOD else -zlib.MAX_WBITS
