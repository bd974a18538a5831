"""httpx2 over aiohttp, whose parser is in C: for SDKs that bring no such transport along."""

from collections.abc import AsyncIterator

import aiohttp
import httpx2

from .http import KEPT_IDLE_S, tls


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests, as many at once as there are, with limits of its own to connecting and to silence.

    The limits that come with a request don't count: an SDK may set one to the whole of a stream. What goes wrong is
    raised as aiohttp has it. Proxies are those of the environment.
    """

    def __init__(self, connect_timeout_s: float, idle_timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s, sock_read=idle_timeout_s)
        self._session: aiohttp.ClientSession | None = None  # it begins in a running loop only

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._session is None:
            # A limit of 0 is none.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_IDLE_S, ssl=tls())
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
            )
        answer = await self._session.request(
            request.method,
            str(request.url),
            headers=request.headers.multi_items(),
            data=request.stream,
            allow_redirects=False,
            auto_decompress=False,
        )
        return httpx2.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer), request=request)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Body(httpx2.AsyncByteStream):
    """The body of *answer*. Closed before its end, the connection is, too."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer.content.iter_any():
            yield chunk

    async def aclose(self) -> None:
        self._answer.close()
