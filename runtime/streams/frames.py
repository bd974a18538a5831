"""Frames: messages on a stream of bytes, each after its length."""

LENGTH_BYTES = 4
FRAME_LIMIT_BYTES = 256 << 20
"""Larger than any publish or message: those have limits of their own."""


class StreamError(Exception):
    """What arrives on a stream is not what a peer sends: the connection is closed."""


class FrameError(StreamError):
    """A frame is larger than its receiver accepts."""


def encode_frame(data: bytes) -> bytes:
    """*data* as a frame.

    Raises:
        FrameError: it is too large.
    """
    if len(data) > FRAME_LIMIT_BYTES:
        raise FrameError(f"{len(data)} bytes are too many for one frame; the limit is {FRAME_LIMIT_BYTES}")
    return len(data).to_bytes(LENGTH_BYTES) + data


class FrameSplitter:
    """Splits a stream of bytes, in whatever chunks it arrives, into the data of its frames.

    *limit_bytes* may be raised later: little is read of a peer that has not shown who it is.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._pieces: list[bytes] = []  # of the incomplete frame
        self._size_bytes = 0
        self._wanted_bytes = LENGTH_BYTES

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each frame that *chunk* completes.

        Raises:
            FrameError: a frame is too large.
        """
        if self._pieces:
            self._pieces.append(chunk)
            self._size_bytes += len(chunk)
            # Joining only when there is enough keeps a large frame in many chunks linear.
            if self._size_bytes < self._wanted_bytes:
                return []
            chunk = b"".join(self._pieces)
            self._pieces.clear()
        frames: list[bytes] = []
        at, end = 0, len(chunk)
        self._wanted_bytes = LENGTH_BYTES
        while end - at >= LENGTH_BYTES:
            size = int.from_bytes(chunk[at : at + LENGTH_BYTES])
            if size > self.limit_bytes:
                raise FrameError(f"a frame of {size} bytes; the limit is {self.limit_bytes}")
            if end - at - LENGTH_BYTES < size:
                self._wanted_bytes = LENGTH_BYTES + size
                break
            at += LENGTH_BYTES
            frames.append(chunk[at : at + size])
            at += size
        if at < end:
            self._pieces.append(chunk[at:])
            self._size_bytes = end - at
        return frames
