"""Reading HTTP responses of aiohttp."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

import aiohttp


class AiohttpResponse:
    """A ``Response`` over a response of aiohttp. Reading it fails after a silence of *idle_timeout_s*."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._response = response
        self._idle_timeout_s = idle_timeout_s
        self.status_code = response.status
        self.headers: Mapping[str, str] = response.headers
        self.content = b""

    def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        return body_chunks(self._response, self._idle_timeout_s)

    async def aread(self) -> bytes:
        self.content = b"".join([chunk async for chunk in self.aiter_bytes()])
        return self.content

    async def aclose(self) -> None:
        self._response.close()


async def body_chunks(response: aiohttp.ClientResponse, idle_timeout_s: float) -> AsyncGenerator[bytes, None]:
    """The body of *response* as it arrives.

    Raises:
        aiohttp.SocketTimeoutError: nothing arrived for *idle_timeout_s*.
    """
    body = response.content
    protocol = response.connection.protocol if response.connection else None
    if protocol is not None:  # compared with None: an idle protocol is falsy
        protocol.read_timeout = None
        protocol.start_timeout()  # without a timeout, this stops aiohttp's own timer
    timer = _IdleTimer(body, idle_timeout_s)
    try:
        while chunk := await body.readany():
            timer.pause()
            yield chunk
            timer.resume()
    finally:
        timer.cancel()


class _IdleTimer:
    """Fails the reading of *body* after a silence of *limit_s*. Time in which nobody is reading does not count.

    aiohttp's own timer is restarted for each chunk, which takes a fifth of the CPU of reading slow streams. This one
    keeps running, and checks how much of the time was silence only when it fires.
    """

    def __init__(self, body: aiohttp.StreamReader, limit_s: float) -> None:
        self._body = body
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        self._waiting_since: float | None = self._loop.time()
        self._timer = self._loop.call_later(limit_s, self._check_silence)

    def resume(self) -> None:
        """The reader waits for the next chunk."""
        self._waiting_since = self._loop.time()

    def pause(self) -> None:
        """A chunk arrived, and the reader is busy with it."""
        self._waiting_since = None

    def cancel(self) -> None:
        """Stop for good: the reader is done."""
        self._timer.cancel()

    def _check_silence(self) -> None:
        now = self._loop.time()
        since = now if self._waiting_since is None else self._waiting_since
        if now - since >= self._limit_s:
            self._body.set_exception(aiohttp.SocketTimeoutError(f"nothing arrived for {self._limit_s:g} s"))
        else:
            self._timer = self._loop.call_later(since + self._limit_s - now, self._check_silence)
