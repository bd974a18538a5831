"""Requests that bypass the SDK are the same on the wire, and have the same answers and errors, as those through it."""

import asyncio
import gzip
from contextlib import aclosing

import pytest
from fixtures.clients import (
    CHAT,
    MESSAGES,
    RESPONSES,
    Config,
    anthropic,
    azure,
    batches_of,
    client_and_server,
    collect_deltas,
    openai,
    responses,
)
from servers.loopback import Exchange, Loopback, Received

from rayconteur.providers.openai.config import AzureOpenAI
from rayconteur.providers.schema.client import Client
from rayconteur.providers.schema.errors import ProviderError, RateLimited
from rayconteur.providers.transport.aiohttp_transport import AiohttpTransport, HTTPClient

EACH = pytest.mark.parametrize(
    ("config", "stream"),
    [(anthropic, MESSAGES), (openai, CHAT), (responses, RESPONSES), (azure, CHAT)],
    ids=["anthropic", "openai", "responses", "azure"],
)
THROUGH_SDK = 2
"""Requests that go through the SDK, and have to be equal, before the bypass is used."""


async def enable_bypass(client: Client) -> None:
    """Send the requests through the SDK after which the bypass is used."""
    for _ in range(THROUGH_SDK):
        await collect_deltas(client)


@EACH
def test_a_bypassed_request_equals_the_one_that_the_sdk_makes(config: Config, stream: bytes) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(stream)

    async def main() -> list[Received]:
        async with client_and_server(config, respond) as (client, server):
            await enable_bypass(client)
            await collect_deltas(client)
            return server.received

    first, _, third = asyncio.run(main())
    assert third == first


@EACH
def test_a_rejected_request_is_the_same_error_with_and_without_the_bypass(config: Config, stream: bytes) -> None:
    is_rejecting = False

    async def respond(exchange: Exchange) -> None:
        if is_rejecting:
            await exchange.send_answer(b'{"error":{"message":"Slow down."}}', status=429, retry_after="7")
        else:
            await exchange.send_answer(stream)

    async def main() -> list[ProviderError]:
        nonlocal is_rejecting
        errors: list[ProviderError] = []
        for requests_before in (0, THROUGH_SDK):
            async with client_and_server(config, respond) as (client, _):
                is_rejecting = False
                for _ in range(requests_before):
                    await collect_deltas(client)
                is_rejecting = True
                with pytest.raises(RateLimited) as caught:
                    await collect_deltas(client)
                errors.append(caught.value)
        return errors

    with_sdk, bypassed = asyncio.run(main())
    assert bypassed.args == with_sdk.args
    assert bypassed.retry_after_s == 7
    assert bypassed.__cause__ is None


@EACH
def test_a_compressed_answer_is_decoded_with_the_bypass(config: Config, stream: bytes) -> None:
    is_compressing = False

    async def respond(exchange: Exchange) -> None:
        if is_compressing:
            await exchange.send_answer(gzip.compress(stream), content_encoding="gzip")
        else:
            await exchange.send_answer(stream)

    async def main() -> None:
        nonlocal is_compressing
        async with client_and_server(config, respond) as (client, _):
            await enable_bypass(client)
            plain = await collect_deltas(client)
            is_compressing = True

            assert await collect_deltas(client) == plain

    asyncio.run(main())


@EACH
def test_redirects_are_followed(config: Config, stream: bytes) -> None:
    is_moved = False

    async def respond(exchange: Exchange) -> None:
        if is_moved and "/moved" not in exchange.request.target:
            await exchange.send_answer(b"", status=307, location=f"/moved{exchange.request.target}")
        else:
            await exchange.send_answer(stream)

    async def main() -> str:
        nonlocal is_moved
        async with client_and_server(config, respond) as (client, server):
            await enable_bypass(client)
            is_moved = True

            assert await collect_deltas(client)

            return server.received[-1].target

    assert asyncio.run(main()).startswith("/moved/")


@EACH
def test_cancelling_a_bypassed_request_closes_the_connection(config: Config, stream: bytes) -> None:
    async def respond(exchange: Exchange) -> None:
        if is_hanging:
            await exchange.send_head()
            await exchange.send_chunk(stream[: len(stream) // 2])
            await exchange.hang()
        await exchange.send_answer(stream)

    is_hanging = False

    async def main() -> None:
        nonlocal is_hanging
        async with client_and_server(config, respond) as (client, server):
            await enable_bypass(client)
            is_hanging = True
            async with aclosing(batches_of(client)) as answer:
                assert await anext(answer)
            async with asyncio.timeout(0.05):
                await server.closed.wait()

    asyncio.run(main())


@pytest.mark.parametrize(("ids", "settled"), [(["a"], False), (["a", "a"], True), (["a", "a", "b"], False)])
def test_the_bypass_is_used_only_after_two_equal_requests(ids: list[str], settled: bool) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(b"")

    async def main() -> bool:
        transport = AiohttpTransport(connect_timeout_s=5, idle_timeout_s=5)
        async with Loopback(respond) as server, HTTPClient(transport) as client:
            for number, key in enumerate(ids):
                await client.post(server.url, content=b"." * number, headers={"idempotency-key": key})
        return transport.repeated_head("/") is not None

    assert asyncio.run(main()) is settled


def test_clients_whose_token_may_change_never_use_the_bypass() -> None:
    def config_at(url: str) -> AzureOpenAI:
        return AzureOpenAI(
            deployment="mine", endpoint=url, api="chat", ad_token_provider="servers.entra_tokens:changing_token"
        )

    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(CHAT)

    async def main() -> list[str]:
        async with client_and_server(config_at, respond) as (client, server):
            for _ in range(4):
                await collect_deltas(client)
            return [request.headers["authorization"] for request in server.received]

    first, second, third, fourth = asyncio.run(main())
    assert first == second != third == fourth
