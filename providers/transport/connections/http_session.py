"""Sending requests over kept connections."""

import asyncio
from collections.abc import Callable
from ssl import SSLContext

from ..tls import trusted_certificates
from .connection import HTTPConnection
from .errors import ServerDisconnected
from .pool import ConnectionPool
from .request_head import RequestHead
from .response import Response

# A close that was on its way when the request was sent arrives within a round trip.
_RACE_S = 10.0
_REQUEST_TIMEOUT = 408


class HTTPSession:
    """Sends any number of requests at once, over HTTP/1.1, with timeouts of its own for connecting and for silence.

    Redirects are not followed. Proxies are those of the environment. *tls* gives the certificates to trust when the
    first encrypted connection is opened.

    A kept connection that the server has closed is not used. It may also close one while the next request is on its
    way (RFC 9112, section 9.5); whether it had read the request cannot be known here. So if a kept connection is closed
    within seconds of the request, before a byte of the response, the request is sent once more, at once, over a new
    connection (RFC 9112, section 9.3.1). RFC 9110, section 9.2.2, permits this for requests that are idempotent in
    effect, whatever their method. These are: they ask a model for an answer, and an answer that nobody received is
    asked for again in any case, by the session's retry policy. At worst the server generates one answer too many.

    A response of status 408 that closes a kept connection is such an end, too: the server had waited for a request
    until then (RFC 9110, section 15.5.9).

    No request is sent again after any other byte of a response, over a connection that was new, after a silence, or
    twice.
    """

    def __init__(
        self, connect_timeout_s: float, idle_timeout_s: float, tls: Callable[[], SSLContext] = trusted_certificates
    ) -> None:
        self._idle_timeout_s = idle_timeout_s
        self._pool = ConnectionPool(connect_timeout_s, tls)

    async def send(self, head: RequestHead, body: bytes | None) -> Response:
        """Send a request; a large *body* in pieces, between which other requests go on. The response's is unread.

        Raises:
            OSError: there is no response.
        """
        if connection := self._pool.kept(head.origin):
            began_at = asyncio.get_running_loop().time()
            try:
                response = await connection.send(head, body, self._idle_timeout_s)
                if not _ends_idleness(response, began_at):
                    return response
                response.close()
            except ServerDisconnected:
                if not _was_stale(connection, began_at):
                    raise
        connection = await self._pool.opened(head.origin)
        return await connection.send(head, body, self._idle_timeout_s)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


def _ends_idleness(response: Response, began_at: float) -> bool:
    """Whether *response* to a request of *began_at* says that the server has waited for a request too long."""
    if response.status != _REQUEST_TIMEOUT or asyncio.get_running_loop().time() - began_at >= _RACE_S:
        return False
    return "close" in response.headers.get("connection", "").lower()


def _was_stale(connection: HTTPConnection, began_at: float) -> bool:
    """Whether *connection*, a kept one, was closed before the server saw the request that was sent at *began_at*.

    That is likely if it was closed soon, and never certain.
    """
    return not connection.has_begun and asyncio.get_running_loop().time() - began_at < _RACE_S
