"""Responses to HTTP requests."""

import asyncio
from collections.abc import Mapping

import aiohttp

from .body_reader import BodyReader, End, Take


class Response:
    """A response whose head has arrived. Reading the body fails after a silence of *idle_timeout_s*."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._response = response
        self._idle_timeout_s = idle_timeout_s
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        """By name, in any case."""
        self.content = b""
        """The body, once it has been read whole."""

    def read_body(self, take: Take, end: End) -> BodyReader:
        """Read the body as it arrives, see ``BodyReader``."""
        return BodyReader(self._response, self._idle_timeout_s, take, end)

    async def read(self) -> bytes:
        """Read the whole body.

        Raises:
            aiohttp.SocketTimeoutError: nothing arrived for *idle_timeout_s*.
            OSError, aiohttp.ClientError: it broke off.
        """
        pieces: list[bytes] = []
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end(error: Exception | None) -> None:
            if ended.done():
                return  # it was cancelled
            if error is None:
                ended.set_result(None)
            else:
                ended.set_exception(error)

        reader = self.read_body(pieces.append, end)
        try:
            await ended
        finally:
            reader.close()
        self.content = b"".join(pieces)
        return self.content

    def close(self) -> None:
        """Close it: a body that was not read to its end is aborted."""
        self._response.close()
