"""Clients behind a proxy that the environment configures."""

import asyncio

import pytest
from fixtures.clients import EACH_PROVIDER, Config, collect_deltas
from servers.loopback import Exchange, Loopback

from rayconteur.providers.registry import open_client
from rayconteur.providers.transport.proxies import proxy_of

PROVIDER_URL = "http://provider.invalid"


@pytest.fixture(autouse=True)
def clear_proxy_cache() -> None:
    proxy_of.cache_clear()


@EACH_PROVIDER
def test_requests_go_through_the_proxy_with_its_password(
    config: Config, stream: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(stream)

    async def main() -> None:
        async with Loopback(respond) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//raven:caw@"))
            client = open_client(config(PROVIDER_URL))
            await collect_deltas(client)
            await client.aclose()

            [request] = proxy.received
            assert request.target.startswith(PROVIDER_URL + "/")
            assert request.headers["proxy-authorization"] == "Basic cmF2ZW46Y2F3"

    asyncio.run(main())


@EACH_PROVIDER
def test_hosts_in_no_proxy_are_requested_directly(
    config: Config, stream: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(stream)

    async def main() -> None:
        async with Loopback(respond) as provider:
            monkeypatch.setenv("http_proxy", "http://proxy.invalid")
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            client = open_client(config(provider.url))
            await collect_deltas(client)
            await client.aclose()

            [request] = provider.received
            assert request.target.startswith("/")

    asyncio.run(main())
