"""Fetching a small document over HTTP, outside an SDK."""

from collections.abc import Mapping

from yarl import URL

from .aiohttp_transport import AiohttpTransport
from .connections.http_session import RequestHead

_MAX_BYTES = 1 << 20


async def fetch(transport: AiohttpTransport, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """The status and the first megabyte of the body at *url*. Redirects are not followed.

    Raises:
        OSError, aiohttp.ClientError: there is no answer.
        ProviderError: there are no credentials.
    """
    head = RequestHead("GET", URL(url, encoded=True), tuple(headers.items()))
    response = await transport.send(head, None, auto_decompress=True)
    try:
        body = bytearray()
        while len(body) < _MAX_BYTES and (chunk := await response.content.readany()):
            body += chunk
        return response.status, bytes(body)
    finally:
        response.close()
