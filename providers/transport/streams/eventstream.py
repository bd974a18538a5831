"""Amazon's event stream: binary frames, each with two checksums.

https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
"""

import struct
from collections.abc import Iterable, Iterator
from struct import Struct
from zlib import crc32

from ...schema.errors import ProtocolError

# The limits of botocore: headers of up to 128 KB, a payload of up to 24 MB.
HEADERS_LIMIT_BYTES = 128 << 10
FRAME_LIMIT_BYTES = (24 << 20) + HEADERS_LIMIT_BYTES
PRELUDE_BYTES = 12
_CRC_BYTES = 4
_MIN_FRAME_BYTES = PRELUDE_BYTES + _CRC_BYTES
_prelude = Struct(">III").unpack_from
_word = Struct(">I").unpack_from
_size = Struct(">H").unpack_from

HeaderValue = bool | int | bytes | str
_TRUE, _FALSE, _BYTES, _TEXT, _MOMENT, _UUID = 0, 1, 6, 7, 8, 9
_NUMBERS = {2: Struct(">b"), 3: Struct(">h"), 4: Struct(">i"), 5: Struct(">q"), _MOMENT: Struct(">q")}
_UUID_BYTES = 16


class FrameStream:
    """Splits a stream of bytes, in whatever chunks it arrives, into its frames, unchanged."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._pieces: list[bytes] = []  # of the incomplete frame
        self._size_bytes = 0
        self._wanted_bytes = _MIN_FRAME_BYTES  # nothing to parse before there are this many

    @property
    def pending_bytes(self) -> int:
        """The size of what has arrived of the incomplete frame."""
        return self._size_bytes

    def feed(self, chunk: bytes) -> Iterable[bytes]:
        """Each frame that *chunk* completes.

        Raises:
            ProtocolError: a checksum or a length is wrong.
        """
        if not self._pieces and len(chunk) >= _MIN_FRAME_BYTES and self._frame_bytes(chunk, 0) == len(chunk):
            self._check(chunk)
            return (chunk,)  # faster than what follows, and the rule
        return self._frames(chunk)

    def _frames(self, chunk: bytes) -> Iterator[bytes]:
        if self._pieces:
            self._keep(chunk)
            # Joining only when there is enough keeps a large frame in many chunks linear.
            if self._size_bytes < self._wanted_bytes:
                return
            chunk = b"".join(self._pieces)
            self._pieces.clear()
            self._size_bytes = 0
        at, end = 0, len(chunk)
        self._wanted_bytes = _MIN_FRAME_BYTES
        while end - at >= _MIN_FRAME_BYTES:
            total = self._frame_bytes(chunk, at)
            if total > end - at:
                self._wanted_bytes = total
                break
            frame = chunk[at : at + total]
            self._check(frame)
            at += total
            yield frame
        if at < end:
            self._keep(chunk[at:])

    def _frame_bytes(self, chunk: bytes, at: int) -> int:
        """The size of the frame that begins at *at*, as its head says."""
        total: int
        total, headers, prelude_crc = _prelude(chunk, at)
        if crc32(chunk[at : at + 8]) != prelude_crc:
            raise self._damaged("the checksum of a frame's head is wrong")
        if not headers + _MIN_FRAME_BYTES <= total <= FRAME_LIMIT_BYTES or headers > HEADERS_LIMIT_BYTES:
            raise self._damaged(f"a frame of {total} bytes with headers of {headers}")
        return total

    def _check(self, frame: bytes) -> None:
        if crc32(frame[:-_CRC_BYTES]) != _word(frame, len(frame) - _CRC_BYTES)[0]:
            raise self._damaged("the checksum of a frame is wrong")

    def remainder(self) -> None:
        """Nothing: an incomplete frame has no meaning."""

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size_bytes += len(piece)

    def _damaged(self, problem: str) -> ProtocolError:
        return ProtocolError(f"the event stream is damaged: {problem}", self._provider)


def split(frame: bytes) -> tuple[bytes, bytes]:
    """The headers of *frame*, still encoded, and its payload."""
    end = PRELUDE_BYTES + _word(frame, 4)[0]
    return frame[PRELUDE_BYTES:end], frame[end:-_CRC_BYTES]


def headers(encoded: bytes) -> dict[str, HeaderValue]:
    """The headers that are *encoded*. A moment is in milliseconds since 1970.

    Raises:
        ValueError: they are not what the format says.
    """
    found: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(encoded):
            name_end = at + 1 + encoded[at]
            name = encoded[at + 1 : name_end].decode()
            if name in found:
                raise ValueError(f"the header {name} came twice")
            found[name], at = _value(encoded, name_end)
    except (IndexError, struct.error):
        raise ValueError("the headers stop short") from None
    return found


def _value(encoded: bytes, at: int) -> tuple[HeaderValue, int]:
    """The value that begins *at*, its type's byte first, and where it ends."""
    kind = encoded[at]
    at += 1
    if kind in (_TRUE, _FALSE):
        return kind == _TRUE, at
    if kind in _NUMBERS:
        number: int = _NUMBERS[kind].unpack_from(encoded, at)[0]
        return number, at + _NUMBERS[kind].size
    if kind not in (_BYTES, _TEXT, _UUID):
        raise ValueError(f"a header of the unknown type {kind}")
    size = _UUID_BYTES
    if kind != _UUID:
        size = _size(encoded, at)[0]
        at += 2
    end = at + size
    if end > len(encoded):
        raise ValueError("the headers stop short")
    return (encoded[at:end].decode() if kind == _TEXT else encoded[at:end]), end
