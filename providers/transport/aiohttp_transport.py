"""The transport under the SDKs: httpx2 over aiohttp, whose parser is in C."""

from collections.abc import AsyncGenerator, AsyncIterable

import aiohttp
import httpx2
from yarl import URL

from .aiohttp_response import whole_body
from .authority import Authority
from .body_reader import BodyReader, End, Take
from .connections.http_session import HTTPSession, RequestHead
from .http import ONE_WRITE_BYTES, split, tls

_BODY_HEADERS = ("content-length", "transfer-encoding")
_Data = bytes | AsyncIterable[bytes]


class HTTPClient(httpx2.AsyncClient):
    """The HTTP client that an SDK is given: httpx2 over *transport*."""

    def __init__(self, transport: "AiohttpTransport") -> None:
        # As the SDKs' own clients do. What an authority gives is for one server only.
        super().__init__(transport=transport, follow_redirects=transport.authority is None)


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends any number of requests at once, with timeouts of its own for connecting and for silence.

    The timeouts in a request are ignored, because an SDK may set one for a whole stream. Errors are those of aiohttp.
    Proxies are those of the environment. *authority* authenticates each request, if the SDK does not. A request over a
    kept connection that the server has closed is sent again, see ``HTTPSession``.
    """

    def __init__(self, connect_timeout_s: float, idle_timeout_s: float, authority: Authority | None = None) -> None:
        self.authority = authority
        self._last_heads: dict[str, RequestHead] = {}  # by the path of their URL: a client has few
        self._repeated_heads: dict[str, RequestHead] = {}
        self.idle_timeout_s = idle_timeout_s
        self._session = HTTPSession(connect_timeout_s, idle_timeout_s, tls)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        head, data = _head(request), _data(request)
        if isinstance(data, bytes):
            self._note_head(head)
        else:
            head = RequestHead(head.method, head.url, (*head.headers, *_content_length(request)))
        response = await self.send(head, data, auto_decompress=True)
        return UnreadResponse(response, request, self.idle_timeout_s)

    def repeated_head(self, path: str) -> RequestHead | None:
        """The head of the last two requests whose URL has a path that ends with *path*, if both had the same one."""
        return next((head for url, head in self._repeated_heads.items() if url.endswith(path)), None)

    async def send(self, head: RequestHead, data: _Data | None, auto_decompress: bool) -> aiohttp.ClientResponse:
        """Send a request. The body of the response is unread.

        Raises:
            ProviderError: the authority has no credentials.
        """
        if self.authority is not None:
            head, data = await _authenticated(head, data, self.authority)
        return await self._session.send(head, data, auto_decompress)

    async def aclose(self) -> None:
        await self._session.aclose()

    def _note_head(self, head: RequestHead) -> None:
        path = head.url.path
        if head == self._last_heads.get(path):
            self._repeated_heads[path] = head
        else:
            self._repeated_heads.pop(path, None)
        self._last_heads[path] = head


class UnreadResponse(httpx2.Response):
    """A response whose body bypasses the layers of httpx2, which take more CPU than aiohttp itself."""

    def __init__(self, response: aiohttp.ClientResponse, request: httpx2.Request, idle_timeout_s: float) -> None:
        headers = [pair for pair in response.raw_headers if pair[0].lower() != b"content-encoding"]  # it is decoded
        super().__init__(response.status, headers=headers, stream=_Body(response, idle_timeout_s), request=request)
        self._response = response
        self._idle_timeout_s = idle_timeout_s

    def read_body(self, take: Take, end: End) -> BodyReader:
        """Read the body as it arrives, see ``BodyReader``."""
        return BodyReader(self._response, self._idle_timeout_s, take, end)


class _Body(httpx2.AsyncByteStream):
    """The body of *response*, in one piece. Closing it before its end closes the connection."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._response = response
        self._idle_timeout_s = idle_timeout_s

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        yield await whole_body(self._response, self._idle_timeout_s)

    async def aclose(self) -> None:
        self._response.close()


async def _authenticated(
    head: RequestHead, data: _Data | None, authority: Authority
) -> tuple[RequestHead, _Data | None]:
    """*head* with the headers of *authority*, and *data*, which may have been read for a signature."""
    if data is None or isinstance(data, bytes):
        body = data or b""
    else:
        body = b"".join([chunk async for chunk in data])
        data = split(body)
    own = await authority.headers(head.method, str(head.url), body)
    names = {name.lower() for name in own}
    headers = (*(pair for pair in head.headers if pair[0] not in names), *own.items())
    return RequestHead(head.method, head.url, headers), data


def _head(request: httpx2.Request) -> RequestHead:
    headers = [pair for pair in request.headers.multi_items() if pair[0] not in _BODY_HEADERS]
    return RequestHead(request.method, URL(str(request.url), encoded=True), tuple(headers))


def _content_length(request: httpx2.Request) -> list[tuple[str, str]]:
    """The length of a body that is sent in chunks, where it is known: aiohttp can't see it."""
    return [pair for pair in request.headers.multi_items() if pair[0] == "content-length"]


def _data(request: httpx2.Request) -> _Data:
    """The body of *request*: bytes, for a single write, unless it is large or not yet read."""
    try:
        content = request.content
    except httpx2.RequestNotRead:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        return request.stream
    return content if len(content) <= ONE_WRITE_BYTES else split(content)
