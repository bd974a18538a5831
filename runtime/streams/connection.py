"""A connection: frames in both directions, over a socket."""

import asyncio
import socket
from itertools import count
from typing import cast

from .frames import FrameSplitter, StreamError, encode_frame
from .handshake import HANDSHAKE_LIMIT_BYTES

# After 10 s of silence, 3 probes in 5 s each; and 25 s for bytes that are not acknowledged.
_KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000}


class ConnectionLost(ConnectionError):
    """The connection broke, or was closed. Whether the peer has received what was sent is unknown."""


class Connection(asyncio.Protocol):
    """One end of a connection. Subclasses say what a frame means.

    What is sent before the handshake is over, or while the socket takes no more, waits. Replies to frames that arrived
    together leave together: a system call for each takes longer than to make it.
    """

    def __init__(self) -> None:
        self._splitter = FrameSplitter(HANDSHAKE_LIMIT_BYTES)
        self._transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()
        """Set while there is no socket."""
        self.closed.set()
        self.is_writable = False
        """True while the socket takes more, after the handshake."""
        self._tickets = count(1)
        self._waiting_urgent: dict[int, bytes] = {}  # frames, by ticket
        self._waiting: dict[int, bytes] = {}
        self._together: list[bytes] | None = None  # what is sent while frames are handled

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.closed.clear()
        _end_if_peer_vanishes(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self._together = []
        try:
            for frame in self._splitter.feed(data):
                self.frame_received(frame)
        except StreamError as error:
            self.reject(error)
        finally:
            together, self._together = self._together, None
            if together and self._transport and not self._transport.is_closing():
                self._transport.write(b"".join(together))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.closed.set()
        self.is_writable = False
        self._waiting_urgent.clear()
        self._waiting.clear()

    def pause_writing(self) -> None:
        self.is_writable = False

    def resume_writing(self) -> None:
        self.is_writable = True
        for waiting in (self._waiting_urgent, self._waiting):
            while waiting and self.is_writable and self._transport:
                self._transport.write(waiting.pop(next(iter(waiting))))

    def send(self, data: bytes, urgent: bool = False) -> int:
        """Send a frame, or let it wait. An *urgent* one waits before the others. Returns its ticket.

        Raises:
            FrameError: it is too large.
        """
        frame, ticket = encode_frame(data), next(self._tickets)
        if self.is_writable and self._transport:
            if self._together is None:
                self._transport.write(frame)
            else:
                self._together.append(frame)
        else:
            (self._waiting_urgent if urgent else self._waiting)[ticket] = frame
        return ticket

    def withdraw(self, ticket: int) -> bool:
        """Do not send the frame with that ticket, if it still waits. Returns true if it did."""
        return (self._waiting_urgent.pop(ticket, None) or self._waiting.pop(ticket, None)) is not None

    def close(self) -> None:
        """Close it at once. What the socket has not taken is not sent."""
        if self._transport:
            self._transport.abort()

    def send_handshake(self, data: bytes) -> None:
        """Send a frame of the handshake."""
        if self._transport:
            self._transport.write(encode_frame(data))

    def end_handshake(self, limit_bytes: int) -> None:
        """The other end is a peer: accept frames of up to *limit_bytes*, and send what waits."""
        self._splitter.limit_bytes = limit_bytes
        self.resume_writing()

    def frame_received(self, frame: bytes) -> None:
        """Handle a frame.

        Raises:
            StreamError: it is none that a peer sends.
        """
        raise NotImplementedError

    def reject(self, error: StreamError) -> None:
        """Close the connection, because of *error* in what the peer sends."""
        raise NotImplementedError


def _end_if_peer_vanishes(connected: socket.socket) -> None:
    """Break a TCP connection whose other node no longer answers: it may have lost its power or its network."""
    if connected.family == socket.AF_UNIX:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if option := getattr(socket, name, None):  # some are Linux's only
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
