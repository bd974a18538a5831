"""Sending requests without the SDK, once it is known what the SDK sends."""

from collections.abc import AsyncIterable, Mapping

from .aiohttp_response import AiohttpResponse
from .aiohttp_transport import AiohttpTransport
from .http import Post, Refused, UnreadResponse


class SDKBypass:
    """Sends requests through *transport* directly, as the SDK behind *post_through_sdk* would.

    Making and sending a request takes an SDK three times the CPU of everything else in a short turn, and only the body
    is new. So once two consecutive requests of the SDK had the same head, later requests reuse that head. This is for
    SDKs whose credentials don't change, and for the requests to URLs whose path ends with *path*.
    """

    def __init__(self, transport: AiohttpTransport, post_through_sdk: Post, path: str) -> None:
        self._transport = transport
        self._post_through_sdk = post_through_sdk
        self._path = path

    async def post(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> UnreadResponse:
        """A ``Post``. Redirects and large bodies are left to the SDK."""
        head = self._transport.repeated_head(self._path)
        if head is None or headers or not isinstance(content, bytes):
            return await self._post_through_sdk(content, headers)
        answer = await self._transport.send(head, content, auto_decompress=True)
        if 300 <= answer.status < 400:
            answer.close()
            return await self._post_through_sdk(content, headers)
        response = AiohttpResponse(answer, self._transport.idle_timeout_s)
        if answer.ok:
            return response
        try:
            await response.aread()
        finally:
            await response.aclose()
        raise Refused(response)
