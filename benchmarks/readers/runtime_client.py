"""The runtime's own clients, used without a runtime around them."""

import time
from collections.abc import Awaitable, Generator, Sequence
from functools import partial
from typing import Generic, Literal, TypeVar, cast

import rayconteur as rc
from rayconteur.providers import Delta, ProviderConfig, Request, Role, Settings, TextDelta, open_client

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_RESPONSES, Api

T = TypeVar("T")


# The load server writes as many tokens as it is asked for, whatever model it is asked by.
_FACTS = rc.providers.ModelFacts(context_limit_tokens=1 << 32, output_limit_tokens=1 << 31)


def provider_config(api: Api, url: str) -> ProviderConfig:
    """The provider of a session that asks the load server at *url* through *api*."""
    if api == ANTHROPIC:
        return rc.Anthropic(model=api.model, api_key="none-needed", base_url=url, facts=_FACTS)
    if api == GEMINI:
        return rc.Google(model=api.model, api_key="none-needed", base_url=url, api_version="v1beta", facts=_FACTS)
    if api == COHERE:
        return rc.Cohere(model=api.model, api_key="none-needed", base_url=url, facts=_FACTS)
    if api == BEDROCK:
        return rc.Bedrock(
            model=api.model,
            region="us-east-1",
            access_key_id="none",
            secret_access_key="needed",
            endpoint_url=url,
            facts=_FACTS,
        )
    name: Literal["chat", "responses"] = "responses" if api == OPENAI_RESPONSES else "chat"
    return rc.OpenAI(model=api.model, api_key="none-needed", base_url=f"{url}/v1", api=name, facts=_FACTS)


class ClientReader:
    """The client of *config*."""

    def __init__(self, config: ProviderConfig) -> None:
        self._client = open_client(config)

    async def read(self, deltas: int) -> int:
        seen = 0

        def count(batch: Sequence[Delta]) -> None:
            nonlocal seen
            for delta in batch:
                if type(delta) is TextDelta:
                    seen += 1

        await self._client.stream(_request(deltas), count)
        return seen

    async def building_s(self, request: Request) -> float:
        """Send *request*; returns the CPU time until the client first waits.

        By then it has built the request and handed it to the HTTP client.
        """
        first_step = _FirstStep(self._client.stream(request, lambda _: None))
        await first_step
        return first_step.cpu_s

    async def first_text_s(self, deltas: int) -> float:
        """Read an answer of *deltas* text deltas to its end; returns the time to the first of them."""
        started_at = time.perf_counter()
        first_at: float | None = None

        def note_first(batch: Sequence[Delta]) -> None:
            nonlocal first_at
            if first_at is None and any(type(delta) is TextDelta for delta in batch):
                first_at = time.perf_counter()

        await self._client.stream(_request(deltas), note_first)
        assert first_at is not None
        return first_at - started_at

    async def aclose(self) -> None:
        await self._client.aclose()


class _FirstStep(Generic[T]):
    """Awaits *awaitable*, and measures the CPU time until it first waits."""

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable
        self.cpu_s = 0.0

    def __await__(self) -> Generator[object, object, T]:
        steps = self._awaitable.__await__()
        before_s = time.process_time()
        try:
            pending = next(steps)
        except StopIteration as done:
            return cast(T, done.value)
        finally:
            self.cpu_s = time.process_time() - before_s
        while True:
            try:
                yield pending
            except BaseException as error:
                resume = partial(steps.throw, error)
            else:
                resume = partial(steps.send, None)
            try:
                pending = resume()
            except StopIteration as done:
                return cast(T, done.value)


def _request(deltas: int) -> Request:
    message = rc.Message(role=Role.USER, content=(rc.Text("Hi"),), turn=1)
    return Request(number=1, messages=(message,), settings=Settings(max_output_tokens=deltas))
