"""Google's client on a real socket: URLs, credentials, errors."""

import asyncio
from typing import Any

import msgspec
import pytest
from fixtures.clients import GEMINI, KEY, REQUEST, collect_deltas
from google.auth import exceptions as auth
from servers.google_tokens import TOKEN, service_account, token_server
from servers.loopback import Loopback, Received, Respond, answers

from rayconteur.providers.google.config import Google
from rayconteur.providers.google.content import INLINE_BYTES
from rayconteur.providers.google.endpoint.authority import NO_TOKEN
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.content import Image
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    InvalidConfig,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    ThinkingRejected,
    UnsupportedContent,
)

BASE = "/v1beta/models/gemini-x"
PROJECT_BASE = "/v1beta1/projects/rookery/locations/global/publishers/google/models/gemini-x"
STREAM = ":streamGenerateContent?alt=sse"


def sent_request(config: Google, streaming: bool = True) -> Received:
    """The request that a client of *config* sends."""

    async def main() -> list[Received]:
        async with Loopback(answers(GEMINI)) as server:
            client = open_client(msgspec.structs.replace(config, base_url=server.url).resolved({}))
            try:
                await (collect_deltas(client) if streaming else client.complete(REQUEST))
            except ProviderError:
                pass
            finally:
                await client.aclose()
            return server.received

    [request] = asyncio.run(main())
    return request


@pytest.mark.parametrize(
    ("config", "target"),
    [
        (Google(model="gemini-x", api_key=KEY), BASE + STREAM),
        (Google(model="models/gemini-x", api_key=KEY), BASE + STREAM),
        (Google(model="tunedModels/mine", api_key=KEY), "/v1beta/tunedModels/mine" + STREAM),
        (Google(model="gemini-x", api_key=KEY, api_version="v1"), "/v1/models/gemini-x" + STREAM),
        (Google(model="gemini-x", api_key=KEY, vertex=True), "/v1beta1/publishers/google/models/gemini-x" + STREAM),
        (Google(model="meta/llama", api_key=KEY, vertex=True), "/v1beta1/publishers/meta/models/llama" + STREAM),
        (
            Google(model="publishers/x/models/y", api_key=KEY, vertex=True, api_version="v1"),
            "/v1/publishers/x/models/y" + STREAM,
        ),
    ],
)
def test_a_streamed_request_goes_to_the_model_s_url_with_the_key(config: Google, target: str) -> None:
    request = sent_request(config)

    assert (request.method, request.target) == ("POST", target)
    assert request.headers["x-goog-api-key"] == KEY
    assert request.headers["content-type"] == "application/json"
    assert msgspec.json.decode(request.body) == {"contents": [{"role": "user", "parts": [{"text": "Hello, raven!"}]}]}


def test_a_request_that_is_not_streamed_goes_to_its_own_url() -> None:
    assert sent_request(Google(model="gemini-x", api_key=KEY), streaming=False).target == BASE + ":generateContent"


