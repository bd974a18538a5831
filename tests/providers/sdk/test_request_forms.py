"""Requests are, byte for byte, those that the vendors' own SDKs send with their own HTTP libraries."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import anthropic
import cohere
import httpx
import httpx2
import msgspec
import openai
import pytest
from fixtures import clients
from fixtures.clients import HI, KEY, REQUEST, collect_deltas
from google import genai
from google.genai import errors as genai_errors
from google.genai.types import HttpOptions
from servers.entra_tokens import async_token, token
from servers.loopback import Loopback, answers

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.registry import ProviderConfig, open_client, with_request_forms
from rayconteur.providers.schema.client import Client, CompactingClient
from rayconteur.providers.schema.config import HTTPConfig, RequestForm
from rayconteur.providers.schema.content import Text
from rayconteur.providers.schema.errors import ProviderError
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings

EXTRA = {"X-Team": "ravens"}
LARGE = Request(1, (Message(role=HI.role, content=(Text("x" * 2_000_000),), turn=1),), Settings())
INPUT: list[Any] = [{"role": "user", "content": "Hello, raven!"}]
COMPACTION = {"anthropic-beta": "compact-2026-09-04"}
OLD_VERSION = {"anthropic-version": "2023-06-01"}
OPTIONS: dict[str, Any] = {
    "max_retries": 0,
    "timeout": httpx2.Timeout(connect=10.0, pool=10.0, read=600.0, write=600.0),
    "default_headers": EXTRA,
}

SDK_ERRORS = (anthropic.BadRequestError, openai.BadRequestError, genai_errors.ClientError, cohere.BadRequestError)

Ours = Callable[[Client], Awaitable[object]]
"""Lets our client send a request."""


class Libraries(NamedTuple):
    """Clients of the HTTP libraries under the SDKs."""

    httpx2: httpx2.AsyncClient
    httpx: httpx.AsyncClient


Theirs = Callable[[str, Libraries], Awaitable[object]]
"""Lets an SDK send one of the same kind to a URL, with its HTTP library."""


def stream(client: Client) -> Awaitable[object]:
    return collect_deltas(client)


def whole(client: Client) -> Awaitable[object]:
    return client.complete(REQUEST)


def large(client: Client) -> Awaitable[object]:
    return client.complete(LARGE)


def compact(client: Client) -> Awaitable[object]:
    assert isinstance(client, CompactingClient)
    return client.compact(REQUEST, None)


async def read(answer: Any) -> None:
    """Read what an SDK streams: some send the request only then."""
    async for _ in answer:
        pass


def anthropic_sdk(url: str, http: Libraries, **headers: str) -> Callable[..., Awaitable[object]]:
    options: dict[str, Any] = OPTIONS | {"default_headers": {**headers, **EXTRA}}
    sdk: Any = anthropic.AsyncAnthropic(api_key=KEY, base_url=url, http_client=http.httpx2, **options)
    return partial(sdk.messages.create, model="m", max_tokens=5, messages=INPUT)


def openai_sdk(url: str, http: Libraries) -> Any:
    return openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", http_client=http.httpx2, **OPTIONS)


def azure(**fields: Any) -> clients.Config:
    def config(url: str, **more: Any) -> ProviderConfig:
        given: dict[str, Any] = {"deployment": "mine", "api": "chat", "endpoint": url}
        return AzureOpenAI(**given | fields | more)

    return config


def azure_sdk(url: str, http: Libraries, **credential: Any) -> Any:
    given: dict[str, Any] = {"azure_endpoint": url, "azure_deployment": "mine", "api_version": "2025-04-01-preview"}
    return openai.AsyncAzureOpenAI(**given, http_client=http.httpx2, **credential, **OPTIONS)


def azure_v1_sdk(url: str, http: Libraries, key: Any) -> Any:
    return openai.AsyncOpenAI(api_key=key, base_url=f"{url}/openai/v1", http_client=http.httpx2, **OPTIONS)


def google_sdk(url: str, http: Libraries) -> Any:
    options = HttpOptions(base_url=url, api_version="v1beta", headers=EXTRA, httpx_async_client=http.httpx2)
    return genai.Client(vertexai=False, api_key=KEY, http_options=options).aio.models


async def google_stream(url: str, http: Libraries) -> None:
    await read(await google_sdk(url, http).generate_content_stream(model="gemini-x", contents="Hi"))


def cohere_sdk(url: str, http: Libraries) -> Any:
    sdk = cohere.AsyncClientV2(KEY, base_url=url, httpx_client=http.httpx)
    message = cohere.UserChatMessageV2(content="Hi")
    given: dict[str, Any] = {"model": "m", "messages": [message], "request_options": {"additional_headers": EXTRA}}
    return sdk, given


async def cohere_stream(url: str, http: Libraries) -> None:
    sdk, given = cohere_sdk(url, http)
    await read(sdk.chat_stream(**given))


async def cohere_whole(url: str, http: Libraries) -> None:
    sdk, given = cohere_sdk(url, http)
    await sdk.chat(**given)


def compacting_claude(url: str, **more: Any) -> ProviderConfig:
    return Anthropic(model="m", api_key=KEY, base_url=url, facts=ModelFacts(compacts=True), **more)


def compacting_responses(url: str, **more: Any) -> ProviderConfig:
    facts = ModelFacts(compacts=True)
    return OpenAI(model="gpt-x", api_key=KEY, base_url=f"{url}/v1", api="responses", facts=facts, **more)


async def azure_chat(sdk: Any) -> None:
    await sdk.chat.completions.create(model="mine", messages=INPUT, stream=True)


async def azure_responses(sdk: Any) -> None:
    await sdk.responses.create(model="mine", input="Hi", stream=True)


CASES: dict[str, tuple[clients.Config, Ours, Theirs]] = {
    "anthropic, streamed": (clients.anthropic, stream, lambda url, http: anthropic_sdk(url, http)(stream=True)),
    "anthropic, whole": (clients.anthropic, whole, lambda url, http: anthropic_sdk(url, http)()),
    "anthropic, large": (clients.anthropic, large, lambda url, http: anthropic_sdk(url, http)()),
    "anthropic, compaction": (
        compacting_claude,
        compact,
        lambda url, http: anthropic_sdk(url, http, **COMPACTION)(stream=True, extra_headers=OLD_VERSION),
    ),
    "chat, streamed": (
        clients.openai,
        stream,
        lambda url, http: openai_sdk(url, http).chat.completions.create(model="m", messages=INPUT, stream=True),
    ),
    "chat, whole": (
        clients.openai,
        whole,
        lambda url, http: openai_sdk(url, http).chat.completions.create(model="m", messages=INPUT),
    ),
    "chat, large": (
        clients.openai,
        large,
        lambda url, http: openai_sdk(url, http).chat.completions.create(model="m", messages=INPUT),
    ),
    "responses, streamed": (
        clients.responses,
        stream,
        lambda url, http: openai_sdk(url, http).responses.create(model="m", input="Hi", stream=True),
    ),
    "responses, whole": (
        clients.responses,
        whole,
        lambda url, http: openai_sdk(url, http).responses.create(model="m", input="Hi"),
    ),
    "responses, compaction": (
        compacting_responses,
        compact,
        lambda url, http: openai_sdk(url, http).responses.compact(model="gpt-6-luna", input="Hi"),
    ),
    "google, streamed": (clients.google, stream, google_stream),
    "google, whole": (
        clients.google,
        whole,
        lambda url, http: google_sdk(url, http).generate_content(model="gemini-x", contents="Hi"),
    ),
    "cohere, streamed": (clients.cohere, stream, cohere_stream),
    "cohere, whole": (clients.cohere, whole, cohere_whole),
}
AZURE_CASES: dict[str, tuple[clients.Config, Theirs]] = {
    "dated, chat with a key": (
        azure(api_version="2025-04-01-preview", api_key=KEY),
        lambda url, http: azure_chat(azure_sdk(url, http, api_key=KEY)),
    ),
    "dated, chat with a token": (
        azure(api_version="2025-04-01-preview", ad_token=KEY),
        lambda url, http: azure_chat(azure_sdk(url, http, azure_ad_token=KEY)),
    ),
    "dated, chat with a function": (
        azure(api_version="2025-04-01-preview", ad_token_provider="servers.entra_tokens:token"),
        lambda url, http: azure_chat(azure_sdk(url, http, azure_ad_token_provider=token)),
    ),
    "dated, responses": (
        azure(api_version="2025-04-01-preview", api_key=KEY, api="responses"),
        lambda url, http: azure_responses(azure_sdk(url, http, api_key=KEY)),
    ),
    "v1, chat": (
        azure(api_key=KEY),
        lambda url, http: azure_chat(azure_v1_sdk(url, http, KEY)),
    ),
    "v1, responses with a function": (
        azure(api="responses", ad_token_provider="servers.entra_tokens:async_token"),
        lambda url, http: azure_responses(azure_v1_sdk(url, http, async_token)),
    ),
}


def sent_heads(config: clients.Config, ours: Ours, theirs: Theirs) -> list[bytes]:
    """The heads of both requests, without the figure of the content's length, which has been checked."""

    async def main() -> list[bytes]:
        bad_request = answers(b"{}", 400, content_type="application/json")
        async with Loopback(bad_request) as server, httpx2.AsyncClient() as new, httpx.AsyncClient() as old:
            client = open_client(config(server.url, extra_headers=EXTRA))
            with pytest.raises(ProviderError):
                await ours(client)
            await client.aclose()
            with pytest.raises(SDK_ERRORS):
                await theirs(server.url, Libraries(new, old))
            assert all(int(request.headers["content-length"]) == len(request.body) for request in server.received)
            return [re.sub(rb"(?i)(content-length): \d+", rb"\1: ?", request.head) for request in server.received]

    return asyncio.run(main())


