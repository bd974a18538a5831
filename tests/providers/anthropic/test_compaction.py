"""Compaction by Anthropic's API: what is sent, what comes back, and what fails."""

import asyncio
from typing import Any

import msgspec
import pytest
from builders.anthropic import START, STOP, events
from fixtures.clients import HI, KEY, client_and_server, collect_deltas
from servers.loopback import Received, Respond, answers
from validators.anthropic import violations

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.client import CompactingClient
from rayconteur.providers.schema.content import Opaque
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import (
    ContextOverflow,
    InvalidConfig,
    InvalidRequest,
    Overloaded,
    ProviderError,
)
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopDetails
from rayconteur.providers.schema.tools import Tool, ToolChoice

BETA = "compact-2026-09-04"
BLOCK = '{"type":"compaction","content":"They greeted.","signature":"EuYB"}'
RUN = '{"type":"compaction","input_tokens":144,"output_tokens":276}'
DEFAULTS = Settings()
TOOL = Tool(name="measure", input_schema={"type": "object"})


def ended(stop: str, *blocks: str) -> bytes:
    """A stream of *blocks* that ends with *stop*."""
    data = [START]
    for index, block in enumerate(blocks):
        data.append(f'{{"type":"content_block_start","index":{index},"content_block":{block}}}')
        data.append(f'{{"type":"content_block_stop","index":{index}}}')
    usage = f'{{"input_tokens":0,"output_tokens":0,"iterations":[{RUN}]}}'
    return events(*data, f'{{"type":"message_delta","delta":{stop},"usage":{usage}}}', STOP)


SUMMARIZED = answers(ended('{"stop_reason":"compaction"}', BLOCK))


def anthropic(url: str, **more: Any) -> ProviderConfig:
    return Anthropic(model="claude-opus-5-5", api_key=KEY, base_url=url, facts=ModelFacts(compacts=True), **more)


def compacted(
    respond: Respond, settings: Settings = DEFAULTS, instructions: str | None = None, **more: Any
) -> tuple[Answer, dict[str, Any], Received]:
    """The compaction of one message: its answer, the body of its request, and the request."""

    async def main() -> tuple[Answer, Received]:
        async with client_and_server(anthropic, respond, **more) as (client, server):
            assert isinstance(client, CompactingClient)
            answer = await client.compact(Request(1, (HI,), settings), instructions)
            return answer, server.received[0]

    answer, request = asyncio.run(main())
    body = msgspec.json.decode(request.body)
    if "extra_body" not in more:
        assert violations(body, request.headers) == []
    return answer, body, request


def test_the_answer_is_the_block_as_it_arrived_with_the_tokens_of_the_compaction() -> None:
    answer, _, _ = compacted(SUMMARIZED)

    assert answer.content == (Opaque(provider="anthropic", type="compaction", json=BLOCK.encode()),)
    assert (answer.usage.input.tokens, answer.usage.output.tokens) == (144, 276)


def test_the_request_has_the_prompt_and_the_messages_unchanged_and_asks_for_a_summary() -> None:
    settings = Settings(system="Be brief.", tools=(TOOL,))

    _, body, request = compacted(SUMMARIZED, settings, "Keep the names.")

    assert BETA in request.headers["anthropic-beta"].split(",")
    assert body["compaction"] == {"type": "summarize", "instructions": "Keep the names."}
    assert body["system"][0]["text"] == "Be brief."
    assert [tool["name"] for tool in body["tools"]] == ["measure"]
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hello, raven!"}]}]


@pytest.mark.parametrize("instructions", [None, "", " \n"])
def test_without_instructions_the_api_uses_its_own(instructions: str | None) -> None:
    _, body, _ = compacted(SUMMARIZED, instructions=instructions)

    assert body["compaction"] == {"type": "summarize"}


def test_what_the_api_rejects_with_a_compaction_is_left_out() -> None:
    settings = Settings(
        stop_sequences=("x",),
        output_schema={"type": "object"},
        tools=(TOOL,),
        tool_choice=ToolChoice(mode="required"),
        max_output_tokens=10,
    )
    extra: dict[str, Any] = {
        "context_management": {"edits": []},
        "output_config": {"task_budget": {"remaining": 1}, "x": 1},
    }

    _, body, _ = compacted(SUMMARIZED, settings, extra_body=extra, fallbacks="default")

    assert body.keys().isdisjoint({"stop_sequences", "tool_choice", "context_management", "fallbacks"})
    assert body["output_config"] == {"x": 1}
    assert body["max_tokens"] >= 8_192


