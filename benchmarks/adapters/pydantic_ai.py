"""Pydantic AI: one agent, streamed as text, which gets each conversation's messages with every question."""

import anthropic
from pydantic_ai import Agent, ModelMessage, ModelSettings
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from ..load.answers import ANTHROPIC
from .adapter import AdapterConfig, OnText
from .placed_tool import PlacedTool
from .sdk import open_sdk


class PydanticAIAdapter:
    """``iter`` and ``stream_text`` in deltas, without debouncing."""

    def __init__(self, config: AdapterConfig) -> None:
        self._config = config
        self._sdk: anthropic.AsyncAnthropic | None = None
        self._tool = PlacedTool(config)
        self._agent: Agent[None, str] = Agent(
            model_settings=ModelSettings(max_tokens=config.tokens),
            retries=0,
            tools=() if config.tool == "none" else (self._tool.function,),
        )
        self._histories: list[list[ModelMessage]] = []

    async def open(self, sessions: int) -> None:
        """Open one model for all, and an empty list for each."""
        if self._sdk is None:
            self._sdk = open_sdk(self._config, over_aiohttp=True)
            provider = AnthropicProvider(anthropic_client=self._sdk)
            self._agent.model = AnthropicModel(ANTHROPIC.model, provider=provider)
        await self._tool.open()
        self._histories = [[] for _ in range(sessions)]

    async def ask(self, session: int, on_text: OnText) -> None:
        """Iterate over the text of the run's requests."""
        async with self._agent.iter("Hi", message_history=self._histories[session]) as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    async with node.stream(run.ctx) as answer:
                        async for text in answer.stream_text(delta=True, debounce_by=None):
                            on_text(text)
        self._histories[session] = run.all_messages()

    async def reset(self, session: int) -> None:
        """Start with an empty list."""
        self._histories[session] = []

    async def close(self) -> None:
        self._tool.close()
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None
