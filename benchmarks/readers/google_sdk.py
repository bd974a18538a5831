"""Google's SDK and its typed objects, used as its documentation shows."""

import httpx2
from google import genai
from google.genai.types import GenerateContentConfig, HttpOptions

from ..load.answers import GEMINI


class GoogleReader:
    """``aio.models.generate_content_stream``, over aiohttp, its default if installed, or over httpx2."""

    def __init__(self, url: str, over_aiohttp: bool) -> None:
        self._transport = None if over_aiohttp else httpx2.AsyncClient()
        options = HttpOptions(base_url=url, api_version="v1beta", httpx_async_client=self._transport)
        self._sdk = genai.Client(vertexai=False, api_key="none-needed", http_options=options)

    async def read(self, deltas: int) -> int:
        seen = 0
        stream = await self._sdk.aio.models.generate_content_stream(
            model=GEMINI.model, contents="Hi", config=GenerateContentConfig(max_output_tokens=deltas)
        )
        async for chunk in stream:
            if chunk.text:
                seen += 1
        return seen

    async def aclose(self) -> None:
        await self._sdk.aio.aclose()
        if self._transport:
            await self._transport.aclose()
