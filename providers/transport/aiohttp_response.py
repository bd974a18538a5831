"""Reading HTTP responses of aiohttp."""

import asyncio
from collections.abc import Mapping

import aiohttp

from .body_reader import BodyReader, End, Take


class AiohttpResponse:
    """A ``Response`` over a response of aiohttp. Reading it fails after a silence of *idle_timeout_s*."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._response = response
        self._idle_timeout_s = idle_timeout_s
        self.status_code = response.status
        self.headers: Mapping[str, str] = response.headers
        self.content = b""

    def read_body(self, take: Take, end: End) -> BodyReader:
        return BodyReader(self._response, self._idle_timeout_s, take, end)

    async def aread(self) -> bytes:
        self.content = await whole_body(self._response, self._idle_timeout_s)
        return self.content

    async def aclose(self) -> None:
        self._response.close()


async def whole_body(response: aiohttp.ClientResponse, idle_timeout_s: float) -> bytes:
    """The body of *response*.

    Raises:
        aiohttp.SocketTimeoutError: nothing arrived for *idle_timeout_s*.
        OSError, aiohttp.ClientError: it broke off.
    """
    pieces: list[bytes] = []
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(error: Exception | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    reader = BodyReader(response, idle_timeout_s, pieces.append, end)
    try:
        await ended
    finally:
        reader.close()
    return b"".join(pieces)
