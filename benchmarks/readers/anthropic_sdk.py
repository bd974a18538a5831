"""Anthropic's SDK and its typed objects, used as its documentation shows."""

import anthropic

from ..load.answers import ANTHROPIC


class AnthropicReader:
    """``messages.create(stream=True)``."""

    def __init__(self, url: str, over_aiohttp: bool) -> None:
        transport = anthropic.DefaultAioHttpClient() if over_aiohttp else None
        self._sdk = anthropic.AsyncAnthropic(api_key="none-needed", base_url=url, max_retries=0, http_client=transport)

    async def read(self, deltas: int) -> int:
        seen = 0
        stream = await self._sdk.messages.create(
            model=ANTHROPIC.model, max_tokens=deltas, messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta" and event.delta.text:
                seen += 1
        return seen

    async def aclose(self) -> None:
        await self._sdk.close()
