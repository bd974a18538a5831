"""Responses to HTTP requests."""

import asyncio

from .exchange import End, Exchange, Take
from .response_parser import Head


class Response:
    """A response whose head has arrived. Its body is read once, as it arrives or whole."""

    def __init__(self, head: Head, exchange: Exchange) -> None:
        self.status = head.status
        self.headers = head.headers
        """By name, in lower case."""
        self.content = b""
        """The body, once it has been read whole."""
        self._exchange = exchange

    def read_body(self, take: Take, end: End) -> Exchange:
        """Read the body as it arrives, see ``Exchange.read``."""
        self._exchange.read(take, end)
        return self._exchange

    async def read(self, max_bytes: int | None = None) -> bytes:
        """Read the whole body, or up to *max_bytes* of it.

        Raises:
            TimeoutError: nothing arrived for some time.
            OSError: it broke off.
        """
        body = _Body(max_bytes)
        try:
            self.read_body(body.take, body.end)
            await body.ended
            self.content = bytes(body.data[:max_bytes])
        finally:
            self.close()
            del body  # it has the error, whose traceback has this frame
        return self.content

    def close(self) -> None:
        """Close it. The connection of a body that was not read to its end is closed, too."""
        self._exchange.close()


class _Body:
    """Collects a body, of which *max_bytes* are enough. *ended* is done then, or at its end."""

    def __init__(self, max_bytes: int | None) -> None:
        self.data = bytearray()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._max_bytes = max_bytes

    def take(self, piece: bytes) -> None:
        if self.ended.done():
            return
        self.data.extend(piece)
        if self._max_bytes is not None and len(self.data) >= self._max_bytes:
            self.ended.set_result(None)

    def end(self, error: Exception | None) -> None:
        if self.ended.done():
            return  # it was cancelled, or there is enough of it
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)
