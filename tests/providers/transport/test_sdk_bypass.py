"""The way past the SDKs: whoever receives a request, or reads its answer, must not be able to tell."""

import asyncio
import gzip
from contextlib import aclosing

import pytest
from fixtures.clients import (
    ASKED,
    CHAT,
    MESSAGES,
    RESPONSES,
    Config,
    anthropic,
    azure,
    gathered,
    openai,
    opened,
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
"""Requests that go through the SDK, which must be alike before the way past it is taken."""


async def past_the_sdk(client: Client) -> None:
    """Have the SDK show what it sends."""
    for _ in range(THROUGH_SDK):
        await gathered(client)


@EACH
def test_a_request_past_the_sdk_is_the_one_that_the_sdk_makes(config: Config, stream: bytes) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(stream)

    async def main() -> list[Received]:
        async with opened(config, respond) as (client, server):
            await past_the_sdk(client)
            await gathered(client)
            return server.received

    first, _, third = asyncio.run(main())
    assert third == first


@EACH
def test_a_refusal_is_the_same_error_with_the_sdk_and_past_it(config: Config, stream: bytes) -> None:
    refused = False

    async def respond(exchange: Exchange) -> None:
        if refused:
            await exchange.answer(b'{"error":{"message":"Slow down."}}', status=429, retry_after="7")
        else:
            await exchange.answer(stream)

    async def main() -> list[ProviderError]:
        nonlocal refused
        errors: list[ProviderError] = []
        for before in (0, THROUGH_SDK):
            async with opened(config, respond) as (client, _):
                refused = False
                for _ in range(before):
                    await gathered(client)
                refused = True
                with pytest.raises(RateLimited) as caught:
                    await gathered(client)
                errors.append(caught.value)
        return errors

    with_sdk, past_it = asyncio.run(main())
    assert past_it.args == with_sdk.args
    assert past_it.retry_after_s == 7
    assert past_it.__cause__ is None


@EACH
def test_a_compressed_answer_is_read_past_the_sdk_too(config: Config, stream: bytes) -> None:
    packed = False

    async def respond(exchange: Exchange) -> None:
        if packed:
            await exchange.answer(gzip.compress(stream), content_encoding="gzip")
        else:
            await exchange.answer(stream)

    async def main() -> None:
        nonlocal packed
        async with opened(config, respond) as (client, _):
            await past_the_sdk(client)
            plain = await gathered(client)
            packed = True

            assert await gathered(client) == plain

    asyncio.run(main())


@EACH
def test_an_answer_that_sends_elsewhere_is_followed(config: Config, stream: bytes) -> None:
    moved = False

    async def respond(exchange: Exchange) -> None:
        if moved and "/moved" not in exchange.request.target:
            await exchange.answer(b"", status=307, location=f"/moved{exchange.request.target}")
        else:
            await exchange.answer(stream)

    async def main() -> str:
        nonlocal moved
        async with opened(config, respond) as (client, server):
            await past_the_sdk(client)
            moved = True

            assert await gathered(client)

            return server.received[-1].target

    assert asyncio.run(main()).startswith("/moved/")


@EACH
def test_cancelling_past_the_sdk_closes_the_connection(config: Config, stream: bytes) -> None:
    async def respond(exchange: Exchange) -> None:
        if server_hangs:
            await exchange.head()
            await exchange.chunk(stream[: len(stream) // 2])
            await exchange.hang()
        await exchange.answer(stream)

    server_hangs = False

    async def main() -> None:
        nonlocal server_hangs
        async with opened(config, respond) as (client, server):
            await past_the_sdk(client)
            server_hangs = True
            async with aclosing(client.stream(ASKED)) as answer:
                assert await anext(answer)
            async with asyncio.timeout(0.05):
                await server.closed.wait()

    asyncio.run(main())


@pytest.mark.parametrize(("ids", "settled"), [(["a"], False), (["a", "a"], True), (["a", "a", "b"], False)])
def test_it_is_taken_only_when_two_requests_were_alike(ids: list[str], settled: bool) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.answer(b"")

    async def main() -> bool:
        transport = AiohttpTransport(connect_timeout_s=5, idle_timeout_s=5)
        async with Loopback(respond) as server, HTTPClient(transport) as client:
            for number, key in enumerate(ids):
                await client.post(server.url, content=b"." * number, headers={"idempotency-key": key})
        return transport.settled is not None

    assert asyncio.run(main()) is settled


def test_tokens_that_may_change_go_through_the_sdk_each_time() -> None:
    def given(url: str) -> AzureOpenAI:
        return AzureOpenAI(deployment="mine", endpoint=url, ad_token_provider="servers.entra_tokens:in_pairs")

    async def respond(exchange: Exchange) -> None:
        await exchange.answer(CHAT)

    async def main() -> list[str]:
        async with opened(given, respond) as (client, server):
            for _ in range(4):
                await gathered(client)
            return [asked.headers["authorization"] for asked in server.received]

    one, again, other, other_again = asyncio.run(main())
    assert one == again != other == other_again
