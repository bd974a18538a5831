"""The way past an SDK, once it is known what it sends."""

from collections.abc import AsyncIterable, Mapping

from .aiohttp_response import AiohttpResponse
from .aiohttp_transport import AiohttpTransport
from .http import Post, Refused, Response


class SDKBypass:
    """Sends through *transport* what an SDK would send through it, whose own way is *through_sdk*.

    To make a request and to send it takes an SDK three times what everything else of a short turn takes, and nothing in
    it is new but the body. Hence, when two requests that it made one after the other were alike in everything else, so
    are those that follow. This is for SDKs whose credentials don't change, and for one kind of request.
    """

    def __init__(self, transport: AiohttpTransport, through_sdk: Post) -> None:
        self._transport = transport
        self._through_sdk = through_sdk

    async def post(self, content: bytes | AsyncIterable[bytes], headers: Mapping[str, str]) -> Response:
        """What ``Post`` says. Where the answer sends elsewhere, and with large bodies, the SDK is asked."""
        form = self._transport.settled
        if form is None or headers or not isinstance(content, bytes):
            return await self._through_sdk(content, headers)
        answer = await self._transport.send(form, content, auto_decompress=True)
        if 300 <= answer.status < 400:
            answer.close()
            return await self._through_sdk(content, headers)
        response = AiohttpResponse(answer, self._transport.idle_timeout_s)
        if answer.ok:
            return response
        try:
            await response.aread()
        finally:
            await response.aclose()
        raise Refused(response)
