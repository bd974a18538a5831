"""Compaction of a history by the Responses API."""

import asyncio
from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from fixtures.clients import HI, KEY, RESPONSES, client_and_server, collect_deltas
from servers.loopback import Exchange, Received, answers

from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.responses.compaction import decode_compaction
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.client import CompactingClient
from rayconteur.providers.schema.content import Opaque, Text
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    IncompleteAnswer,
    InvalidConfig,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    ThinkingRejected,
)
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.usage import reported

SAID = {"type": "message", "id": "msg_1", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
COMPACTED = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"}
RESPONSE = {
    "id": "resp_1",
    "object": "response.compaction",
    "output": [SAID, COMPACTED],
    "usage": {"input_tokens": 900, "output_tokens": 40},
}
CAW = Message(role=assistant(Text("Caw.")).role, content=(Text("Caw."),), turn=1)


def azure_at(url: str) -> ProviderConfig:
    return AzureOpenAI(deployment="prod", model="gpt-6-luna", api_key=KEY, endpoint=url)


def compacted(response: Any, status: int = 200, **settings: Any) -> tuple[Answer, Received]:
    """The answer to a compaction, and the request."""

    async def main() -> tuple[Answer, Received]:
        async with client_and_server(azure_at, answers(msgspec.json.encode(response), status)) as (client, server):
            assert isinstance(client, CompactingClient)
            answer = await client.compact(Request(0, (HI, CAW), Settings(**settings)), "Keep the names.")
            return answer, server.received[0]

    return asyncio.run(main())


def test_the_history_is_compacted_into_opaque_blocks_in_their_order() -> None:
    answer, request = compacted(RESPONSE, system="Be brief.", prompt_cache_key="rookery", service_tier="flex")

    assert request.target == "/openai/v1/responses/compact"
    assert msgspec.json.decode(request.body) == {
        "model": "prod",
        "instructions": "Be brief.\n\nKeep the names.",
        "prompt_cache_key": "rookery",
        "service_tier": "flex",
        "input": [{"role": "user", "content": "Hello, raven!"}, {"role": "assistant", "content": "Caw."}],
    }
    assert [msgspec.json.decode(block.json) for block in answer.content if isinstance(block, Opaque)] == [
        SAID,
        COMPACTED,
    ]
    assert (answer.usage.input, answer.usage.output) == (reported(900), reported(40))


def test_later_requests_begin_with_the_items_unchanged() -> None:
    answer, _ = compacted(RESPONSE)
    history = (msgspec.structs.replace(CAW, content=answer.content), user(Text("And now?")))

    async def respond(exchange: Exchange) -> None:
        await exchange.send_answer(RESPONSES)

    async def main() -> bytes:
        async with client_and_server(azure_at, respond) as (client, server):
            await collect_deltas(client, Request(2, history, Settings()))
            return server.received[0].body

    assert msgspec.json.decode(asyncio.run(main()))["input"] == [
        SAID,
        COMPACTED,
        {"role": "user", "content": "And now?"},
    ]


def test_chat_completions_reject_what_they_can_not_read() -> None:
    answer, _ = compacted(RESPONSE)
    history = (msgspec.structs.replace(CAW, content=answer.content), HI)

    async def main() -> None:
        async with client_and_server(azure_at, answers(RESPONSES)) as (client, _):
            await collect_deltas(client, Request(2, history, Settings(seed=7)))

    with pytest.raises(ThinkingRejected, match="compacted"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (OpenAI(model="gpt-6-luna", api_key=KEY, base_url="http://localhost:8000/v1", api="responses"), Settings()),
        (OpenAI(model="gpt-4o", api_key=KEY), Settings()),
        (OpenAI(model="gpt-6-luna", api_key=KEY), Settings(seed=7)),
        (OpenAI(model="gpt-6-luna", api_key=KEY, api="chat"), Settings()),
        (
            AzureOpenAI(
                deployment="d",
                model="gpt-6-luna",
                endpoint="https://x.example",
                api_key=KEY,
                api="responses",
                api_version="2025-04-01-preview",
            ),
            Settings(),
        ),
    ],
)
def test_where_the_api_has_no_compaction_it_is_refused(config: ProviderConfig, settings: Settings) -> None:
    async def main() -> None:
        client = open_client(config)
        assert isinstance(client, CompactingClient)
        try:
            await client.compact(Request(0, (HI, CAW), settings), None)
        finally:
            await client.aclose()

    with pytest.raises(InvalidConfig, match="gpt-"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("response", "status", "error"),
    [
        ({"id": "resp_1", "output": []}, 200, ProtocolError),
        ({"id": "resp_1"}, 200, ProtocolError),
        ({"error": {"message": "busy", "code": "server_error"}}, 200, ProviderError),
        ({"error": {"message": "no", "code": "invalid_encrypted_content"}}, 400, ThinkingRejected),
    ],
)
def test_a_compaction_that_fails_is_an_error(response: Any, status: int, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        compacted(response, status)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        (b"<html><title>LM Studio</title></html>", ProtocolError, "LM Studio"),
        (b"default backend", ProtocolError, "default backend"),
        (b'{"error":{"message":"bad key","code":"invalid_api_key"}}', AuthenticationFailed, "bad key"),
        (b'{"detail":"CUDA out of memory"}', ProviderUnavailable, "CUDA out of memory"),
        (b'{"code":429,"message":"Too many requests"}', RateLimited, "Too many requests"),
        (b'[{"error":{"code":429,"message":"slow down"}}]', RateLimited, "slow down"),
        (b'{"id":"resp_1","outp', IncompleteAnswer, "before its end"),
        (b"", IncompleteAnswer, "before its end"),
    ],
)
def test_the_bytes_say_why_there_is_no_compaction(body: bytes, error: type[ProviderError], says: str) -> None:
    with pytest.raises(error, match=says):
        decode_compaction("raven", "m", body)


def test_ids_and_counts_of_other_types_cost_no_compaction() -> None:
    body: dict[str, Any] = {**RESPONSE, "id": 7, "usage": {"input_tokens": "900", "output_tokens": []}}
    draft = Draft("raven")

    draft.add(decode_compaction("raven", "m", msgspec.json.encode(body)))

    answer = draft.finish()
    assert (answer.message_id, len(answer.content), answer.usage.input) == ("7", 2, reported(900))
