"""Opening connections, and keeping them open between requests."""

import asyncio
import select
import sys
from collections.abc import Callable, Sized
from contextvars import ContextVar
from typing import Self
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

# As long as the other end may be expected to keep it.
_KEPT_IDLE_S = 15.0
_Poll = Callable[[int], Sized]
"""Waits up to so many milliseconds until a socket can be read, and returns nothing (an empty list) if it can't."""


class ConnectionUse:
    """Which connections the request in its ``with`` block was sent over. After the first, only new ones are used."""

    __slots__ = ("_token", "began_at", "connections", "watch")

    def __init__(self) -> None:
        self.connections = 0
        self.began_at = 0.0
        self.watch: ResponseWatch | None = None
        """What arrives over the last connection, if it had been used before."""

    def __enter__(self) -> Self:
        self._token = _current_use.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current_use.reset(self._token)


# A variable, because aiohttp passes nothing from the caller on to a connector.
_current_use: ContextVar[ConnectionUse | None] = ContextVar("current_use", default=None)


class KeepAliveConnector(aiohttp.TCPConnector):
    """Hands out no kept connection that the server has closed, even if the event loop has not noticed yet.

    A server sends nothing between two requests but a timeout (status 408) and the end: whatever there is to read, from
    the event loop or still in the socket, it is not the answer to the next request.

    It has no limit on the number of connections, and notes in the current ``ConnectionUse`` which it hands out.
    """

    def __init__(self) -> None:
        # 0 is aiohttp's value for no limit. The type of a parameter that is not used is incomplete.
        super().__init__(limit=0, keepalive_timeout=_KEPT_IDLE_S)  # pyright: ignore[reportUnknownMemberType]
        self._polls: WeakKeyDictionary[ResponseHandler, _Poll] = WeakKeyDictionary()  # of the connections used so far

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (the name is aiohttp's)
    ) -> Connection:
        use = _current_use.get()
        unwanted: list[Connection] = []
        try:
            while True:
                connection = await super().connect(req, traces, timeout)
                protocol, transport = connection.protocol, connection.transport
                assert protocol is not None
                assert transport is not None
                poll = self._polls.get(protocol)
                if poll is None:
                    self._polls[protocol] = _socket_poll(transport)
                elif protocol.should_close or poll(0):
                    connection.close()
                    continue
                elif use and use.connections:
                    unwanted.append(connection)
                    continue
                if use:
                    use.connections += 1
                    use.began_at = self._loop.time()
                    use.watch = ResponseWatch(protocol, transport) if poll else None
                return connection
        finally:
            for connection in unwanted:
                connection.release()


class ResponseWatch(asyncio.Protocol):
    """Stands in for *protocol* until the first byte of a response arrives, which costs nothing after it."""

    __slots__ = ("_protocol", "_transport", "has_begun")

    def __init__(self, protocol: ResponseHandler, transport: asyncio.Transport) -> None:
        self.has_begun = False
        self._protocol = protocol
        self._transport = transport
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self.has_begun = True
        self._transport.set_protocol(self._protocol)
        self._protocol.data_received(data)

    def eof_received(self) -> None:
        self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


def _socket_poll(transport: asyncio.Transport) -> _Poll:
    """The function for the socket of *transport*, which can be read when there are bytes, the end or an error."""
    descriptor: int = transport.get_extra_info("socket").fileno()
    if sys.platform == "win32":
        return lambda timeout_ms: select.select([descriptor], [], [], timeout_ms / 1_000)[0]
    poll = select.poll()  # unlike select, it takes any descriptor
    poll.register(descriptor, select.POLLIN)
    return poll.poll
