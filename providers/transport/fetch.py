"""Fetching a small document over HTTP."""

from collections.abc import Mapping

from .form_sender import FormSender

_MAX_BYTES = 1 << 20


async def fetch(sender: FormSender, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """The status and the first megabyte of the body at *url*. Redirects are not followed.

    Raises:
        OSError: there is no answer.
        ProviderError: there are no credentials.
    """
    response = await sender.get(url, headers)
    return response.status, await response.read(_MAX_BYTES)