def without_unreadable_codings(head: bytes) -> bytes:
    """*head* of httpx, which reads more codings if their libraries are installed."""
    return head.replace(b", br", b"").replace(b", zstd", b"")


@pytest.mark.parametrize(("config", "ours", "theirs"), CASES.values(), ids=CASES)
def test_a_request_is_the_one_that_the_sdk_sends(config: clients.Config, ours: Ours, theirs: Theirs) -> None:
    our_head, their_head = sent_heads(config, ours, theirs)

    assert our_head.decode() == without_unreadable_codings(their_head).decode()


@pytest.mark.parametrize(("config", "theirs"), AZURE_CASES.values(), ids=AZURE_CASES)
def test_a_request_to_azure_is_the_one_that_the_sdk_sends(config: clients.Config, theirs: Theirs) -> None:
    our_head, their_head = sent_heads(config, stream, theirs)

    assert our_head.decode() == their_head.decode()


@clients.EACH_PROVIDER
def test_request_forms_are_the_same_for_every_model_and_as_secret_as_a_key(
    config: clients.Config, stream: bytes
) -> None:
    del stream
    given = with_request_forms(config("http://raven:caw-caw@127.0.0.1:9"))
    other = with_request_forms(msgspec.structs.replace(given, model="another"))

    assert isinstance(given, HTTPConfig)
    assert isinstance(other, HTTPConfig)
    assert other.request_forms is given.request_forms, "the SDK was asked again"
    assert given.public().request_forms is None
    assert given.source == msgspec.structs.replace(given, request_forms=None).source
    for form in (given.request_forms or {}).values():
        assert repr(form) == "RequestForm(***)"
    for shown in (repr(given), repr(given.request_forms), str(given.public())):
        assert KEY not in shown
        assert "caw-caw" not in shown.replace("http://raven:caw-caw@127.0.0.1:9", "")


def test_headers_take_the_place_of_those_with_the_same_name() -> None:
    form = RequestForm("POST", "http://x.example", (("Accept", "*/*"), ("X-Beta", "a"), ("X-Key", "k")))

    changed = form.with_headers({"x-beta": "b", "x-key": None, "X-New": "n"})

    assert changed.headers == (("Accept", "*/*"), ("X-Beta", "b"), ("X-New", "n"))


@pytest.mark.parametrize("vendor", ["anthropic", "openai", "google", "cohere"])
def test_a_client_with_request_forms_imports_no_sdk(vendor: str) -> None:
    prepared = with_request_forms(getattr(clients, vendor)("http://127.0.0.1:9"))
    program = f"""
import sys
import msgspec
from rayconteur.providers.registry import ProviderConfig, open_client, with_request_forms
open_client(msgspec.msgpack.decode({msgspec.msgpack.encode(prepared)!r}, type=ProviderConfig))
heavy = {{"anthropic", "openai", "google.genai", "cohere", "httpx", "httpx2", "pydantic"}}
print(sorted(heavy & sys.modules.keys()))
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
