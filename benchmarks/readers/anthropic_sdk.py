"""Anthropic's SDK and its typed objects, read as its documents show."""

import anthropic

from ..load.answers import ANTHROPIC


class AnthropicObjects:
    """``messages.create(stream=True)``; with *on_aiohttp* over the transport that the runtime uses, too."""

    def __init__(self, url: str, on_aiohttp: bool = False) -> None:
        transport = anthropic.DefaultAioHttpClient() if on_aiohttp else None
        self._sdk = anthropic.AsyncAnthropic(api_key="none-needed", base_url=url, max_retries=0, http_client=transport)

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen = 0
        stream = await self._sdk.messages.create(
            model=ANTHROPIC.model, max_tokens=deltas, messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta" and event.delta.text:
                seen += 1
        return seen

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self._sdk.close()
