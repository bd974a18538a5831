"""Reading the body of a response in the callback of its socket."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import aiohttp
from aiohttp.client_proto import ResponseHandler

Take = Callable[[bytes], None]
"""Takes a piece of a body."""

End = Callable[[Exception | None], None]
"""Takes the end of a body: ``None``, or the error that ended it early."""


class Reading(Protocol):
    """The reading of a body, while it lasts."""

    def pause(self) -> None:
        """Read no more until ``resume``."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...

    def close(self) -> None:
        """Read no more for good. The end is not reported."""
        ...


class BodyReader(asyncio.Protocol):
    """Gives each piece of the body of *response* to *take* as it arrives, and its end to *end*, once.

    A model's tokens arrive one by one, and to wake a task for each costs more than to read it. So this stands in for
    aiohttp's protocol, lets it parse what arrives, and takes the result at once. It begins with what has arrived
    already. A silence of *idle_timeout_s* ends the body with an error; time in which it is paused does not count.
    """

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float, take: Take, end: End) -> None:
        self._body = response.content
        self._idle_timeout_s = idle_timeout_s
        self._take = take
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._is_over = False
        self._is_paused = False
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(idle_timeout_s, self._check_silence)
        self._parser: ResponseHandler | None = None
        self._parse: Take
        self._transport: asyncio.Transport | None = None
        if (connection := response.connection) and connection.protocol is not None:  # an idle protocol is falsy
            self._stand_in_for(connection.protocol, connection.transport)
        self._read()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        self._parse(data)
        self._read()

    def eof_received(self) -> None:
        assert self._parser is not None
        self._parser.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._parser is not None
        self._parser.connection_lost(exc)
        self._read()
        self._stop(exc or aiohttp.ServerDisconnectedError())

    def pause_writing(self) -> None:
        assert self._parser is not None
        self._parser.pause_writing()

    def resume_writing(self) -> None:
        assert self._parser is not None
        self._parser.resume_writing()

    def pause(self) -> None:
        """Read no more until ``resume``."""
        self._is_paused = True
        if self._transport is not None and not self._is_over:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        self._heard_at = self._loop.time()
        if self._transport is not None and not self._is_over:
            self._transport.resume_reading()

    def close(self) -> None:
        """Read no more for good. *end* is not called."""
        if self._is_over:
            return
        self._is_over = True
        self._timer.cancel()
        if self._transport is not None and self._transport.get_protocol() is self:
            assert self._parser is not None
            self._transport.set_protocol(self._parser)
        if self._transport is not None and self._is_paused:
            self._transport.resume_reading()  # of a body that has ended: the next one comes over the same connection

    def _stand_in_for(self, parser: ResponseHandler, transport: asyncio.Transport | None) -> None:
        parser.read_timeout = None
        parser.start_timeout()  # without a timeout, this stops aiohttp's own timer, which is set anew for each piece
        self._parser, self._parse, self._transport = parser, parser.data_received, transport
        if transport is not None:
            transport.set_protocol(self)

    def _read(self) -> None:
        if self._is_over:
            return
        body = self._body
        try:
            piece = body.read_nowait()
        except Exception as error:  # whatever aiohttp found
            self._stop(error)
            return
        if piece:
            self._take(piece)
        if body.at_eof():
            self._stop(None)

    def _stop(self, error: Exception | None) -> None:
        if not self._is_over:
            self.close()
            self._end(error)

    def _check_silence(self) -> None:
        now = self._loop.time()
        left_s = self._idle_timeout_s if self._is_paused else self._heard_at + self._idle_timeout_s - now
        if left_s <= 0:
            self._stop(aiohttp.SocketTimeoutError(f"nothing arrived for {self._idle_timeout_s:g} s"))
        else:
            self._timer = self._loop.call_later(left_s, self._check_silence)
