"""Pydantic AI: one agent, streamed as text, with each conversation's messages handed in again."""

import anthropic
from pydantic_ai import Agent, ModelMessage, ModelSettings
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.providers.anthropic import AnthropicProvider

from ..load.answers import ANTHROPIC
from .adapter import Hear, Site
from .sdk import open_sdk


class PydanticAI:
    """``iter`` and ``stream_text`` in deltas, each as soon as it is there: without debouncing."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sdk: anthropic.AsyncAnthropic | None = None
        self._agent: Agent[None, str] = Agent(model_settings=ModelSettings(max_tokens=site.tokens), retries=0)
        self._histories: list[list[ModelMessage]] = []

    async def open(self, sessions: int) -> None:
        """One agent for all, and as many empty lists."""
        if self._sdk is None:
            self._sdk = open_sdk(self._site, on_aiohttp=True)
            provider = AnthropicProvider(anthropic_client=self._sdk)
            self._agent.model = AnthropicModel(ANTHROPIC.model, provider=provider)
        self._histories = [[] for _ in range(sessions)]

    async def ask(self, session: int, hear: Hear) -> None:
        """Iterate over the text of the run's one request."""
        async with self._agent.iter("Hi", message_history=self._histories[session]) as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    async with node.stream(run.ctx) as answer:
                        async for text in answer.stream_text(delta=True, debounce_by=None):
                            hear(text)
        self._histories[session] = run.all_messages()

    async def forget(self, session: int) -> None:
        """Take an empty list."""
        self._histories[session] = []

    async def close(self) -> None:
        """Give the sockets back."""
        if self._sdk is not None:
            await self._sdk.close()
            self._sdk = None
