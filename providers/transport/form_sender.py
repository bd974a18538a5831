"""Sending requests in the form in which a vendor's SDK sends them."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import urljoin

from ..schema.config import RequestForm
from .authority import Authority
from .connections.http_session import HTTPSession
from .connections.request_head import CODINGS, Origin, RequestHead
from .connections.response import Response
from .http import Post, Refused

_SUCCESSES = range(200, 300)
_SAME_METHOD_REDIRECTS = (307, 308)
_MAX_ERROR_BYTES = 1 << 20
_MAX_REDIRECTS = 20  # that of the SDKs' HTTP library


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

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        """Fetch *url*. The body of the response is unread, and its status may be any.

        Raises:
            OSError: there is no response.
            ProviderError: the authority has no credentials.
        """
        return await self._send(RequestHead("GET", url, headers.items()), None)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.aclose()

    async def _post(self, head: RequestHead, body: bytes) -> Response:
        response = await self._send(head, body)
        redirects = 0
        while response.status in _SAME_METHOD_REDIRECTS and redirects < _MAX_REDIRECTS:
            location = response.headers.get("location")
            target = redirect_target(head.url, location) if location and not self._authority else None
            if target is None:
                break
            response.close()
            redirects += 1
            head = RequestHead(head.method, target, head.headers)
            response = await self._send(head, body)
        if response.status in _SUCCESSES:
            return response
        with suppress(OSError):  # the status says enough
            await response.read(_MAX_ERROR_BYTES)
        raise Refused(response)

    async def _send(self, head: RequestHead, body: bytes | None) -> Response:
        if self._authority is not None:
            own = await self._authority.headers(head.method, head.url, body or b"")
            form = RequestForm(head.method, head.url, head.headers).with_headers(own)
            head = RequestHead(form.method, form.url, form.headers)
        return await self._session.send(head, body)


def redirect_target(url: str, location: str) -> str | None:
    """Where a redirect of a request for *url* to *location* leads, if the credentials may go there."""
    try:
        target = urljoin(url, location)
        before, after = Origin.of(url), Origin.of(target)
    except ValueError:
        return None
    is_upgrade = (before.scheme, after.scheme) == ("http", "https") and after.is_default_port
    return target if before == after or (is_upgrade and before.host == after.host) else None


def _head(form: RequestForm) -> RequestHead:
    """The head for *form*. It accepts only what can be decompressed here, where the SDK need not be."""
    offered = next((value for name, value in form.headers if name.lower() == "accept-encoding"), None)
    if offered is not None:
        readable = [name for name in map(str.strip, offered.split(",")) if name in CODINGS]
        form = form.with_headers({"accept-encoding": ", ".join(readable) or "identity"})
    return RequestHead(form.method, form.url, form.headers)