def test_a_tool_choice_that_leaves_the_model_free_stays() -> None:
    _, body, _ = compacted(SUMMARIZED, Settings(tools=(TOOL,), tool_choice=ToolChoice(mode="none")))

    assert body["tool_choice"] == {"type": "none"}


def test_a_later_request_begins_with_the_block_and_names_the_beta() -> None:
    answer, _, _ = compacted(SUMMARIZED)
    block = Message(role=Role.ASSISTANT, content=answer.content, turn=1)

    async def main() -> Received:
        async with client_and_server(anthropic, answers(ended('{"stop_reason":"end_turn"}'))) as (client, server):
            await collect_deltas(client, Request(2, (block, HI), Settings()))
            return server.received[0]

    request = asyncio.run(main())

    assert violations(msgspec.json.decode(request.body), request.headers) == []
    first, second = msgspec.json.decode(request.body)["messages"]
    assert first == {"role": "assistant", "content": [msgspec.json.decode(BLOCK)]}
    assert second["role"] == "user"


@pytest.mark.parametrize(
    ("stop", "kind"),
    [
        ('{"stop_reason":"max_tokens"}', InvalidRequest),
        ('{"stop_reason":"end_turn"}', InvalidRequest),
        ('{"stop_reason":"tool_use"}', InvalidRequest),
        ('{"stop_reason":"model_context_window_exceeded"}', ContextOverflow),
        ('{"stop_reason":"refusal","stop_details":{"category":"bio"}}', InvalidRequest),
    ],
)
def test_an_answer_without_a_summary_is_an_error(stop: str, kind: type[ProviderError]) -> None:
    with pytest.raises(ProviderError, match="no summary") as raised:
        compacted(answers(ended(stop)))

    assert type(raised.value) is kind
    assert raised.value.vendor_code == msgspec.json.decode(stop)["stop_reason"]
    is_refusal = "refusal" in stop
    assert raised.value.details == (StopDetails(category="bio", vendor={"category": "bio"}) if is_refusal else None)


def test_a_block_of_an_answer_that_stopped_otherwise_is_no_summary() -> None:
    with pytest.raises(InvalidRequest, match="max_tokens"):
        compacted(answers(ended('{"stop_reason":"max_tokens"}', BLOCK)))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (529, "compaction_unavailable", Overloaded),
        (400, "compaction_nothing_to_summarize", InvalidRequest),
        (400, "compaction_incomplete_turn", InvalidRequest),
    ],
)
def test_the_api_s_errors_keep_their_code(status: int, code: str, kind: type[ProviderError]) -> None:
    error = {"type": "invalid_request_error", "message": "no", "details": {"error_code": code}}

    with pytest.raises(ProviderError) as raised:
        compacted(answers(msgspec.json.encode({"type": "error", "error": error}), status))

    assert (type(raised.value), raised.value.vendor_code) == (kind, code)


@pytest.mark.parametrize(
    ("fields", "compacts"),
    [
        ({}, True),
        ({"base_url": "https://api.anthropic.com"}, True),
        ({"base_url": "https://x.services.ai.azure.com/anthropic"}, True),
        ({"base_url": "https://bedrock-runtime.us-east-1.amazonaws.com/anthropic"}, False),
        ({"base_url": "https://gateway.example"}, False),
        ({"model": "claude-sonnet-4-5"}, False),
    ],
)
def test_compaction_is_offered_where_it_is_documented(fields: dict[str, Any], compacts: bool) -> None:
    all_fields: dict[str, Any] = {"model": "claude-opus-5-5", "api_key": KEY, **fields}

    async def main() -> None:
        client = open_client(Anthropic(**all_fields))
        assert isinstance(client, CompactingClient)
        try:
            await client.compact(Request(1, (HI,), Settings()), "x" * 20_000)  # too long, so that nothing is sent
        finally:
            await client.aclose()

    with pytest.raises(InvalidConfig, match="16384 characters" if compacts else "does not compact"):
        asyncio.run(main())
