"""What an ``Anthropic`` config adds to requests: betas, fallbacks, further headers and members."""

import asyncio
from typing import Any

import msgspec
import pytest
from fixtures.clients import KEY, MESSAGES, client_and_server, collect_deltas
from servers.loopback import Received, Respond, answers
from validators.anthropic import violations

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.errors import InvalidConfig, InvalidRequest
from rayconteur.providers.schema.facts import ModelFacts

FALLBACK_BETA = "server-side-fallback-2026-07-01"
ANSWERS = answers(MESSAGES)


def sent_request(respond: Respond = ANSWERS, **fields: Any) -> Received:
    """The request of a client whose config has *fields*."""

    def config(url: str) -> ProviderConfig:
        return Anthropic(model="claude-opus-4-6", api_key=KEY, base_url=url, **fields)

    async def main() -> list[Received]:
        async with client_and_server(config, respond) as (client, server):
            for _ in range(3):  # the last one bypasses the SDK
                await collect_deltas(client)
            return server.received

    first, _, last = asyncio.run(main())
    assert last.headers == first.headers
    return last


def test_betas_are_named_once_each_with_those_that_are_needed() -> None:
    facts = ModelFacts(compacts=True)

    request = sent_request(betas=("compact-2026-09-04", "fast-mode-2026-02-01"), fallbacks="default", facts=facts)

    assert request.headers["anthropic-beta"].split(",") == [
        "compact-2026-09-04",
        FALLBACK_BETA,
        "fast-mode-2026-02-01",
    ]


def test_without_betas_none_is_named() -> None:
    assert "anthropic-beta" not in sent_request().headers


@pytest.mark.parametrize(
    ("fallbacks", "sent"),
    [
        ("default", "default"),
        (("claude-opus-5",), [{"model": "claude-opus-5"}]),
        (
            ("claude-opus-5", {"model": "claude-opus-4-8", "max_tokens": 1_000}),
            [{"model": "claude-opus-5"}, {"model": "claude-opus-4-8", "max_tokens": 1_000}],
        ),
    ],
)
def test_fallbacks_are_sent_as_the_api_takes_them(fallbacks: Any, sent: object) -> None:
    request = sent_request(fallbacks=fallbacks)

    body = msgspec.json.decode(request.body, type=dict[str, Any])
    assert body["fallbacks"] == sent
    assert violations(body, request.headers) == []


def test_further_members_and_headers_are_sent() -> None:
    request = sent_request(extra_body={"speed": "fast"}, extra_headers={"anthropic-workspace-id": "wrkspc_1"})

    assert msgspec.json.decode(request.body, type=dict[str, Any])["speed"] == "fast"
    assert request.headers["anthropic-workspace-id"] == "wrkspc_1"


def test_the_value_of_a_further_header_is_not_repeated_in_an_error() -> None:
    echo = answers(b'{"error":{"message":"not a-secret-token"}}', 400)

    with pytest.raises(InvalidRequest) as raised:
        sent_request(echo, extra_headers={"x-token": "a-secret-token"})

    assert "a-secret-token" not in repr(raised.value.args)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"extra_headers": {"Anthropic-Beta": "x"}}, r"provider\.betas"),
        ({"extra_headers": {"anthropic-version": "2023-06-01"}}, "model's facts"),
        ({"extra_headers": {"Authorization": "x"}}, "set by the package"),
        ({"extra_body": {"max_tokens": 1}}, r"provider\.extra_body\.max_tokens"),
        ({"extra_body": {"fallbacks": "default"}}, r"provider\.extra_body\.fallbacks"),
        ({"extra_body": {"compaction": {"type": "summarize"}}}, r"provider\.extra_body\.compaction"),
        ({"betas": ("two words",)}, r"provider\.betas"),
        ({"betas": ("a,b",)}, r"provider\.betas"),
        ({"fallbacks": ()}, r"provider\.fallbacks"),
        ({"fallbacks": ({"max_tokens": 1},)}, r"provider\.fallbacks"),
        ({"fallbacks": "default", "extra_body": {"fallback_credit_token": "t"}}, "fallback_credit_token"),
        ({"fallbacks": "default", "base_url": "https://x.services.ai.azure.com/anthropic"}, "'foundry'"),
        ({"fallbacks": "default", "platform": "bedrock"}, "'bedrock'"),
    ],
)
def test_what_the_package_sets_itself_and_what_the_api_rejects_is_named(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidConfig, match=problem):
        open_client(Anthropic(model="claude-opus-5-5", api_key=KEY, **fields))
