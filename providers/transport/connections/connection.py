"""A connection to a server: requests one after the other, and the response to each."""

import asyncio
import select
import sys
from collections.abc import Callable, Sized
from typing import Protocol, cast

from .errors import InvalidResponse, ServerDisconnected
from .exchange import Exchange
from .request_head import RequestHead
from .response import Response
from .response_parser import ResponseParser

# What is written at once blocks the event loop; between pieces of this size, other tasks run.
_PIECE_BYTES = 256 << 10
_ERRORS = 300  # statuses from here on: redirects are not followed with the rest of a body
_Poll = Callable[[int], Sized]
"""Waits up to so many milliseconds until a socket can be read, and returns nothing (an empty list) if it can't."""


class Owner(Protocol):
    """Who opens connections."""

    def keep(self, connection: "HTTPConnection", /) -> None:
        """A response has been read to its end: another request may be sent over *connection*."""
        ...

    def lose(self, connection: "HTTPConnection", /) -> None:
        """*connection* is closed."""
        ...


class HTTPConnection(asyncio.Protocol):
    """One connection of *owner*. *proxy_fields* are the headers for a proxy that forwards its requests."""

    def __init__(self, owner: Owner, proxy_fields: bytes | None = None) -> None:
        self.has_begun = False
        """Whether a byte of the response to the last request has arrived."""
        self._owner = owner
        self._proxy_fields = proxy_fields
        self._loop = asyncio.get_running_loop()
        self._parser: ResponseParser
        self._transport: asyncio.Transport
        self._poll: _Poll
        self._exchange: Exchange | None = None
        self._is_sent = True
        self._is_closed = False
        self._may_write: asyncio.Future[None] | None = None  # while the transport has no room

    async def send(self, head: RequestHead, body: bytes | None, idle_timeout_s: float) -> Response:
        """Send a request. The body of the response is unread; reading it fails after a silence of *idle_timeout_s*.

        Raises:
            OSError: there is no response.
        """
        self.has_begun = False
        if self._is_closed:
            raise ServerDisconnected("the server closed the connection")
        self._parser.expect()
        exchange = self._exchange = Exchange(self, idle_timeout_s)
        try:
            await self._write(head.encode(body, self._proxy_fields), body or b"", exchange)
            return Response(await exchange.head, exchange)
        except BaseException:
            exchange.close()
            raise
        finally:
            del exchange  # it has the error, whose traceback has this frame

    @property
    def is_closed(self) -> bool:
        """Whether it is closed, by whomever."""
        return self._is_closed

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent over it.

        A server sends nothing between two requests but a timeout (status 408) and the end: whatever there is to read,
        from the event loop or still in the socket, it is not the answer to the next request.
        """
        return not self._is_closed and not self._poll(0)

    def pause(self) -> None:
        """Read no more from the server until ``resume``."""
        if not self._is_closed:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if not self._is_closed:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close it at once, with all that has not been sent."""
        self._is_closed = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """*transport* leads to the server, encrypted if need be."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses
        self._poll = _socket_poll(self._transport)
        self._parser = ResponseParser()

    def data_received(self, data: bytes) -> None:
        exchange, parser = self._exchange, self._parser
        if exchange is None or self._is_closed:
            self.abort()
            return
        error: InvalidResponse | None = None
        try:
            parser.feed(data)
        except InvalidResponse as problem:
            error = problem.with_traceback(None)  # which has this frame
        if parser.head is not None or not self.has_begun:  # else a head could take for ever
            self.has_begun = True
            exchange.heard_at = self._loop.time()
        if parser.head is not None:
            exchange.hand_on(parser.head, parser.body())
        if error or parser.is_complete:
            self._end(exchange, error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_closed = True
        self.resume_writing()
        self._owner.lose(self)
        if exchange := self._exchange:
            is_end = exc is None and self._parser.ends_with_connection
            problem = f"the server closed the connection{f': {exc}' if exc else ''}"
            self._end(exchange, None if is_end else ServerDisconnected(problem))
        self._parser.close()

    def pause_writing(self) -> None:
        self._may_write = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._may_write and not self._may_write.done():
            self._may_write.set_result(None)
        self._may_write = None

    async def _write(self, head: bytes, body: bytes, exchange: Exchange) -> None:
        """Write a request; of a large *body* no more once the server has refused it."""
        self._is_sent = len(body) <= _PIECE_BYTES
        if self._is_sent:
            self._transport.write(head + body)
            return
        self._transport.write(head)
        for start in range(0, len(body), _PIECE_BYTES):
            self._transport.write(body[start : start + _PIECE_BYTES])
            await asyncio.sleep(0)
            while self._may_write and not exchange.head.done():
                await asyncio.wait((self._may_write, exchange.head), return_when=asyncio.FIRST_COMPLETED)
            if self._is_closed or (exchange.head.done() and (await exchange.head).status >= _ERRORS):
                return
            if self._may_write:
                await self._may_write
            exchange.heard_at = self._loop.time()
        self._is_sent = True

    def _end(self, exchange: Exchange, error: Exception | None) -> None:
        """The response to the current request has ended, or *error* has ended it."""
        self._exchange = None
        parser = self._parser
        exchange.finish(error)
        if self._is_closed:
            return
        if parser.is_complete and parser.keeps_connection and self._is_sent and not error:
            self._owner.keep(self)
        else:
            self.abort()


def _socket_poll(transport: asyncio.Transport) -> _Poll:
    """The function for the socket of *transport*, which can be read when there are bytes, the end or an error."""
    descriptor: int = transport.get_extra_info("socket").fileno()
    if sys.platform == "win32":
        return lambda timeout_ms: select.select([descriptor], [], [], timeout_ms / 1_000)[0]
    poll = select.poll()  # unlike select, it takes any descriptor
    poll.register(descriptor, select.POLLIN)
    return poll.poll
