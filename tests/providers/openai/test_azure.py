"""Azure OpenAI: its addresses, its credentials, and its filters."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from fixtures.clients import ASKED, CHAT, KEY, RESPONSES, Config, gathered, opened
from servers.entra_tokens import TOKEN, is_asked, may_go_on
from servers.loopback import Received, answers

from rayconteur.providers.openai.chat.decoder import decode_answer, stream_decoder
from rayconteur.providers.openai.config import AzureOpenAI
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.deltas import AnswerEnded, TextDelta
from rayconteur.providers.schema.draft import Draft
from rayconteur.providers.schema.errors import AuthenticationFailed, InvalidConfig
from rayconteur.providers.schema.stop_reasons import StopReason

WHERE = AzureOpenAI(deployment="mine", endpoint="https://x.example", api_key=KEY)
OURS = AzureOpenAI(deployment="mine", endpoint="https://x.example", ad_token_provider="servers.entra_tokens:given")


def at(config: AzureOpenAI) -> Config:
    """*config* at another address."""

    def there(url: str) -> ProviderConfig:
        return msgspec.structs.replace(config, endpoint=f"{url}/")

    return there


def asked(config: AzureOpenAI, stream: bytes = CHAT) -> Received:
    """The request that a client of *config* sends."""

    async def main() -> Received:
        async with opened(at(config), answers(stream)) as (client, server):
            await gathered(client)
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
def test_each_version_has_its_address_and_the_deployment_is_the_model(version: str, api: str, target: str) -> None:
    config = msgspec.convert({**msgspec.to_builtins(WHERE), "api_version": version, "api": api}, AzureOpenAI)

    request = asked(config, RESPONSES if api == "responses" else CHAT)

    assert request.target == target
    assert msgspec.json.decode(request.body, type=dict[str, object])["model"] == "mine"


@pytest.mark.parametrize(("version", "header"), [("2024-10-21", "api-key"), ("v1", "authorization")])
def test_a_key_goes_where_the_address_wants_it(version: str, header: str) -> None:
    request = asked(msgspec.structs.replace(WHERE, api_version=version))

    assert request.headers[header].removeprefix("Bearer ") == KEY


@pytest.mark.parametrize("version", ["2024-10-21", "v1"])
@pytest.mark.parametrize("function", ["given", "awaited"])
def test_a_function_may_give_the_token(version: str, function: str) -> None:
    config = msgspec.structs.replace(OURS, api_version=version, ad_token_provider=f"servers.entra_tokens:{function}")

    assert asked(config).headers["authorization"] == f"Bearer {TOKEN}"


def test_a_function_that_waits_holds_up_nobody() -> None:
    is_asked.clear()
    may_go_on.clear()

    async def main() -> Received:
        config = at(msgspec.structs.replace(OURS, ad_token_provider="servers.entra_tokens:when_it_may"))
        async with opened(config, answers(CHAT)) as (client, server):
            asking = asyncio.create_task(gathered(client))
            assert await asyncio.to_thread(is_asked.wait, 5)
            may_go_on.set()
            await asking
            return server.received[0]

    assert asyncio.run(main()).headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("version", ["2024-10-21", "v1"])
@pytest.mark.parametrize("function", ["fails", "nothing"])
def test_a_function_that_gives_none_is_named_and_not_quoted(version: str, function: str) -> None:
    name = f"servers.entra_tokens:{function}"

    with pytest.raises(AuthenticationFailed, match=name) as raised:
        asked(msgspec.structs.replace(OURS, api_version=version, ad_token_provider=name))

    assert TOKEN not in repr(raised.value.args)


def test_a_token_that_a_server_says_back_is_in_no_error() -> None:
    async def main() -> None:
        body = b'{"error":{"message":"wrong: %b"}}' % TOKEN.encode()
        async with opened(at(OURS), answers(body, 401)) as (client, _):
            await client.complete(ASKED)

    with pytest.raises(AuthenticationFailed, match=r"wrong: \*\*\*$"):
        asyncio.run(main())


@pytest.mark.parametrize("name", ["servers.entra_tokens:missing", "no_such_module:f", "entra:NOT_A_FUNCTION"])
def test_a_function_that_is_not_there_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(msgspec.structs.replace(OURS, ad_token_provider=name))

    assert raised.value.field == "provider.ad_token_provider"


def test_a_filter_that_cuts_in_is_a_reason_for_stopping_and_its_reports_are_passed_over(root: Path) -> None:
    draft = Draft("azureopenai")
    decoder = stream_decoder("azureopenai", 1)

    draft.add(decoder.feed((root / "tests/samples/chat_filtered_azure.sse").read_bytes()) + decoder.finish())

    answer = draft.finish()
    assert (answer.message_id, answer.stop_reason) == ("chatcmpl-9", StopReason.CONTENT_FILTER)
    assert answer.content[0] == answer.content[-1]


def test_a_filter_that_cuts_in_is_told_of_a_whole_answer_too() -> None:
    body = (
        b'{"id":"c9","model":"m","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}],"choices":'
        b'[{"index":0,"finish_reason":"content_filter","message":{"role":"assistant","content":"A raven"},'
        b'"content_filter_results":{"violence":{"filtered":true,"severity":"medium"}}}]}'
    )

    assert decode_answer("azureopenai", 1, body)[1:] == [
        TextDelta(0, "A raven"),
        AnswerEnded(StopReason.CONTENT_FILTER, "content_filter"),
    ]
