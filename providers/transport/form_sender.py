"""Sending requests in the form in which a vendor's SDK sends them."""

from collections.abc import Mapping
from functools import partial

import aiohttp
from aiohttp.compression_utils import HAS_BROTLI, HAS_ZSTD
from yarl import URL

from ..schema.config import RequestForm
from .authority import Authority
from .connections.http_session import HTTPSession, RequestHead
from .http import Post, Refused
from .response import Response

_SAME_METHOD_REDIRECTS = (307, 308)
_MAX_REDIRECTS = 20  # that of the SDKs' HTTP library
_UNREADABLE_CODINGS = {name for name, is_readable in {"br": HAS_BROTLI, "zstd": HAS_ZSTD}.items() if not is_readable}


class FormSender:
    """Sends requests in *session*. *authority* authenticates each of them, if their forms don't.

    A redirect with status 307 or 308 is followed within the server that the form names, or from its ``http`` to its
    ``https`` address: nobody else gets the credentials. What an authority gives is for one address only.
    """

    def __init__(self, session: HTTPSession, authority: Authority | None = None) -> None:
        self._session = session
        self._authority = authority

    def post(self, form: RequestForm) -> Post:
        """What sends bodies in *form*."""
        return partial(self._post, _head(form))

    async def get(self, url: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """Fetch *url*. The body of the response is unread, and its status may be any.

        Raises:
            OSError, aiohttp.ClientError: there is no response.
            ProviderError: the authority has no credentials.
        """
        return await self._send(RequestHead("GET", URL(url, encoded=True), tuple(headers.items())), None)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.aclose()

    async def _post(self, head: RequestHead, body: bytes) -> Response:
        answer = await self._send(head, body)
        redirects = 0
        while answer.status in _SAME_METHOD_REDIRECTS and redirects < _MAX_REDIRECTS:
            target = None if self._authority else redirect_target(head.url, answer.headers.get("location", ""))
            if target is None:
                break
            answer.close()
            redirects += 1
            head = RequestHead(head.method, target, head.headers)
            answer = await self._send(head, body)
        response = Response(answer, self._session.idle_timeout_s)
        if 200 <= answer.status < 300:
            return response
        try:
            await response.read()
        finally:
            response.close()
        raise Refused(response)

    async def _send(self, head: RequestHead, body: bytes | None) -> aiohttp.ClientResponse:
        if self._authority is not None:
            own = await self._authority.headers(head.method, str(head.url), body or b"")
            form = RequestForm(head.method, "", head.headers).with_headers(own)
            head = RequestHead(head.method, head.url, form.headers)
        return await self._session.send(head, body)


def redirect_target(url: URL, location: str) -> URL | None:
    """Where a redirect of a request for *url* to *location* leads, if the credentials may go there."""
    try:
        target = url.join(URL(location, encoded=True))
        is_same = target.origin() == url.origin()
    except ValueError:
        return None
    is_upgrade = (url.scheme, target.scheme) == ("http", "https") and target.is_default_port()
    return target if is_same or (is_upgrade and url.host == target.host) else None


def _head(form: RequestForm) -> RequestHead:
    """The head for *form*. It accepts only what aiohttp is able to decompress here, where the SDK need not be."""
    codings = next((value for name, value in form.headers if name.lower() == "accept-encoding"), "")
    names = [name.strip() for name in codings.split(",")]
    if not _UNREADABLE_CODINGS.isdisjoint(names):
        readable = ", ".join(name for name in names if name not in _UNREADABLE_CODINGS)
        form = form.with_headers({"accept-encoding": readable})
    return RequestHead(form.method, URL(form.url, encoded=True), form.headers)
