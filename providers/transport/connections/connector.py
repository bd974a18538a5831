"""Opening connections, and keeping them open between requests."""

import select
import sys
from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import partial
from ssl import SSLContext
from typing import Self

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

# As long as the other end may be expected to keep it.
_KEPT_IDLE_S = 15.0


class ConnectionUse:
    """Which connections the request in its ``with`` block was sent over. After the first, only new ones are used."""

    def __init__(self) -> None:
        self.connections = 0
        self.began_at = 0.0
        self._protocol: _Protocol | None = None

    def __enter__(self) -> Self:
        self._token: Token[ConnectionUse | None] = _current_use.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _current_use.reset(self._token)

    def begin(self, protocol: "_Protocol", now: float) -> None:
        """The connection of *protocol* is used from *now* on."""
        self.connections += 1
        self.began_at = now
        self._protocol = protocol

    @property
    def is_kept(self) -> bool:
        """Whether the last connection had served another request before."""
        return self._protocol is not None and self._protocol.requests > 1

    @property
    def is_answered(self) -> bool:
        """Whether a byte of the response has arrived."""
        return self._protocol is not None and self._protocol.is_answered


# A variable, because aiohttp passes nothing from the caller on to a connector.
_current_use: ContextVar[ConnectionUse | None] = ContextVar("current_use", default=None)


class KeepAliveConnector(aiohttp.TCPConnector):
    """Hands out no kept connection that the server has closed, even if the event loop has not noticed yet.

    It has no limit on the number of connections, and notes in the current ``ConnectionUse`` which it hands out.
    """

    def __init__(self, tls: SSLContext) -> None:
        # 0 is aiohttp's value for no limit. The type of a parameter that is not used is incomplete.
        super().__init__(limit=0, keepalive_timeout=_KEPT_IDLE_S, ssl=tls)  # pyright: ignore[reportUnknownMemberType]
        protocol: Callable[..., ResponseHandler] = _Protocol
        self._factory = partial(protocol, loop=self._loop)

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
                protocol = connection.protocol
                assert isinstance(protocol, _Protocol)
                if protocol.requests and not protocol.is_usable():
                    connection.close()
                elif protocol.requests and use and use.connections:
                    unwanted.append(connection)
                else:
                    protocol.begin_request()
                    if use:
                        use.begin(protocol, self._loop.time())
                    return connection
        finally:
            for connection in unwanted:
                connection.release()


class _Protocol(ResponseHandler):
    """The protocol of a connection, which knows whether the last of its *requests* is answered."""

    requests = 0
    is_answered = False

    def begin_request(self) -> None:
        self.requests += 1
        self.is_answered = False

    def data_received(self, data: bytes) -> None:
        self.is_answered = True
        super().data_received(data)

    def is_usable(self) -> bool:
        """Whether the connection, which is idle, can take a request.

        A server sends nothing between two requests but a timeout (status 408) and the end: whatever there is to read,
        from the event loop or still in the socket, it is not the answer to the next request.
        """
        if self.should_close or self.transport is None:
            return False
        sock = self.transport.get_extra_info("socket")
        return sock is None or not _is_readable(sock.fileno())


def _is_readable(descriptor: int) -> bool:
    """Whether a read would return at once, with bytes, the end or an error."""
    if sys.platform == "win32":
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()  # unlike select, it takes any descriptor
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
