"""asyncio and Anthropic's SDK without any runtime: what one writes by hand."""

from typing import Any, cast

import anthropic
import httpx2
import msgspec
from anthropic.types import MessageParam, ToolParam, ToolResultBlockParam, ToolUseBlockParam

from ..load.answers import ANTHROPIC
from .adapter import AdapterConfig, OnText
from .placed_tool import PlacedTool
from .tool import DESCRIPTION, NAME, SCHEMA

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
        tool = ToolParam(name=NAME, description=DESCRIPTION, input_schema=SCHEMA)
        self._tools: list[ToolParam] = [] if config.tool == "none" else [tool]
        self._tool = PlacedTool(config)

    async def open(self, sessions: int) -> None:
        """Open one client for all, and an empty list for each."""
        if self._sdk is None:
            self._sdk = open_sdk(self._config, self._over_aiohttp)
        await self._tool.open()
        self._histories = [[] for _ in range(sessions)]

    async def ask(self, session: int, on_text: OnText) -> None:
        """Iterate over the events of an answer, and as long as it uses the tool, ask again with the result."""
        messages: list[MessageParam] = [*self._histories[session], {"role": "user", "content": "Hi"}]
        while use := await self._read_step(messages, on_text):
            arguments = cast("dict[str, Any]", use["input"])
            found = await self._tool.function(arguments["place"], arguments["how_often"])
            result = ToolResultBlockParam(type="tool_result", tool_use_id=use["id"], content=found)
            messages.append({"role": "assistant", "content": [use]})
            messages.append({"role": "user", "content": [result]})
        self._histories[session] = messages

    async def _read_step(self, messages: list[MessageParam], on_text: OnText) -> ToolUseBlockParam | None:
        """Read one answer: its tool use, if there is one; otherwise it is added to *messages*."""
        assert self._sdk
        use: ToolUseBlockParam | None = None
        written: list[str] = []
        pieces: list[str] = []
        stream = await self._sdk.messages.create(
            model=ANTHROPIC.model,
            max_tokens=self._config.tokens,
            messages=messages,
            stream=True,
            tools=self._tools or anthropic.omit,
        )
        async with stream:
            async for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    pieces.append(event.delta.text)
                    on_text(event.delta.text)
                elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                    written.append(event.delta.partial_json)
                elif event.type == "content_block_start" and event.content_block.type == "tool_use":
                    use = ToolUseBlockParam(type="tool_use", id=event.content_block.id, name=NAME, input={})
        if use is not None:
            return {**use, "input": msgspec.json.decode("".join(written))}
        messages.append({"role": "assistant", "content": "".join(pieces)})
        return None

    async def reset(self, session: int) -> None:
        """Start with an empty list."""
        self._histories[session] = []

    async def close(self) -> None:
        self._tool.close()
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None
