"""The transport under httpx, with which Cohere's SDK sends: aiohttp, whose parser is in C."""

from collections.abc import AsyncGenerator, AsyncIterable

import aiohttp
import httpx
from yarl import URL

from ..transport.aiohttp_response import body_chunks
from ..transport.connections.http_session import HTTPSession, RequestHead


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends requests in *session*, whose timeouts apply. Errors are those of aiohttp."""

    def __init__(self, session: HTTPSession) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = [pair for pair in request.headers.multi_items() if pair[0] != "transfer-encoding"]  # aiohttp sets it
        head = RequestHead(request.method, URL(str(request.url), encoded=True), tuple(headers))
        response = await self._session.send(head, _data(request), auto_decompress=False)
        body = _Body(response, self._session.idle_timeout_s)
        return httpx.Response(response.status, headers=response.raw_headers, stream=body, request=request)

    async def aclose(self) -> None:
        await self._session.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of *response*. Closing it before its end closes the connection."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._response = response
        self._idle_timeout_s = idle_timeout_s

    def __aiter__(self) -> AsyncGenerator[bytes]:
        return body_chunks(self._response, self._idle_timeout_s)

    async def aclose(self) -> None:
        self._response.close()


def _data(request: httpx.Request) -> bytes | AsyncIterable[bytes]:
    """The body of *request*: bytes, or its pieces if it is large."""
    try:
        return request.content
    except httpx.RequestNotRead:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        return request.stream
