"""Clients behind a proxy that the environment configures."""

import asyncio

import pytest
from fixtures.clients import EACH_PROVIDER, Config, collect_deltas
from servers.loopback import Exchange, Loopback

from rayconteur.providers.registry import open_client
from rayconteur.providers.transport.connections.request_head import Origin
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


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_direct"),
    [
        ("*, other.invalid", PROVIDER_URL, True),
        ("other.invalid, *", PROVIDER_URL, True),
        ("provider.invalid", PROVIDER_URL, True),
        (".invalid", PROVIDER_URL, True),
        ("rovider.invalid", PROVIDER_URL, False),
        ("http://provider.invalid", PROVIDER_URL, True),
        ("all://provider.invalid", PROVIDER_URL, True),
        ("https://provider.invalid", PROVIDER_URL, False),
        ("http://provider.invalid:8080", PROVIDER_URL, False),
        ("http://provider.invalid:8080", f"{PROVIDER_URL}:8080", True),
        ("http://provider.invalid:port", PROVIDER_URL, False),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("10.1.2.3/8", "http://10.9.9.9", True),
        ("10.0.0.0/8", PROVIDER_URL, False),
        ("fd00::/8", "http://[fd00::1]", True),
        ("", PROVIDER_URL, False),
    ],
)
def test_no_proxy_lists_hosts_domains_urls_and_networks(
    no_proxy: str, url: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid")
    monkeypatch.setenv("no_proxy", no_proxy)

    assert (proxy_of(Origin.of(url)) is None) == is_direct
