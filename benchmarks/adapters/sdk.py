"""Direct asyncio over Anthropic's SDK, without any runtime: what one writes by hand."""

import anthropic
import httpx2
from anthropic.types import MessageParam

from ..load.answers import ANTHROPIC
from .adapter import Hear, Site

_ROOM = 100_000
_LIMITS = httpx2.Limits(max_connections=_ROOM, max_keepalive_connections=_ROOM)
"""The SDK's own let 1,000 requests run at once, and keep 100 connections. With ``None``, aiohttp's 100 run at once."""


def open_sdk(site: Site, on_aiohttp: bool) -> anthropic.AsyncAnthropic:
    """A client that asks *site* once, any number of answers at a time, over httpx2 or the SDK's aiohttp transport."""
    transport = anthropic.DefaultAioHttpClient if on_aiohttp else anthropic.DefaultAsyncHttpxClient
    return anthropic.AsyncAnthropic(
        api_key="none-needed", base_url=site.url, max_retries=0, timeout=None, http_client=transport(limits=_LIMITS)
    )


class Sdk:
    """``messages.create(stream=True)`` and its typed objects; a list for each conversation."""

    def __init__(self, site: Site, on_aiohttp: bool = False) -> None:
        self._site = site
        self._on_aiohttp = on_aiohttp
        self._sdk: anthropic.AsyncAnthropic | None = None
        self._histories: list[list[MessageParam]] = []

    async def open(self, sessions: int) -> None:
        """One client for all, and as many empty lists."""
        if self._sdk is None:
            self._sdk = open_sdk(self._site, self._on_aiohttp)
        self._histories = [[] for _ in range(sessions)]

    async def ask(self, session: int, hear: Hear) -> None:
        """Iterate over the events of an answer."""
        assert self._sdk
        asked: list[MessageParam] = [*self._histories[session], {"role": "user", "content": "Hi"}]
        pieces: list[str] = []
        stream = await self._sdk.messages.create(
            model=ANTHROPIC.model, max_tokens=self._site.tokens, messages=asked, stream=True
        )
        async with stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    pieces.append(event.delta.text)
                    hear(event.delta.text)
        self._histories[session] = [*asked, {"role": "assistant", "content": "".join(pieces)}]

    async def forget(self, session: int) -> None:
        """Take an empty list."""
        self._histories[session] = []

    async def close(self) -> None:
        """Give the sockets back."""
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None
