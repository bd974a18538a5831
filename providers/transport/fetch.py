"""Fetching a small document over HTTP."""

from collections.abc import Mapping

from .form_sender import FormSender

_MAX_BYTES = 1 << 20


async def fetch(sender: FormSender, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """The status and the first megabyte of the body at *url*. Redirects are not followed.

    Raises:
        OSError, aiohttp.ClientError: there is no answer.
        ProviderError: there are no credentials.
    """
    response = await sender.get(url, headers)
    try:
        body = bytearray()
        while len(body) < _MAX_BYTES and (chunk := await response.content.readany()):
            body += chunk
        return response.status, bytes(body)
    finally:
        response.close()
