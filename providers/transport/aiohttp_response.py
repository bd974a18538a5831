"""An answer as aiohttp has it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping

import aiohttp


class AiohttpResponse:
    """An HTTP ``Response`` whose *answer* is from aiohttp itself. A silence of *idle_timeout_s* breaks it off."""

    def __init__(self, answer: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._answer = answer
        self._idle_timeout_s = idle_timeout_s
        self.status_code = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self.content = b""

    def aiter_bytes(self) -> AsyncGenerator[bytes, None]:
        return pieces(self._answer, self._idle_timeout_s)

    async def aread(self) -> bytes:
        self.content = b"".join([piece async for piece in self.aiter_bytes()])
        return self.content

    async def aclose(self) -> None:
        self._answer.close()


async def pieces(answer: aiohttp.ClientResponse, idle_timeout_s: float) -> AsyncGenerator[bytes, None]:
    """The body of *answer* as it comes.

    Raises:
        aiohttp.SocketTimeoutError: nothing came for *idle_timeout_s*.
    """
    body = answer.content
    protocol = answer.connection.protocol if answer.connection else None
    if protocol is not None:  # an idle one counts as false
        protocol.read_timeout = None
        protocol.start_timeout()  # with none: that stops the clock
    silence = _Silence(body, idle_timeout_s)
    try:
        while piece := await body.readany():
            silence.breaks()
            yield piece
            silence.begins()
    finally:
        silence.end()


class _Silence:
    """Watches over the time for which *body* is waited for. While nobody waits, nothing is too late.

    aiohttp's own clock, which rings until an answer has begun, is set anew for each piece: a fifth of what reading slow
    streams takes. This one runs on, and looks where the time has gone when it rings.
    """

    def __init__(self, body: aiohttp.StreamReader, limit_s: float) -> None:
        self._body = body
        self._limit_s = limit_s
        self._loop = asyncio.get_running_loop()
        self._since: float | None = self._loop.time()
        self._timer = self._loop.call_later(limit_s, self._ring)

    def begins(self) -> None:
        """Somebody waits."""
        self._since = self._loop.time()

    def breaks(self) -> None:
        """Something has come."""
        self._since = None

    def end(self) -> None:
        """Nobody waits any more."""
        self._timer.cancel()

    def _ring(self) -> None:
        now = self._loop.time()
        since = now if self._since is None else self._since
        if now - since >= self._limit_s:
            self._body.set_exception(aiohttp.SocketTimeoutError(f"nothing came for {self._limit_s:g} s"))
        else:
            self._timer = self._loop.call_later(since + self._limit_s - now, self._ring)
