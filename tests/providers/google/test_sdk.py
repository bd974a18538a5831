"""Requests compared with those of Google's SDK."""

import asyncio
import re
from typing import Any, cast

import httpx2
import msgspec
import pytest
from fixtures.clients import GEMINI, KEY, REQUEST, collect_deltas
from google import genai
from google.genai.types import Content, GenerateContentConfig, HttpOptions, Part
from google.oauth2.service_account import Credentials
from servers.google_tokens import service_account, token_server
from servers.loopback import Exchange, Loopback, Received

from rayconteur.providers.google.config import Google
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.request import Request, Settings

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_from_info = cast(Any, Credentials).from_service_account_info  # google-auth has no type hints for it
SETTINGS = Settings(system="You are a raven.", max_output_tokens=100, temperature=0.5, stop_sequences=("caw",))
_CONFIG: dict[str, Any] = {
    "system_instruction": Content(parts=[Part(text="You are a raven.")]),  # of a string, it makes a user's content
    "max_output_tokens": 100,
    "temperature": 0.5,
    "stop_sequences": ["caw"],
}


async def respond(exchange: Exchange) -> None:
    """A stream, or an answer that is not one."""
    if "streamGenerateContent" in exchange.request.target:
        await exchange.send_answer(GEMINI)
    else:
        content = {"role": "model", "parts": [{"text": "Caw."}]}
        answer = {"candidates": [{"content": content, "finishReason": "STOP"}]}
        await exchange.send_answer(msgspec.json.encode(answer), content_type="application/json")


def head(request: Received) -> str:
    """The head of *request*, but for the length of its content."""
    return re.sub(r"(content-length): \d+", r"\1", request.head.decode(), flags=re.IGNORECASE)


async def send_ours(config: Google, streaming: bool) -> None:
    client = open_client(config)
    request = Request(1, REQUEST.messages, SETTINGS)
    await (collect_deltas(client, request) if streaming else client.complete(request))
    await client.aclose()


async def send_theirs(config: Google, streaming: bool) -> None:
    info = msgspec.json.decode(config.credentials or "{}")
    http = httpx2.AsyncClient()
    sdk = genai.Client(
        vertexai=bool(config.vertex),
        api_key=config.api_key,
        project=config.project,
        location=config.location,
        credentials=_from_info(info, scopes=[_SCOPE]) if info else None,
        http_options=HttpOptions(base_url=config.base_url, api_version=config.api_version, httpx_async_client=http),
    )
    contents = Content(role="user", parts=[Part(text="Hello, raven!")])
    options = GenerateContentConfig(**_CONFIG)
    if streaming:
        async for _ in await sdk.aio.models.generate_content_stream(
            model=config.model, contents=contents, config=options
        ):
            pass
    else:
        await sdk.aio.models.generate_content(model=config.model, contents=contents, config=options)
    await http.aclose()
    sdk.close()


@pytest.mark.parametrize("streaming", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(
    "fields",
    [
        {"model": "gemini-x", "api_key": KEY},
        {"model": "models/gemini-x", "api_key": KEY, "api_version": "v1"},
        {"model": "gemini-x", "api_key": KEY, "vertex": True},
        {"model": "gemini-x", "project": "rookery", "location": "europe-west4"},
        {"model": "meta/llama", "project": "rookery", "location": "global", "api_version": "v1"},
    ],
    ids=["Gemini API", "Gemini API v1", "Vertex with a key", "Vertex", "Vertex v1"],
)
def test_the_request_is_the_one_that_the_sdk_sends(fields: dict[str, Any], streaming: bool) -> None:
    async def main() -> list[Received]:
        async with token_server() as oauth, Loopback(respond) as server:
            credentials = None if "api_key" in fields else service_account(oauth.url)
            config = Google(base_url=server.url, credentials=credentials, **fields).resolved({})
            await send_ours(config, streaming)
            await send_theirs(config, streaming)
            return server.received

    ours, theirs = asyncio.run(main())

    assert (ours.method, ours.target) == (theirs.method, theirs.target), "the SDK's URL has changed"
    assert head(ours) == head(theirs), "the SDK's headers have changed"
    assert msgspec.json.decode(ours.body) == msgspec.json.decode(theirs.body), "the SDK's body has changed"
