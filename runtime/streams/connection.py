"""A connection: frames in both directions, over a socket."""

import asyncio
from collections import deque
from typing import cast

from .frames import FrameSplitter, StreamError, encode_frame
from .handshake import HANDSHAKE_LIMIT_BYTES


class ConnectionLost(ConnectionError):
    """The connection broke, or was closed. Whether the peer has received what was sent is unknown."""


class Connection(asyncio.Protocol):
    """One end of a connection. Subclasses say what a frame means."""

    def __init__(self) -> None:
        self._splitter = FrameSplitter(HANDSHAKE_LIMIT_BYTES)
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._waiting: deque[bytes] = deque()  # frames, while the socket takes no more

    @property
    def is_open(self) -> bool:
        """True from when it is made until it breaks or is closed."""
        return self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._splitter.feed(data):
                self.frame_received(frame)
        except StreamError as error:
            self.reject(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        while self._waiting and not self._is_paused and self._transport:
            self._transport.write(self._waiting.popleft())

    def send(self, data: bytes, urgent: bool = False) -> None:
        """Send a frame. An *urgent* one goes ahead of those that the socket has not taken yet."""
        frame = encode_frame(data)
        if self._transport is None:
            return
        if not self._is_paused:
            self._transport.write(frame)
        elif urgent:
            self._waiting.appendleft(frame)
        else:
            self._waiting.append(frame)

    def close(self) -> None:
        """Close it at once. What the socket has not taken is not sent."""
        if self._transport:
            self._transport.abort()

    def frame_received(self, frame: bytes) -> None:
        """Handle a frame.

        Raises:
            StreamError: it is none that a peer sends.
        """
        raise NotImplementedError

    def reject(self, error: StreamError) -> None:
        """Close the connection, because of *error* in what the peer sends."""
        raise NotImplementedError
