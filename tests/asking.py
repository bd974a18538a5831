"""Asking the real clients on a real socket."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from frames import THINKS_AND_CALLS
from loopback import Loopback, Respond

from rayconteur.providers.client import Client
from rayconteur.providers.configs import Anthropic, AzureOpenAI, Bedrock, Cohere, Google, OpenAI, ProviderConfig
from rayconteur.providers.content import Text
from rayconteur.providers.deltas import Delta
from rayconteur.providers.errors import ProviderError
from rayconteur.providers.messages import Message, Role
from rayconteur.providers.open import open_client
from rayconteur.providers.request import Request, Settings

KEY = "sk-this-one-is-secret"
HI = Message(role=Role.USER, content=(Text("Hello, raven!"),), turn=1)
ASKED = Request(1, (HI,), Settings())

_SAMPLES = Path(__file__).parent / "samples"
CHAT = (_SAMPLES / "chat_calls.sse").read_bytes()
MESSAGES = (_SAMPLES / "anthropic_thinks_and_calls.sse").read_bytes()
COHERE = (_SAMPLES / "cohere_thinks_and_cites.sse").read_bytes()
GEMINI = (_SAMPLES / "google_thinks_and_calls.sse").read_bytes()
RESPONSES = (_SAMPLES / "responses_calls.sse").read_bytes()

Config = Callable[..., ProviderConfig]
"""The config for an address, with whatever else."""


def anthropic(url: str, **more: Any) -> ProviderConfig:
    """Anthropic at *url*."""
    return Anthropic(model="claude-x", api_key=KEY, base_url=url, **more)


def openai(url: str, **more: Any) -> ProviderConfig:
    """OpenAI, or what speaks like it, at *url*."""
    return OpenAI(model="gpt-x", api_key=KEY, base_url=f"{url}/v1", **more)


def responses(url: str, **more: Any) -> ProviderConfig:
    """OpenAI's Responses API at *url*."""
    return OpenAI(model="gpt-x", api_key=KEY, base_url=f"{url}/v1", api="responses", **more)


def azure(url: str, **more: Any) -> ProviderConfig:
    """Azure at *url*."""
    return AzureOpenAI(deployment="mine", api_key=KEY, endpoint=url, **more)


def google(url: str, **more: Any) -> ProviderConfig:
    """The Gemini API at *url*."""
    config: ProviderConfig = Google(model="gemini-x", api_key=KEY, base_url=url, **more).resolved({})
    return config


def bedrock(url: str, **more: Any) -> ProviderConfig:
    """Bedrock at *url*."""
    return Bedrock(model="claude-x", region="us-east-1", bearer_token=KEY, endpoint_url=url, **more)


def cohere(url: str, **more: Any) -> ProviderConfig:
    """Cohere at *url*."""
    return Cohere(model="command-x", api_key=KEY, base_url=url, **more)


_IN_EVENTS = {
    "anthropic": (anthropic, MESSAGES),
    "openai": (openai, CHAT),
    "responses": (responses, RESPONSES),
    "azure": (azure, CHAT),
    "google": (google, GEMINI),
    "cohere": (cohere, COHERE),
}
_ALL = _IN_EVENTS | {"bedrock": (bedrock, THINKS_AND_CALLS)}

EACH = pytest.mark.parametrize(("config", "stream"), _ALL.values(), ids=_ALL)
"""Each provider, and a stream as it sends them."""

EACH_IN_EVENTS = pytest.mark.parametrize(("config", "stream"), _IN_EVENTS.values(), ids=_IN_EVENTS)
"""Those that send text: server-sent events."""


@asynccontextmanager
async def opened(config: Config, respond: Respond, **more: Any) -> AsyncGenerator[tuple[Client, Loopback], None]:
    """A client, and the server it asks."""
    async with Loopback(respond) as server:
        client = open_client(config(server.url, **more))
        try:
            yield client, server
        finally:
            await client.aclose()


async def gathered(client: Client, request: Request = ASKED) -> list[Delta]:
    """All deltas of a streamed answer."""
    return [delta async for deltas in client.stream(request) for delta in deltas]


def assert_is_ours_alone(error: ProviderError) -> None:
    """No vendor's error is behind *error*, and no key in it."""
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert KEY[:10] not in repr(error.args)
