"""Extra members and headers of requests to OpenAI's APIs."""

import asyncio
from typing import Any

import msgspec
import pytest
from fixtures.clients import CHAT, HI, KEY, REQUEST, RESPONSES, client_and_server, collect_deltas, openai
from servers.loopback import Received, Respond, answers

from rayconteur.providers.openai.config import ApiChoice, OpenAI
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses.requests import body, check_settings
from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.errors import AuthenticationFailed, InvalidConfig
from rayconteur.providers.schema.request import Reasoning, Request, Settings


def test_extra_members_are_merged_and_includes_are_added() -> None:
    extra = {
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 3,
        "text": {"format": {"type": "json_object"}},
    }
    dialect = Dialect("openai", "gpt-6-luna", api="responses", extra_body=extra)

    wire = msgspec.json.decode(body(Request(1, (HI,), Settings(verbosity="low")), dialect, False))

    assert wire["include"] == ["reasoning.encrypted_content", "message.output_text.logprobs"]
    assert wire["top_logprobs"] == 3
    assert wire["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}


def test_the_format_is_given_once() -> None:
    dialect = Dialect("openai", "gpt-6-luna", api="responses", extra_body={"text": {"format": {"type": "json_object"}}})

    with pytest.raises(InvalidConfig) as raised:
        check_settings(Settings(output_schema={"type": "object"}), dialect)

    assert raised.value.field == "output_schema"


@pytest.mark.parametrize(
    ("extra", "member"),
    [
        ({"temperature": 1}, "temperature"),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort"),
        ({"text": {"verbosity": "low"}}, "text.verbosity"),
        ({"tools": []}, "tools"),
        ({"include": None}, "include"),
        ({"include": "message.output_text.logprobs"}, "include"),
    ],
)
def test_members_that_can_not_be_extra_are_rejected_when_the_client_is_opened(
    extra: dict[str, Any], member: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        open_client(OpenAI(model="gpt-6-luna", api_key=KEY, api="responses", extra_body=extra))

    assert raised.value.field == f"provider.extra_body.{member}"


def test_extra_headers_are_sent_and_do_not_appear_in_errors() -> None:
    headers = {"x-rookery": "secret-of-the-rookery"}

    async def main() -> str:
        async with client_and_server(openai, answers(CHAT), extra_headers=headers) as (client, server):
            await collect_deltas(client)
            return server.received[0].headers["x-rookery"]

    async def rejected() -> None:
        body = b'{"error":{"message":"bad secret-of-the-rookery"}}'
        async with client_and_server(openai, answers(body, 401), extra_headers=headers) as (client, _):
            await client.complete(REQUEST)

    assert asyncio.run(main()) == "secret-of-the-rookery"
    with pytest.raises(AuthenticationFailed, match=r"bad \*\*\*$"):
        asyncio.run(rejected())


def sent(respond: Respond, **members: Any) -> Received:
    """What a client with these *members* of the config sends."""

    async def main() -> Received:
        async with client_and_server(config, respond, **members) as (client, server):
            await collect_deltas(client, Request(1, (HI,), Settings(thinking=Reasoning(effort="low"))))
            return server.received[0]

    def config(url: str, **more: Any) -> OpenAI:
        return OpenAI(model="gpt-5.6", api_key=KEY, base_url=f"{url}/v1", **more)

    return asyncio.run(main())


def test_the_organization_and_the_project_are_in_the_headers() -> None:
    headers = sent(answers(CHAT), api="chat", organization="rookery", project="nests").headers

    assert (headers["openai-organization"], headers["openai-project"]) == ("rookery", "nests")


@pytest.mark.parametrize(
    ("member", "value", "name"),
    [
        ("reasoning_summary", "concise", "summary"),
        ("reasoning_context", "all_turns", "context"),
        ("reasoning_mode", "pro", "mode"),
    ],
)
def test_options_of_the_reasoning_are_in_the_body(member: str, value: str, name: str) -> None:
    body = msgspec.json.decode(sent(answers(RESPONSES), api="responses", **{member: value}).body)

    assert body["reasoning"][name] == value


@pytest.mark.parametrize(("api", "answer"), [("chat", CHAT), ("responses", RESPONSES)])
def test_the_key_that_groups_requests_is_in_the_body(api: ApiChoice, answer: bytes) -> None:
    async def main() -> list[Any]:
        async with client_and_server(openai, answers(answer), api=api) as (client, server):
            await collect_deltas(client, Request(1, (HI,), Settings(prompt_cache_key="ravens")))
            return [msgspec.json.decode(request.body)["prompt_cache_key"] for request in server.received]

    assert asyncio.run(main()) == ["ravens"]
