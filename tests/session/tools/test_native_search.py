"""Sessions with many tools at providers with a tool search of their own: exchanges that were recorded with them."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from fixtures.clients import KEY
from fixtures.session import running_session
from servers.loopback import Loopback, answers, in_turn
from servers.recordings import Exchange, exchanges

import rayconteur as rc
from rayconteur.providers import ModelFacts, ProviderConfig
from rayconteur.runtime import StepCompleted

FACTS = ModelFacts(searches_tools=True)
RATES = rc.Tool(
    name="get_exchange_rate",
    description="Look up the current exchange rate between two currencies.",
    input_schema={
        "type": "object",
        "properties": {"from_currency": {"type": "string"}, "to_currency": {"type": "string"}},
    },
)
TOOLS = (*(rc.Tool(name=f"tool_{number}", description="Something else.") for number in range(40)), RATES)


@dataclass(frozen=True)
class Recorded:
    """Two exchanges of a file of recordings: the model finds a tool and uses it, and answers with its result."""

    file: str
    api: str
    finds: str
    answers: str
    search: dict[str, Any]
    blocks: tuple[str, str]

    def exchange(self, name: str) -> Exchange:
        found = next((each for each in exchanges(self.file, self.api) if each.id.endswith(name)), None)
        if found is None:
            pytest.skip("the recorded exchanges are not there")
        return found


RECORDED = {
    "anthropic": Recorded(
        "anthropic",
        "messages",
        "test_anthropic_native_tool_search_streaming#0",
        "test_anthropic_native_tool_search_streaming#1",
        {"type": "tool_search_tool_bm25_20251119", "name": "tool_search_tool_bm25"},
        ("server_tool_use", "tool_search_tool_result"),
    ),
    "openai": Recorded(
        "openai_responses",
        "responses",
        "test_openai_native_tool_search#0",
        "test_openai_native_tool_search_streaming#1",
        {"type": "tool_search"},
        ("tool_search_call", "tool_search_output"),
    ),
}


def provider(name: str, url: str) -> ProviderConfig:
    if name == "anthropic":
        return rc.Anthropic(model="claude-sonnet-4-6", api_key=KEY, base_url=url, facts=FACTS)
    return rc.OpenAI(model="gpt-5.4", api_key=KEY, base_url=f"{url}/v1", api="responses", facts=FACTS)


def sent_blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of a request, or the blocks of its messages."""
    if "input" in body:
        return list(body["input"])
    contents: list[str | list[dict[str, Any]]] = [message["content"] for message in body["messages"]]
    return [block for content in contents if isinstance(content, list) for block in content]


async def conversed(name: str) -> tuple[list[rc.FromLLM], list[dict[str, Any]], list[dict[str, Any]]]:
    """The events of a turn, the bodies of its requests, and those of a turn with a provider that has no such search."""
    recorded = RECORDED[name]
    respond = in_turn(*(answers(recorded.exchange(each).data) for each in (recorded.finds, recorded.answers)))
    async with Loopback(respond) as server, Loopback(answers(b"", 500)) as other:
        config = rc.SessionConfig(provider=provider(name, server.url), tools=TOOLS)
        async with running_session(config) as session:
            turn = session.ask("What is the current exchange rate from USD to EUR?")
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            result = rc.ToolResult(batch.uses[0].id, (rc.Text("1 USD = 0.92 EUR"),))
            session.tell(rc.ToolResults(results=(result,)))
            assert isinstance(await session.wait_for_end(turn), rc.Completed)
            elsewhere = rc.OpenAI(model="gpt-x", api_key=KEY, base_url=f"{other.url}/v1", api="chat")
            session.tell(rc.Configure(provider=elsewhere, retry=rc.RetryPolicy(max_attempts=1)))
            assert isinstance(await session.wait_for_end(session.ask("And in GBP?")), rc.Failed)
            bodies, others = ([json.loads(each.body) for each in one.received] for one in (server, other))
            return session.events, bodies, others


@pytest.mark.parametrize("name", RECORDED)
def test_the_provider_finds_the_tool_and_the_session_runs_it_without_a_search_of_its_own(name: str) -> None:
    events, (first, second), (elsewhere,) = asyncio.run(conversed(name))

    [step] = [event for event in events if isinstance(event, StepCompleted) and event.uses]
    assert [(use.name, use.input) for use in step.uses] == [
        (RATES.name, {"from_currency": "USD", "to_currency": "EUR"})
    ]
    tools: list[dict[str, Any]] = first["tools"]
    assert {key: tools[0].get(key) for key in RECORDED[name].search} == RECORDED[name].search
    assert [tool["name"] for tool in tools[1:]] == [tool.name for tool in TOOLS]
    assert all(tool["defer_loading"] for tool in tools[1:])
    assert second["tools"] == tools, "what the provider has cached is not valid any more"
    kinds = [block["type"] for block in sent_blocks(second) if block.get("type") in RECORDED[name].blocks]
    assert kinds == [*RECORDED[name].blocks]
    assert [tool["function"]["name"] for tool in elsewhere["tools"]] == ["search_tools", RATES.name]
    assert not any(kind in msgspec.json.encode(elsewhere).decode() for kind in RECORDED[name].blocks)
