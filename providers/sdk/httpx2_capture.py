"""The HTTP client that an SDK on httpx2 is given to capture what it sends."""

from types import TracebackType
from typing import Self

import httpx2

from ..schema.config import RequestForm
from .captured import form_of
from .changes import uses


class Capture:
    """Has a *client* that sends nothing: each request is answered with *content*. An async context manager.

    *form* is that of the last request.
    """

    def __init__(self, content: bytes = b"") -> None:
        self._content = content
        self.form: RequestForm | None = None
        self.client = _client(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.client.aclose()

    @uses("httpx2")
    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Keep the form of *request*."""
        self.form = form_of(request)
        return httpx2.Response(200, content=self._content, request=request)


@uses("httpx2")
def _client(capture: Capture) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.MockTransport(capture.answer))


@uses("httpx2")
def timeouts(connect_s: float, idle_s: float) -> httpx2.Timeout:
    """No total timeout, but one for connecting, name resolution included, and one for silence."""
    return httpx2.Timeout(connect=connect_s, pool=connect_s, read=idle_s, write=idle_s)
