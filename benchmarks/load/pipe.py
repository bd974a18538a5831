"""Writes to a connection, directly to its socket where possible."""

import asyncio
import os


class Pipe:
    """Writes directly to *transport*'s socket while that accepts everything, and leaves the rest to the transport.

    This halves the cost of a token: uvloop keeps each write until the end of its loop iteration. The transport notifies
    its protocol when too much is unsent, and when the connection is lost.
    """

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._socket: int = transport.get_extra_info("socket").fileno()

    def write(self, data: bytes) -> None:
        """Send *data* after all earlier writes. Does nothing if the connection is closing."""
        transport = self._transport
        if transport.is_closing():  # the socket's number may belong to another one by now
            return
        if transport.get_write_buffer_size():
            transport.write(data)
            return
        try:
            sent = os.write(self._socket, data)
        except BlockingIOError:
            sent = 0
        except OSError:  # the client has disconnected
            transport.abort()
            return
        if sent < len(data):
            transport.write(data[sent:])

    def close(self) -> None:
        """Close the connection after all earlier writes."""
        self._transport.close()
