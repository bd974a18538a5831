"""asyncio and Anthropic's SDK without any runtime: what one writes by hand."""

import anthropic
import httpx2
from anthropic.types import MessageParam

from ..load.answers import ANTHROPIC
from .adapter import AdapterConfig, OnText

_MAX_CONNECTIONS = 100_000
_LIMITS = httpx2.Limits(max_connections=_MAX_CONNECTIONS, max_keepalive_connections=_MAX_CONNECTIONS)
"""The SDK's default is 1,000 requests at once and 100 kept connections. With ``None``, aiohttp allows 100 at once."""


def open_sdk(config: AdapterConfig, over_aiohttp: bool) -> anthropic.AsyncAnthropic:
    """A client without retries or limits, over httpx2 or the SDK's aiohttp transport."""
    transport = anthropic.DefaultAioHttpClient if over_aiohttp else anthropic.DefaultAsyncHttpxClient
    return anthropic.AsyncAnthropic(
        api_key="none-needed", base_url=config.url, max_retries=0, timeout=None, http_client=transport(limits=_LIMITS)
    )


class SdkAdapter:
    """``messages.create(stream=True)`` and its typed objects; a list for each conversation."""

    def __init__(self, config: AdapterConfig, over_aiohttp: bool = False) -> None:
        self._config = config
        self._over_aiohttp = over_aiohttp
        self._sdk: anthropic.AsyncAnthropic | None = None
        self._histories: list[list[MessageParam]] = []

    async def open(self, sessions: int) -> None:
        """Open one client for all, and an empty list for each."""
        if self._sdk is None:
            self._sdk = open_sdk(self._config, self._over_aiohttp)
        self._histories = [[] for _ in range(sessions)]

    async def ask(self, session: int, on_text: OnText) -> None:
        """Iterate over the events of an answer."""
        assert self._sdk
        messages: list[MessageParam] = [*self._histories[session], {"role": "user", "content": "Hi"}]
        pieces: list[str] = []
        stream = await self._sdk.messages.create(
            model=ANTHROPIC.model, max_tokens=self._config.tokens, messages=messages, stream=True
        )
        async with stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    pieces.append(event.delta.text)
                    on_text(event.delta.text)
        self._histories[session] = [*messages, {"role": "assistant", "content": "".join(pieces)}]

    async def reset(self, session: int) -> None:
        """Start with an empty list."""
        self._histories[session] = []

    async def close(self) -> None:
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None
