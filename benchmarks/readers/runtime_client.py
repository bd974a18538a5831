"""The runtime's own clients, used without a runtime around them."""

import time
from contextlib import aclosing
from typing import Literal

import rayconteur as rc
from rayconteur.providers import ProviderConfig, Request, Role, Settings, TextDelta, open_client

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_RESPONSES, Api


def provider_config(api: Api, url: str) -> ProviderConfig:
    """The provider of a session that asks the load server at *url* through *api*."""
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


class ClientReader:
    """The client of *config*."""

    def __init__(self, config: ProviderConfig) -> None:
        self._client = open_client(config)

    async def read(self, deltas: int) -> int:
        seen = 0
        async for batch in self._client.stream(_request(deltas)):
            for delta in batch:
                if type(delta) is TextDelta:
                    seen += 1
        return seen

    async def send(self, request: Request) -> None:
        """Send *request*, and read its answer without looking at it."""
        async for _ in self._client.stream(request):
            pass

    async def first_text_s(self, deltas: int) -> float:
        """Read an answer of *deltas* text deltas to its end; returns the time to the first of them."""
        started_at = time.perf_counter()
        first_at: float | None = None
        async with aclosing(self._client.stream(_request(deltas))) as answer:
            async for batch in answer:
                if first_at is None and any(type(delta) is TextDelta for delta in batch):
                    first_at = time.perf_counter()
        assert first_at is not None
        return first_at - started_at

    async def aclose(self) -> None:
        await self._client.aclose()


def _request(deltas: int) -> Request:
    message = rc.Message(role=Role.USER, content=(rc.Text("Hi"),), turn=1)
    return Request(number=1, messages=(message,), settings=Settings(max_output_tokens=deltas))