def test_extra_members_and_headers_are_sent() -> None:
    config = Google(
        model="gemini-x",
        api_key=KEY,
        extra_body={"store": False},
        extra_headers={"X-Vertex-AI-LLM-Shared-Request-Type": "flex"},
    )

    request = sent_request(config)

    assert msgspec.json.decode(request.body)["store"] is False
    assert request.headers["x-vertex-ai-llm-shared-request-type"] == "flex"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"extra_body": {"contents": []}}, "provider.extra_body.contents"),
        (
            {"extra_body": {"generationConfig": {"temperature": 1}}},
            "provider.extra_body.generationConfig.temperature",
        ),
        ({"extra_body": {"generation_config": {"top_p": 1}}}, "provider.extra_body.generation_config.top_p"),
        ({"extra_body": {"toolConfig": {}}}, "provider.extra_body.toolConfig"),
        (
            {"extra_body": {"generationConfig": {"max_output_tokens": 1}}},
            "provider.extra_body.generationConfig.max_output_tokens",
        ),
        (
            {"extra_body": {"toolConfig": {"functionCallingConfig": {"allowed_function_names": []}}}},
            "provider.extra_body.toolConfig.functionCallingConfig.allowed_function_names",
        ),
        ({"extra_headers": {"X-Goog-Api-Key": "k"}}, "provider.extra_headers['X-Goog-Api-Key']"),
        ({"cached_content": "cachedContents/nest"}, "provider.cached_content"),
        (
            {"safety_settings": ({"category": "c", "threshold": "OFF", "method": "SEVERITY"},)},
            "provider.safety_settings[0]",
        ),
    ],
)
def test_what_the_package_sets_or_the_model_lacks_is_rejected_in_the_config(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(Google(model="gemini-4-argon", api_key=KEY, **more).resolved({}))

    assert raised.value.field == field


@pytest.mark.parametrize("message", ["Corrupted thought signature.", "Invalid thought signature."])
def test_a_signature_of_another_model_is_rejected_thinking(message: str) -> None:
    body = msgspec.json.encode({"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}})

    async def main() -> None:
        async with Loopback(answers(body, 400)) as server:
            client = open_client(Google(model="m", api_key=KEY, base_url=server.url).resolved({}))
            with pytest.raises(ThinkingRejected):
                await collect_deltas(client)
            await client.aclose()

    asyncio.run(main())


def test_vertex_gets_a_token_of_the_configured_credentials() -> None:
    async def main() -> list[Received]:
        async with token_server() as oauth, Loopback(answers(GEMINI)) as server:
            config = Google(model="gemini-x", credentials=service_account(oauth.url), base_url=server.url)
            client = open_client(config.resolved({}))
            await collect_deltas(client)
            await collect_deltas(client)
            await client.aclose()
            return [*oauth.received, *server.received]

    for_token, first, second = asyncio.run(main())

    assert b"assertion=" in for_token.body
    for request in (first, second):
        assert request.target == PROJECT_BASE + STREAM
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert "x-goog-api-key" not in request.headers


@pytest.mark.parametrize(
    ("respond", "kind"),
    [
        (answers(b'{"error":"invalid_grant"}', 400, content_type="application/json"), AuthenticationFailed),
        (None, ProviderUnavailable),
    ],
    ids=["rejected", "refused connection"],
)
def test_credentials_that_yield_no_token_are_a_provider_error(
    respond: Respond | None, kind: type[ProviderError]
) -> None:
    async def main() -> int:
        async with Loopback(respond or answers(b"")) as oauth:
            url = oauth.url if respond else "http://127.0.0.1:9"
            async with Loopback(answers(GEMINI)) as server:
                config = Google(model="m", project="p", credentials=service_account(url), base_url=server.url)
                client = open_client(config.resolved({}))
                with pytest.raises(kind):
                    await collect_deltas(client)
                await client.aclose()
                return server.connections

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize("token", [b"[]", b'"x"', b"1", b"null", b'{"access_token":[],"expires_in":"x"}'])
def test_a_malformed_token_is_not_blamed_on_the_sdk(token: bytes) -> None:
    async def main() -> ProviderError:
        async with Loopback(answers(token, content_type="application/json")) as oauth:
            config = Google(model="m", project="p", credentials=service_account(oauth.url))
            client = open_client(config.resolved({}))
            with pytest.raises(ProviderError) as raised:
                await collect_deltas(client)
            await client.aclose()
            return raised.value

    assert type(asyncio.run(main())) in (ProviderUnavailable, AuthenticationFailed)


def with_subclasses(root: type[Exception]) -> set[type[Exception]]:
    """*root* and all its subclasses."""
    return {root, *(kind for child in root.__subclasses__() for kind in with_subclasses(child))}


@pytest.mark.parametrize("error", sorted(with_subclasses(auth.GoogleAuthError), key=str))
def test_every_error_class_of_google_auth_is_mapped(error: type[Exception]) -> None:
    assert any(issubclass(error, theirs) for theirs in NO_TOKEN)


@pytest.mark.parametrize(
    ("status", "body", "kind", "wait_s"),
    [
        (
            429,
            b'{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[%b]}}',
            RateLimited,
            7.5,
        ),
        (503, b'[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE","details":[%b]}}]', Overloaded, 7.5),
        (500, b"<html>oops%b</html>", ProviderUnavailable, None),
    ],
)
def test_the_retry_delay_of_a_rejected_request_is_read(
    status: int, body: bytes, kind: type[ProviderError], wait_s: float | None
) -> None:
    detail = b'{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7.5s"}'

    async def main() -> ProviderError:
        async with Loopback(answers(body % detail, status)) as server:
            client = open_client(Google(model="m", api_key=KEY, base_url=server.url).resolved({}))
            with pytest.raises(ProviderError) as raised:
                await collect_deltas(client)
            await client.aclose()
            assert len(server.received) == 1
            return raised.value

    error = asyncio.run(main())

    assert type(error) is kind
    assert (error.status, error.retry_after_s) == (status, wait_s)


def test_images_larger_than_a_request_may_be_are_rejected_before_sending() -> None:
    client = open_client(Google(model="m", api_key=KEY).resolved({}))
    half = Image(data=bytes(INLINE_BYTES // 2 + 1), media_type="image/png")

    client.check_content([half])
    with pytest.raises(UnsupportedContent, match="in all"):
        client.check_content([half, half])
    asyncio.run(client.aclose())
