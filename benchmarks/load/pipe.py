"""Pipes: a connection's bytes on their way out, past the event loop where that is free."""

import asyncio
import os


class Pipe:
    """Writes to *transport*'s socket itself as long as that takes all, and leaves the rest to the transport.

    Half of what a token costs is saved that way: uvloop keeps each write until the end of its turn. The transport tells
    its protocol when it has too much to send, and when the connection is lost.
    """

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._socket: int = transport.get_extra_info("socket").fileno()

    def write(self, data: bytes) -> None:
        """Send *data* behind what waits there. On a connection that is closing, nothing."""
        transport = self._transport
        if transport.is_closing():  # then its number may already be another's
            return
        if transport.get_write_buffer_size():
            transport.write(data)
            return
        try:
            sent = os.write(self._socket, data)
        except BlockingIOError:
            sent = 0
        except OSError:  # the other side is gone
            transport.abort()
            return
        if sent < len(data):
            transport.write(data[sent:])

    def close(self) -> None:
        """Close the connection, after what waits there."""
        self._transport.close()
