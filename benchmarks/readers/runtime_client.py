"""The clients that sessions have, asked without a runtime around them."""

import time
from contextlib import aclosing
from typing import Literal

import rayconteur as rc
from rayconteur.providers import ProviderConfig, Role
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.deltas import TextDelta
from rayconteur.providers.schema.request import Request, Settings

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_RESPONSES, Api


def config_of(api: Api, url: str) -> ProviderConfig:
    """A session's provider: the load server at *url*, as *api*."""
    if api == ANTHROPIC:
        return rc.Anthropic(model=api.model, api_key="none-needed", base_url=url)
    if api == GEMINI:
        return rc.Google(model=api.model, api_key="none-needed", base_url=url, api_version="v1beta")
    if api == COHERE:
        return rc.Cohere(model=api.model, api_key="none-needed", base_url=url)
    if api == BEDROCK:
        return rc.Bedrock(
            model=api.model, region="us-east-1", access_key_id="none", secret_access_key="needed", endpoint_url=url
        )
    name: Literal["chat", "responses"] = "responses" if api == OPENAI_RESPONSES else "chat"
    return rc.OpenAI(model=api.model, api_key="none-needed", base_url=f"{url}/v1", api=name)


class Direct:
    """The client of *config*."""

    def __init__(self, config: ProviderConfig) -> None:
        self._client = open_client(config)

    async def read(self, deltas: int) -> int:
        """Ask for an answer of so many text deltas; how many came."""
        seen = 0
        async for batch in self._client.stream(_request(deltas)):
            for delta in batch:
                if type(delta) is TextDelta:
                    seen += 1
        return seen

    async def first_text_s(self, deltas: int) -> float:
        """Ask for an answer of so many text deltas, and read it to its end; how long the first of them took."""
        begun_at = time.perf_counter()
        came_at: float | None = None
        async with aclosing(self._client.stream(_request(deltas))) as answer:
            async for batch in answer:
                if came_at is None and any(type(delta) is TextDelta for delta in batch):
                    came_at = time.perf_counter()
        assert came_at is not None
        return came_at - begun_at

    async def aclose(self) -> None:
        """Give the sockets back."""
        await self._client.aclose()


def _request(deltas: int) -> Request:
    asked = rc.Message(role=Role.USER, content=(rc.Text("Hi"),), turn=1)
    return Request(number=1, messages=(asked,), settings=Settings(max_output_tokens=deltas))
