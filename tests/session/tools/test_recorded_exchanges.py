"""Tool exchanges recorded with real providers, in sessions: tool uses, their results, and what the model says then."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby, pairwise
from typing import Any

import pytest
from fixtures.clients import KEY
from fixtures.session import SessionFixture, running_session
from servers.loopback import Loopback, answers, in_turn
from servers.recordings import Exchange, Expected, exchanges
from validators import anthropic, bedrock, chat, cohere, google, responses

import rayconteur as rc
from rayconteur.providers import ProviderConfig
from rayconteur.runtime import TurnEnd

Violations = Callable[[dict[str, Any]], list[str]]

APIS: Mapping[tuple[str, str], tuple[Callable[[str], ProviderConfig], Violations]] = {
    ("anthropic", "messages"): (
        lambda url: rc.Anthropic(model="any", api_key=KEY, base_url=url),
        anthropic.violations,
    ),
    ("openai_chat", "chat_completions"): (
        lambda url: rc.OpenAI(model="any", api_key=KEY, base_url=f"{url}/v1", api="chat"),
        chat.violations,
    ),
    ("azure", "chat_completions"): (
        lambda url: rc.AzureOpenAI(deployment="any", api="chat", api_key=KEY, endpoint=url),
        chat.violations,
    ),
    ("openai_responses", "responses"): (
        lambda url: rc.OpenAI(model="any", api_key=KEY, base_url=f"{url}/v1", api="responses"),
        responses.violations,
    ),
    ("azure", "responses"): (
        lambda url: rc.AzureOpenAI(deployment="any", api="responses", api_key=KEY, endpoint=url, api_version="v1"),
        responses.violations,
    ),
    ("bedrock", "converse"): (
        lambda url: rc.Bedrock(model="any", region="us-east-1", bearer_token=KEY, endpoint_url=url),
        bedrock.violations,
    ),
    ("gemini", "generate_content"): (
        lambda url: rc.Google(model="any", api_key=KEY, base_url=url),
        google.violations,
    ),
    ("vertex", "generate_content"): (
        lambda url: rc.Google(model="any", api_key=KEY, vertex=True, base_url=url),
        google.violations,
    ),
    ("cohere", "chat_v2"): (
        lambda url: rc.Cohere(model="any", api_key=KEY, base_url=url),
        cohere.violations,
    ),
}


MOST = 3
"""So many of each API are tried, streamed and not: those with the most tool uses."""

Case = tuple[str, str, Exchange, Exchange]


def recorded() -> Iterator[Case]:
    """The file and the API of answers with tool uses, and each with the answer that was recorded after it."""
    for file, api in APIS:
        pairs: list[tuple[Exchange, Exchange]] = []
        for _, group in groupby(exchanges(file, api), lambda exchange: exchange.id.rpartition("#")[0]):
            pairs += [pair for pair in pairwise(group) if uses_in(pair[0].expected) and all(map(is_whole, pair))]
        for streaming in (True, False):
            alike = [pair for pair in pairs if all(each.streaming is streaming for each in pair)]
            alike.sort(key=lambda pair: -len(uses_in(pair[0].expected)))
            yield from ((file, api, *pair) for pair in alike[:MOST])


def is_whole(exchange: Exchange) -> bool:
    """True if it is an answer, and all input in it can be read."""
    expected = exchange.expected
    return (
        expected is not None and not expected.error and all(call.arguments is not None for call in expected.tool_calls)
    )


def uses_in(expected: Expected | None) -> list[tuple[str, object]]:
    """The names and inputs of tool uses, as the provider's SDK reads them."""
    calls = expected.tool_calls if expected else []
    return [
        (each.name, {"input": each.arguments} if isinstance(each.arguments, str) else each.arguments) for each in calls
    ]


async def exchanged(
    file: str, api: str, first: Exchange, second: Exchange
) -> tuple[SessionFixture, list[dict[str, Any]]]:
    """A session that has had both answers, with a result for each tool use; and the bodies of its requests."""
    respond = in_turn(*(answers(each.data, content_type=content_type(each)) for each in (first, second)))
    names = {name for exchange in (first, second) for name, _ in uses_in(exchange.expected)}
    async with asyncio.timeout(30), Loopback(respond) as server:
        config = rc.SessionConfig(
            provider=APIS[file, api][0](server.url).resolved({}),
            tools=tuple(rc.Tool(name=name) for name in sorted(names)),
            streaming=first.streaming,
            retry=rc.RetryPolicy(max_attempts=1),
        )
        async with running_session(config) as session:
            session.ask()
            await session.wait_for(lambda event: isinstance(event, rc.ToolBatch | TurnEnd))
            uses = batches(session)[0].uses
            results = (rc.ToolResult(use.id, (rc.Text(f"result {number}"),)) for number, use in enumerate(uses))
            session.tell(rc.ToolResults(results=tuple(results), last=True))
            await session.wait_for(lambda event: isinstance(event, TurnEnd) or len(batches(session)) == 2)
            return session, [json.loads(each.body) for each in server.received]


BY_ID = "was provided by its id"
"""A rule of OpenAI's own servers. Others, such as that of this test, ask for the ids of reasoning."""


def content_type(exchange: Exchange) -> str:
    headers: dict[str, str] = exchange.record["headers"]
    return next((value for name, value in headers.items() if name.lower() == "content-type"), "application/json")


def batches(session: SessionFixture) -> list[rc.ToolBatch]:
    return [event for event in session.events if isinstance(event, rc.ToolBatch)]


PAIRS: list[object] = list(recorded()) or [
    pytest.param("", "", None, None, marks=pytest.mark.skip("there are no recordings"))
]


@pytest.mark.parametrize(
    ("file", "api", "first", "second"), PAIRS, ids=lambda each: each.id if isinstance(each, Exchange) else ""
)
def test_each_use_gets_its_result_and_the_model_goes_on(file: str, api: str, first: Exchange, second: Exchange) -> None:
    session, bodies = asyncio.run(exchanged(file, api, first, second))

    batch, *more = batches(session)
    assert [(use.name, use.input) for use in batch.uses] == uses_in(first.expected)
    assert second.expected
    if second.expected.tool_calls:
        assert [(use.name, use.input) for use in more[0].uses] == uses_in(second.expected)
    else:
        [end] = [event for event in session.events if isinstance(event, TurnEnd)]
        assert isinstance(end, rc.Completed), end
        assert session.text().endswith(second.expected.text)
    assert len(bodies) == 2
    broken = [each for each in APIS[file, api][1](bodies[1]) if BY_ID not in each]
    assert broken == []
    sent = json.dumps(bodies[1])
    places = [sent.find(f"result {number}") for number in range(len(batch.uses))]
    assert places == sorted(places)
    assert places[0] > 0


def test_each_api_has_some() -> None:
    assert {(case[0], case[1]) for case in recorded()} in (set(), set(APIS))
