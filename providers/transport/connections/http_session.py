"""Sending requests over kept connections."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Literal

import aiohttp
from yarl import URL

from ..proxies import proxy_of
from ..tls import trusted_certificates
from .connector import ConnectionUse, KeepAliveConnector

# A close that was on its way when the request was sent arrives within a round trip.
_RACE_S = 10.0
# aiohttp warns about larger bodies in one write: they may block the event loop.
_ONE_WRITE_BYTES = 1 << 20
_PIECE_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request without its body and the headers that depend on the body."""

    method: str
    url: URL
    headers: tuple[tuple[str, str], ...]


class HTTPSession:
    """Sends any number of requests at once, with timeouts of its own for connecting and for silence.

    Redirects are not followed. Proxies are those of the environment. *tls* gives the certificates to trust (``True``:
    aiohttp's default) when the first encrypted connection is opened.

    A kept connection that the server has closed is not used. It may also close one while the next request is on its
    way (RFC 9112, section 9.5); whether it had read the request cannot be known here. So if a kept connection is closed
    within seconds of the request, before a byte of the response, the request is sent once more, at once, over a new
    connection (RFC 9112, section 9.3.1). RFC 9110, section 9.2.2, permits this for requests that are idempotent in
    effect, whatever their method. These are: they ask a model for an answer, and an answer that nobody received is
    asked for again in any case, by the session's retry policy. At worst the server generates one answer too many.

    No request is sent again after a byte of the response, over a connection that was new, after a timeout, or twice.
    Only aiohttp itself sends a GET request once more over a new connection, as it is idempotent by its method.
    """

    def __init__(
        self,
        connect_timeout_s: float,
        idle_timeout_s: float,
        tls: Callable[[], SSLContext | Literal[True]] = trusted_certificates,
    ) -> None:
        self.idle_timeout_s = idle_timeout_s
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s, sock_read=idle_timeout_s)
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None  # created when a loop is running

    async def send(self, head: RequestHead, body: bytes | None) -> aiohttp.ClientResponse:
        """Send a request; a large *body* in pieces, between which other requests go on. The response's is unread.

        Raises:
            OSError, aiohttp.ClientError: there is no response.
        """
        session = self._session or self._open()
        headers, data = head.headers, _data(body)
        if isinstance(data, _Pieces):
            headers = (*headers, ("Content-Length", str(len(data.body))))
        proxy, proxy_headers = proxy_of(head.url.origin())
        with ConnectionUse() as use:
            while True:
                try:
                    return await session.request(
                        head.method,
                        head.url,
                        headers=headers,
                        data=data,
                        allow_redirects=False,
                        ssl=self._tls() if head.url.scheme == "https" else True,
                        proxy=proxy,
                        proxy_headers=proxy_headers,
                    )
                except (aiohttp.ServerDisconnectedError, OSError) as error:
                    if not (_is_disconnect(error) and _was_stale(use)):
                        raise

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = KeepAliveConnector()
        jar = aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(connector=connector, timeout=self._timeout, cookie_jar=jar)
        return self._session


@dataclass(frozen=True, slots=True)
class _Pieces:
    """*body* in pieces that don't block the event loop when they are written. It can be sent any number of times."""

    body: bytes

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        for start in range(0, len(self.body), _PIECE_BYTES):
            yield self.body[start : start + _PIECE_BYTES]


def _data(body: bytes | None) -> bytes | _Pieces | None:
    return body if body is None or len(body) <= _ONE_WRITE_BYTES else _Pieces(body)


def _is_disconnect(error: Exception) -> bool:
    """Whether the server closed or reset the connection."""
    return isinstance(error, aiohttp.ServerDisconnectedError) or isinstance(error.__cause__, ConnectionError)


def _was_stale(use: ConnectionUse) -> bool:
    """Whether a kept connection was used last (so it was the first), and was closed before the server saw the request.

    That is likely if it was closed soon, and never certain.
    """
    if use.watch is None or use.watch.has_begun:
        return False
    return asyncio.get_running_loop().time() - use.began_at < _RACE_S
