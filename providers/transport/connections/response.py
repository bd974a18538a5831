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
        body = bytearray()
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take(piece: bytes) -> None:
            body.extend(piece)
            if max_bytes is not None and len(body) >= max_bytes:
                end(None)

        def end(error: Exception | None) -> None:
            if ended.done():
                return  # it was cancelled, or there is enough of it
            if error is None:
                ended.set_result(None)
            else:
                ended.set_exception(error)

        try:
            self.read_body(take, end)
            await ended
        finally:
            self.close()
        self.content = bytes(body[:max_bytes])
        return self.content

    def close(self) -> None:
        """Close it. The connection of a body that was not read to its end is closed, too."""
        self._exchange.close()
