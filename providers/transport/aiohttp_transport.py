"""httpx2 over aiohttp, whose parser is in C: what SDKs send their requests with."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import aiohttp
import httpx2
from yarl import URL

from .aiohttp_response import pieces
from .http import KEPT_IDLE_S, ONE_WRITE_BYTES, tls
from .proxies import proxy_of

_OF_THE_BODY = ("content-length", "transfer-encoding")
_Data = bytes | httpx2.SyncByteStream | httpx2.AsyncByteStream


class HTTPClient(httpx2.AsyncClient):
    """A client over *transport*, for an SDK."""

    def __init__(self, transport: "AiohttpTransport") -> None:
        super().__init__(transport=transport, follow_redirects=True)  # as the SDKs' own clients do


@dataclass(frozen=True, slots=True)
class Form:
    """A request without its body, and without what the body decides."""

    method: str
    url: URL
    headers: tuple[tuple[str, str], ...]


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests, as many at once as there are, with limits of its own to connecting and to silence.

    The limits that come with a request don't count: an SDK may set one to the whole of a stream. What goes wrong is
    raised as aiohttp has it. Proxies are those of the environment.
    """

    def __init__(self, connect_timeout_s: float, idle_timeout_s: float) -> None:
        self.settled: Form | None = None
        """What the last two requests had in common, if that was everything but their bodies."""
        self._last: Form | None = None
        self.idle_timeout_s = idle_timeout_s
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s, sock_read=idle_timeout_s)
        self._session: aiohttp.ClientSession | None = None  # it begins in a running loop only

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        form, data = _form(request), _data(request)
        if isinstance(data, bytes):
            self.settled = form if form == self._last else None
            self._last = form
        else:
            form = Form(form.method, form.url, (*form.headers, *_length(request)))
        answer = await self.send(form, data, auto_decompress=False)
        return _Answer(answer, request, self.idle_timeout_s)

    async def send(self, form: Form, data: _Data, auto_decompress: bool) -> aiohttp.ClientResponse:
        """The answer to *form* with *data*, its body unread."""
        if self._session is None:
            # A limit of 0 is none.
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_IDLE_S, ssl=tls())
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        proxy, proxy_headers = proxy_of(form.url.origin())
        return await self._session.request(
            form.method,
            form.url,
            headers=form.headers,
            data=data,
            allow_redirects=False,
            auto_decompress=auto_decompress,
            proxy=proxy,
            proxy_headers=proxy_headers,
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Answer(httpx2.Response):
    """An answer whose bytes, as they come, don't go through httpx2's layers: those take longer than aiohttp itself."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx2.Request, idle_timeout_s: float) -> None:
        body = _Body(answer, idle_timeout_s)
        super().__init__(answer.status, headers=answer.raw_headers, stream=body, request=request)
        self._body = body
        self._plain = "content-encoding" not in self.headers

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        if chunk_size is None and self._plain and not (self.is_stream_consumed or self.is_closed):
            self.is_stream_consumed = True
            async with aclosing(aiter(self._body)) as body:
                async for piece in body:
                    yield piece
            await self.aclose()
            return
        async for piece in super().aiter_bytes(chunk_size):
            yield piece


class _Body(httpx2.AsyncByteStream):
    """The body of *answer*. Closed before its end, the connection is, too."""

    def __init__(self, answer: aiohttp.ClientResponse, idle_timeout_s: float) -> None:
        self._answer = answer
        self._idle_timeout_s = idle_timeout_s

    def __aiter__(self) -> AsyncGenerator[bytes]:
        return pieces(self._answer, self._idle_timeout_s)

    async def aclose(self) -> None:
        self._answer.close()


def _form(request: httpx2.Request) -> Form:
    headers = [pair for pair in request.headers.multi_items() if pair[0] not in _OF_THE_BODY]
    return Form(request.method, URL(str(request.url), encoded=True), tuple(headers))


def _length(request: httpx2.Request) -> list[tuple[str, str]]:
    """The length of a body that goes in pieces, where it is known: aiohttp can't see it."""
    return [pair for pair in request.headers.multi_items() if pair[0] == "content-length"]


def _data(request: httpx2.Request) -> _Data:
    """The body of *request*: in one write where it is there and not large."""
    try:
        content = request.content
    except httpx2.RequestNotRead:
        return request.stream
    return content if len(content) <= ONE_WRITE_BYTES else request.stream
