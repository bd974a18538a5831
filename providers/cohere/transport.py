"""The transport under httpx, with which Cohere's SDK sends: aiohttp, whose parser is in C."""

from collections.abc import AsyncGenerator, AsyncIterable

import aiohttp
import httpx
from yarl import URL

from ..transport.aiohttp_response import whole_body
from ..transport.body_reader import BodyReader, End, Take
from ..transport.connections.http_session import HTTPSession, RequestHead


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends requests in *session*, whose timeouts apply. Errors are those of aiohttp."""

    def __init__(self, session: HTTPSession) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = [pair for pair in request.headers.multi_items() if pair[0] != "transfer-encoding"]  # aiohttp sets it
        head = RequestHead(request.method, URL(str(request.url), encoded=True), tuple(headers))
        response = await self._session.send(head, _data(request), auto_decompress=True)
        return _Response(response, request, self._session.idle_timeout_s)

    async def aclose(self) -> None:
        await self._session.aclose()


class _Response(httpx.Response):
    """A response whose body bypasses the layers of httpx."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx.Request, idle_timeout_s: float) -> None:
        headers = [pair for pair in response.raw_headers if pair[0].lower() != b"content-encoding"]  # it is decoded
        super().__init__(response.status, headers=headers, stream=_Body(response, idle_timeout_s), request=request)
        self._response = response
        self._idle_timeout_s = idle_timeout_s

    def read_body(self, take: Take, end: End) -> BodyReader:
        """Read the body as it arrives, see ``BodyReader``."""
        return BodyReader(self._response, self._idle_timeout_s, take, end)


class _Body(httpx.AsyncByteStream):
    """The body of *response*, in one piece. Closing it before its end closes the connection."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._response = response
        self._idle_timeout_s = idle_timeout_s

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        yield await whole_body(self._response, self._idle_timeout_s)

    async def aclose(self) -> None:
        self._response.close()


def _data(request: httpx.Request) -> bytes | AsyncIterable[bytes]:
    """The body of *request*: bytes, or its pieces if it is large."""
    try:
        return request.content
    except httpx.RequestNotRead:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        return request.stream
