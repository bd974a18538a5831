"""Requests and errors compared with those of Cohere's SDK."""

import asyncio
from typing import Any

import cohere
import httpx
import msgspec
import pytest
from cohere import errors
from cohere.core.api_error import ApiError
from fixtures.clients import COHERE, KEY, client_and_server, collect_deltas
from fixtures.clients import cohere as config
from servers.loopback import Loopback, Received, answers

from rayconteur.providers.cohere.client import VENDOR_ERRORS
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.cohere.provider import COHERE as COHERE_PROVIDER
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.content import Image, ToolResult
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidConfig,
    InvalidRequest,
    ProviderError,
    RateLimited,
    UnsupportedContent,
)
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.transport.fault_bodies import Fault
from rayconteur.providers.transport.faults import STATUSES

# Headers of the connection and of the transport, which is not the SDK's default one.
_TRANSPORT_HEADERS = {"host", "connection", "accept", "accept-encoding", "content-length"}


def sdk_headers(request: Received) -> dict[str, str]:
    """The headers of *request* that the SDK sets."""
    return {name: value for name, value in request.headers.items() if name not in _TRANSPORT_HEADERS}


def test_the_request_is_the_one_that_the_sdk_sends() -> None:
    async def main() -> list[Received]:
        async with client_and_server(config, answers(COHERE)) as (client, server), httpx.AsyncClient() as http:
            await collect_deltas(client)
            sdk = cohere.AsyncClientV2(KEY, base_url=server.url, httpx_client=http)
            messages: list[cohere.ChatMessageV2] = [cohere.UserChatMessageV2(content="Hello, raven!")]
            async for _ in sdk.chat_stream(model="command-x", messages=messages):
                pass
            return server.received

    ours, theirs = asyncio.run(main())

    assert (ours.method, ours.target) == (theirs.method, theirs.target), "the SDK's URL has changed"
    assert sdk_headers(ours) == sdk_headers(theirs), "the SDK's headers have changed"
    assert msgspec.json.decode(ours.body) == msgspec.json.decode(theirs.body), "the SDK's body has changed"


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_class_of_cohere_s_sdk_is_mapped(name: str) -> None:
    error: ApiError = getattr(errors, name)(body=None)

    assert error.status_code in STATUSES


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (
            400,
            "too many tokens: total number of tokens in the prompt cannot exceed 4081",
            ContextOverflow,
        ),
        (400, "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer", ContextOverflow),
        (400, "too many tokens: max tokens must be less than or equal to 4096 - received 8192", InvalidRequest),
        (400, "invalid request: prompt must be at least 1 token long.", InvalidRequest),
        (498, "invalid api token", AuthenticationFailed),
        (429, "You are using a Trial key, which is limited to 1000 API calls / month.", AuthenticationFailed),
        (429, "You are past the per minute request limit, please wait and try again later.", RateLimited),
    ],
)
def test_each_error_of_cohere_is_mapped_to_ours(status: int, message: str, kind: type[ProviderError]) -> None:
    assert type(VENDOR_ERRORS.faults.error(Fault(message=message), status)) is kind


def test_extra_members_and_headers_are_sent() -> None:
    async def main() -> Received:
        async with Loopback(answers(COHERE)) as server:
            more = {"extra_body": {"logprobs": True}, "extra_headers": {"X-Client-Name": "rookery"}}
            client = open_client(config(server.url, **more))
            await collect_deltas(client)
            await client.aclose()
            return server.received[0]

    request = asyncio.run(main())

    assert msgspec.json.decode(request.body)["logprobs"] is True
    assert request.headers["x-client-name"] == "rookery"


@pytest.mark.parametrize(
    ("model", "more", "field"),
    [
        ("m", {"extra_body": {"messages": []}}, "provider.extra_body.messages"),
        ("m", {"extra_body": {"citation_options": {"mode": "OFF"}}}, "provider.extra_body.citation_options.mode"),
        ("m", {"extra_headers": {"Authorization": "Bearer x"}}, "provider.extra_headers['Authorization']"),
        ("command-a-03-2025", {"citation_mode": "accurate"}, "provider.citation_mode"),
        ("command-a-plus-05-2026", {"safety_mode": "off"}, "provider.safety_mode"),
    ],
)
def test_what_the_package_sets_or_the_model_lacks_is_rejected_in_the_config(
    model: str, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(Cohere(model=model, api_key=KEY, **more))

    assert raised.value.field == field


def test_more_images_than_a_request_may_have_are_rejected_before_sending() -> None:
    client = open_client(Cohere(model="command-a-plus-05-2026", api_key=KEY))
    far, half = Image(url="https://x.example/y.png"), Image(data=bytes(10_000_001), media_type="image/png")

    client.check_content([far] * 20)
    for content in ([far] * 21, [half, half], [ToolResult(tool_use_id="a", content=(far,) * 21)]):
        with pytest.raises(UnsupportedContent, match="up to 20 images of 20,000,000 bytes"):
            client.check_content(content)
    asyncio.run(client.aclose())


def test_the_facts_of_a_config_are_those_of_its_model() -> None:
    facts = COHERE_PROVIDER.documented_facts(Cohere(model="command-a-plus-05-2026"))

    assert (facts.context_limit_tokens, facts.output_limit_tokens) == (128_000, 64_000)
    assert (facts.thinks, facts.takes_images, facts.efforts) == (True, True, ("none", "high"))
    assert COHERE_PROVIDER.documented_facts(Cohere(model="my-model")) == ModelFacts()


def test_the_base_url_is_cohere_s_own_unless_configured() -> None:
    environ = {"CO_API_KEY": KEY, "CO_API_URL": "https://rookery.example"}

    assert Cohere(model="m").resolved(environ).base_url == "https://rookery.example"
    assert Cohere(model="m").resolved({"CO_API_KEY": KEY}).base_url is None


def test_a_path_in_the_base_url_is_kept() -> None:
    async def main() -> str:
        async with Loopback(answers(COHERE)) as server:
            client = open_client(config(f"{server.url}/rookery/"))
            await collect_deltas(client)
            await client.aclose()
            return server.received[0].target

    assert asyncio.run(main()) == "/rookery/v2/chat"
