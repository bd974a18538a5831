"""Requests in the form of an SDK: redirects, compressed answers, and what is sent again."""

import asyncio
from base64 import b64encode

import pytest
from fixtures.clients import (
    CHAT,
    COHERE,
    GEMINI,
    KEY,
    MESSAGES,
    RESPONSES,
    Config,
    anthropic,
    azure,
    client_and_server,
    cohere,
    collect_deltas,
    google,
    openai,
    responses,
)
from servers.loopback import Exchange, Loopback, Received, answers

from rayconteur.providers.openai.config import AzureOpenAI
from rayconteur.providers.registry import open_client, with_request_forms
from rayconteur.providers.schema.config import RequestForm
from rayconteur.providers.schema.errors import AuthenticationFailed, InvalidRequest, ProviderError
from rayconteur.providers.transport.connections.http_session import HTTPSession
from rayconteur.providers.transport.form_sender import FormSender, redirect_target

EACH = pytest.mark.parametrize(
    ("config", "stream"),
    [
        (anthropic, MESSAGES),
        (openai, CHAT),
        (responses, RESPONSES),
        (azure, CHAT),
        (google, GEMINI),
        (cohere, COHERE),
    ],
    ids=["anthropic", "openai", "responses", "azure", "google", "cohere"],
)
REDIRECTS = (301, 302, 303, 307, 308)


@EACH
@pytest.mark.parametrize("status", [307, 308])
def test_redirects_within_the_server_are_followed_with_the_same_request(
    config: Config, stream: bytes, status: int
) -> None:
    async def respond(exchange: Exchange) -> None:
        if "/moved" in exchange.request.target:
            await exchange.send_answer(stream)
        else:
            await exchange.send_answer(b"", status=status, location=f"/moved{exchange.request.target}")

    async def main() -> list[Received]:
        async with client_and_server(config, respond) as (client, server):
            assert await collect_deltas(client)
            return server.received

    first, second = asyncio.run(main())
    assert second.target == f"/moved{first.target}"
    assert (second.method, second.headers, second.body) == (first.method, first.headers, first.body)


@EACH
@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_to_another_server_is_an_error_that_says_what_to_do(
    config: Config, stream: bytes, status: int
) -> None:
    del stream

    async def main() -> tuple[ProviderError, int]:
        async with Loopback(answers(b"")) as elsewhere:
            moved = answers(b"", status=status, location=f"{elsewhere.url}/?key={KEY}")
            async with client_and_server(config, moved) as (client, _):
                with pytest.raises(InvalidRequest, match="give that address in the config") as raised:
                    await collect_deltas(client)
                return raised.value, elsewhere.connections

    error, connections = asyncio.run(main())
    assert (error.status, error.retryable, connections) == (status, False, 0)
    assert KEY not in error.message


@pytest.mark.parametrize("headers", [{}, {"location": ""}])
def test_a_redirect_to_nowhere_is_an_error(headers: dict[str, str]) -> None:
    async def main() -> tuple[ProviderError, int]:
        async with client_and_server(anthropic, answers(b"", 307, **headers)) as (client, server):
            with pytest.raises(ProviderError) as raised:
                await collect_deltas(client)
            return raised.value, len(server.received)

    error, requests = asyncio.run(main())
    assert (error.status, requests) == (307, 1)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {"content-encoding": "gzip"}),
        (b"not brotli", {"content-encoding": "br"}),
        (b"not gzip", {"content-encoding": "gzip"}),
        (b"x" * 5_000_000, {}),
    ],
)
def test_a_refusal_counts_by_its_status_whether_its_body_can_be_read_or_not(
    body: bytes, headers: dict[str, str]
) -> None:
    async def main() -> None:
        async with client_and_server(anthropic, answers(body, 401, **headers)) as (client, _):
            with pytest.raises(AuthenticationFailed):
                await collect_deltas(client)

    asyncio.run(main())


@EACH
def test_a_password_in_the_address_appears_in_no_error(config: Config, stream: bytes) -> None:
    del stream

    async def echo(exchange: Exchange) -> None:
        await exchange.send_answer(f"bad credentials: {exchange.request.headers}".encode(), 400)

    async def main() -> str:
        async with Loopback(echo) as server:
            client = open_client(with_request_forms(config(server.url.replace("//", "//huginn:muninn-secret@"))))
            with pytest.raises(InvalidRequest) as raised:
                await collect_deltas(client)
            await client.aclose()
            return raised.value.message

    message = asyncio.run(main())
    assert "muninn-secret" not in message
    assert b64encode(b"huginn:muninn-secret").decode() not in message


def test_redirects_in_a_circle_end_with_an_error() -> None:
    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(b"", status=307, location=exchange.request.target)

    async def main() -> int:
        async with client_and_server(anthropic, respond) as (client, server):
            with pytest.raises(InvalidRequest, match="redirects"):
                await collect_deltas(client)
            return len(server.received)

    assert asyncio.run(main()) == 21


@pytest.mark.parametrize(
    ("url", "location", "followed"),
    [
        ("http://x.example/v1", "https://x.example/v1", True),
        ("http://x.example/v1", "https://x.example:8443/v1", False),
        ("https://x.example/v1", "http://x.example/v1", False),
        ("https://x.example/v1", "https://x.example/v2", True),
        ("https://x.example/v1", "https://x.example.evil/v1", False),
        ("https://x.example/v1", "//evil.example/v1", False),
        ("https://x.example/v1", "https://[", False),
    ],
)
def test_credentials_go_to_the_same_server_or_from_http_to_https_only(url: str, location: str, followed: bool) -> None:
    assert (redirect_target(url, location) is not None) is followed


@pytest.mark.parametrize(
    ("offered", "accepted"), [("gzip, deflate, br, zstd", "gzip, deflate"), ("br", "identity"), ("gzip", "gzip")]
)
def test_only_what_can_be_decompressed_here_is_accepted(offered: str, accepted: str) -> None:
    async def main() -> str:
        async with Loopback(answers(b"")) as server:
            sender = FormSender(HTTPSession(5, 5))
            post = sender.post(RequestForm("POST", server.url, (("Accept-Encoding", offered),)))
            (await post(b"{}")).close()
            await sender.aclose()
            return server.received[0].headers["accept-encoding"]

    assert asyncio.run(main()) == accepted


def test_a_token_that_may_change_is_asked_for_with_each_request() -> None:
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
