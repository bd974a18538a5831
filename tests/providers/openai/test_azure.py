"""Azure OpenAI: its URLs, credentials and content filters."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from builders.decoding import decode_body
from fixtures.clients import CHAT, KEY, REQUEST, RESPONSES, Config, client_and_server, collect_deltas
from servers.entra_tokens import TOKEN, released, requested
from servers.loopback import Received, answers

from rayconteur.providers.openai.chat.decoder import answer_decoder
from rayconteur.providers.openai.config import AzureOpenAI
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.deltas import AnswerEnded, TextDelta
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import AuthenticationFailed, InvalidConfig
from rayconteur.providers.schema.stop_reasons import StopDetails, StopReason

WITH_KEY = AzureOpenAI(deployment="mine", endpoint="https://x.example", api="chat", api_key=KEY)
WITH_FUNCTION = AzureOpenAI(
    deployment="mine", endpoint="https://x.example", api="chat", ad_token_provider="servers.entra_tokens:token"
)


def at_loopback(config: AzureOpenAI) -> Config:
    """*config* with the URL of a loopback server."""

    def config_at(url: str) -> ProviderConfig:
        return msgspec.structs.replace(config, endpoint=f"{url}/")

    return config_at


def sent_request(config: AzureOpenAI, stream: bytes = CHAT) -> Received:
    """The request that a client of *config* sends."""

    async def main() -> Received:
        async with client_and_server(at_loopback(config), answers(stream)) as (client, server):
            await collect_deltas(client)
            return server.received[0]

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("version", "api", "target"),
    [
        ("2024-10-21", "chat", "/openai/deployments/mine/chat/completions?api-version=2024-10-21"),
        ("2025-04-01-preview", "responses", "/openai/responses?api-version=2025-04-01-preview"),
        ("v1", "chat", "/openai/v1/chat/completions"),
        ("v1", "responses", "/openai/v1/responses"),
    ],
)
def test_each_api_version_has_its_url_and_the_deployment_is_the_model(version: str, api: str, target: str) -> None:
    config = msgspec.convert({**msgspec.to_builtins(WITH_KEY), "api_version": version, "api": api}, AzureOpenAI)

    request = sent_request(config, RESPONSES if api == "responses" else CHAT)

    assert request.target == target
    assert msgspec.json.decode(request.body, type=dict[str, object])["model"] == "mine"


@pytest.mark.parametrize(
    ("version", "api"),
    [("2024-10-21", "chat"), ("2025-04-01-preview", "responses"), ("v1", "chat"), ("v1", "responses")],
)
def test_requests_name_the_deployment_and_the_model_is_for_its_facts_only(version: str, api: str) -> None:
    given = {**msgspec.to_builtins(WITH_KEY), "model": "gpt-6-luna", "api_version": version, "api": api}

    request = sent_request(msgspec.convert(given, AzureOpenAI), RESPONSES if api == "responses" else CHAT)

    assert b"gpt-6-luna" not in request.body
    assert msgspec.json.decode(request.body, type=dict[str, object])["model"] == "mine"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("", "/openai/v1/responses"),
        ("/openai/v1/", "/openai/v1/responses"),
        ("/api/projects/rookery", "/api/projects/rookery/openai/v1/responses"),
        ("/models", "/models/chat/completions?api-version=2024-05-01-preview"),
    ],
)
def test_each_kind_of_endpoint_has_its_url(path: str, target: str) -> None:
    def config_at(url: str) -> ProviderConfig:
        return AzureOpenAI(deployment="mine", endpoint=url + path, api_key=KEY)

    async def main() -> Received:
        stream = CHAT if path == "/models" else RESPONSES
        async with client_and_server(config_at, answers(stream)) as (client, server):
            await collect_deltas(client)
            return server.received[0]

    request = asyncio.run(main())
    assert request.target == target
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers.get("api-key") == (KEY if path == "/models" else None)


@pytest.mark.parametrize(("version", "header"), [("2024-10-21", "api-key"), ("v1", "authorization")])
def test_the_key_is_in_the_header_that_the_api_version_expects(version: str, header: str) -> None:
    request = sent_request(msgspec.structs.replace(WITH_KEY, api_version=version))

    assert request.headers[header].removeprefix("Bearer ") == KEY


@pytest.mark.parametrize("version", ["2024-10-21", "v1"])
@pytest.mark.parametrize("function", ["token", "async_token"])
def test_a_function_may_return_the_token(version: str, function: str) -> None:
    config = msgspec.structs.replace(
        WITH_FUNCTION, api_version=version, ad_token_provider=f"servers.entra_tokens:{function}"
    )

    assert sent_request(config).headers["authorization"] == f"Bearer {TOKEN}"


def test_a_blocking_token_function_does_not_block_the_event_loop() -> None:
    requested.clear()
    released.clear()

    async def main() -> Received:
        config = at_loopback(
            msgspec.structs.replace(WITH_FUNCTION, ad_token_provider="servers.entra_tokens:blocking_token")
        )
        async with client_and_server(config, answers(CHAT)) as (client, server):
            request = asyncio.create_task(collect_deltas(client))
            assert await asyncio.to_thread(requested.wait, 5)
            released.set()
            await request
            return server.received[0]

    assert asyncio.run(main()).headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("version", ["2024-10-21", "v1"])
@pytest.mark.parametrize("function", ["failing_token", "no_token"])
def test_a_failing_token_function_is_named_and_its_error_not_quoted(version: str, function: str) -> None:
    name = f"servers.entra_tokens:{function}"

    with pytest.raises(AuthenticationFailed, match=name) as raised:
        sent_request(msgspec.structs.replace(WITH_FUNCTION, api_version=version, ad_token_provider=name))

    assert TOKEN not in repr(raised.value.args)


def test_a_token_that_the_server_repeats_is_removed_from_errors() -> None:
    async def main() -> None:
        body = b'{"error":{"message":"wrong: %b"}}' % TOKEN.encode()
        async with client_and_server(at_loopback(WITH_FUNCTION), answers(body, 401)) as (client, _):
            await client.complete(REQUEST)

    with pytest.raises(AuthenticationFailed, match=r"wrong: \*\*\*$"):
        asyncio.run(main())


@pytest.mark.parametrize(
    "name", ["servers.entra_tokens:missing", "no_such_module:f", "servers.entra_tokens:NOT_A_FUNCTION"]
)
def test_a_missing_token_function_is_an_error_that_names_the_field(name: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(msgspec.structs.replace(WITH_FUNCTION, ad_token_provider=name))

    assert raised.value.field == "provider.ad_token_provider"


def test_a_content_filter_is_a_stop_reason_and_its_reports_are_no_content(root: Path) -> None:
    draft = Draft("azureopenai")
    decoder = answer_decoder("azureopenai", 1)

    draft.add(decoder.feed((root / "tests/samples/chat_filtered_azure.sse").read_bytes()) + decoder.finish())

    answer = draft.finish()
    assert (answer.message_id, answer.stop_reason) == ("chatcmpl-9", StopReason.CONTENT_FILTER)
    assert answer.content[0] == answer.content[-1]


def test_a_content_filter_is_a_stop_reason_of_an_answer_that_is_not_streamed() -> None:
    body = (
        b'{"id":"c9","model":"m","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}],"choices":'
        b'[{"index":0,"finish_reason":"content_filter","message":{"role":"assistant","content":"A raven"},'
        b'"content_filter_results":{"violence":{"filtered":true,"severity":"medium"}}}]}'
    )

    assert decode_body(answer_decoder("azureopenai", 1), body)[1:] == [
        TextDelta(0, "A raven"),
        AnswerEnded(
            StopReason.CONTENT_FILTER,
            "content_filter",
            StopDetails(category="violence", vendor={"violence": {"filtered": True, "severity": "medium"}}),
        ),
    ]
