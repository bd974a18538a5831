"""A conversation that goes on with another provider: recorded answers of each, sent by each other's encoder."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Any

import msgspec
import pytest
from servers.recordings import Exchange, exchanges, replay_server
from validators import anthropic, bedrock, chat, cohere, google, responses

from rayconteur.providers.anthropic import requests as anthropic_requests
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock import requests as bedrock_requests
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.cohere import requests as cohere_requests
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google import requests as google_requests
from rayconteur.providers.google import rules as google_rules
from rayconteur.providers.google.config import Google
from rayconteur.providers.openai.chat import requests as chat_requests
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.dialect import Dialect as OpenAIDialect
from rayconteur.providers.openai.responses import requests as responses_requests
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.tools import Tool

KEY = "sk-not-a-real-key"
PICTURE = Image(data=b"\x89PNG", media_type="image/png")
Body = Callable[[Request], bytes]
Rules = Callable[[Mapping[str, Any]], list[str]]


@dataclass(frozen=True, slots=True)
class Way:
    """One API: its recorded exchanges, its client, the bodies that we send to it, and its rules for them."""

    file: str
    api: str
    config: Callable[[str], ProviderConfig]
    body: Body
    violations: Rules


def _chat(provider: str) -> Body:
    return partial(chat_requests.body, dialect=OpenAIDialect(provider, "gpt-5"), streaming=True)


WAYS = {
    "anthropic": Way(
        "anthropic",
        "messages",
        lambda url: Anthropic(model="claude", api_key=KEY, base_url=url),
        partial(anthropic_requests.body, dialect=anthropic_requests.Dialect("claude"), streaming=True),
        anthropic.violations,
    ),
    "chat": Way(
        "openai_chat",
        "chat_completions",
        lambda url: OpenAI(model="gpt-5", api_key=KEY, base_url=url),
        _chat("openai"),
        chat.violations,
    ),
    "azure": Way(
        "azure",
        "chat_completions",
        lambda url: AzureOpenAI(deployment="gpt-5", api_key=KEY, endpoint=url),
        _chat("azureopenai"),
        chat.violations,
    ),
    "responses": Way(
        "openai_responses",
        "responses",
        lambda url: OpenAI(model="gpt-5", api_key=KEY, base_url=url, api="responses"),
        partial(responses_requests.body, dialect=OpenAIDialect("openai", "gpt-5", api="responses"), streaming=True),
        responses.violations,
    ),
    "google": Way(
        "gemini",
        "generate_content",
        lambda url: Google(model="gemini-3-pro", api_key=KEY, base_url=url),
        partial(google_requests.body, dialect=google_rules.Dialect("gemini-3-pro")),
        google.violations,
    ),
    "cohere": Way(
        "cohere",
        "chat_v2",
        lambda url: Cohere(model="command-a", api_key=KEY, base_url=url),
        partial(cohere_requests.body, dialect=cohere_requests.Dialect("command-a"), streaming=True),
        cohere.violations,
    ),
    "bedrock": Way(
        "bedrock",
        "converse",
        lambda url: Bedrock(
            model="anthropic.claude-sonnet-4-5-20250929-v1:0",
            region="us-east-1",
            access_key_id="AKIDEXAMPLE",
            secret_access_key=KEY,
            endpoint_url=url,
        ),
        partial(
            bedrock_requests.body,
            dialect=bedrock_requests.Dialect("anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        bedrock.violations,
    ),
}


@cache
def said_by(name: str) -> tuple[Answer, ...]:
    """Answers of one provider with tool uses or thinking in them, as its client reads them, and some without."""
    way = WAYS[name]
    good = [exchange for exchange in exchanges(way.file, way.api) if _is_answer(exchange)]
    rich = [one for one in good if one.expected and (one.expected.tool_calls or one.expected.thinking)]
    chosen = [*rich, *(one for one in good if one not in rich)][:40]
    return tuple(asyncio.run(_answered(exchange, way.config)) for exchange in chosen)


def _is_answer(exchange: Exchange) -> bool:
    expected = exchange.expected
    return expected is not None and expected.error is None and expected.stop_reason not in (None, "queued")


async def _answered(exchange: Exchange, config: Callable[[str], ProviderConfig]) -> Answer:
    async with replay_server(exchange) as server:
        client = open_client(config(f"{server.url}/@0"))
        draft = Draft(client.provider)
        request = Request(5, (Message(role=Role.USER, content=(Text("Hi"),), turn=1),), Settings())
        try:
            if exchange.streaming:
                async for deltas in client.stream(request):
                    draft.add(deltas)
            else:
                draft.add(await client.complete(request))
        finally:
            await client.aclose()
        return draft.finish()


def conversation(answer: Answer, goes_on_with_results: bool) -> list[Message]:
    """A question, *answer*, the results of its tool uses, and then what another provider is asked."""
    asked = (Text("What is this?"), PICTURE, Document(data=b"%PDF", media_type="application/pdf", name="a.pdf"))
    uses = [block for block in answer.content if isinstance(block, ToolUse)]
    messages = [Message(role=Role.USER, content=asked, turn=1)]
    if any(isinstance(block, Text | ToolUse | Opaque) for block in answer.content):
        messages.append(Message(role=Role.ASSISTANT, content=answer.content, turn=1))
    if uses:
        results = tuple(
            ToolResult(use.id, (Text("a raven"), PICTURE) if number % 2 else (Text("no"),), is_error=number % 3 == 2)
            for number, use in enumerate(uses)
        )
        messages.append(Message(role=Role.USER, content=results, turn=1))
    if not (uses and goes_on_with_results):
        messages.append(Message(role=Role.USER, content=(Text("And now?"),), turn=2))
    return messages


@pytest.mark.parametrize(("before", "after"), list(product(WAYS, WAYS)))
def test_an_answer_of_one_provider_makes_a_valid_request_to_another(before: str, after: str) -> None:
    answers = said_by(before)
    if not answers:
        pytest.skip(f"no {WAYS[before].file}.jsonl is recorded here")
    assert any(isinstance(block, ToolUse) for answer in answers for block in answer.content)
    way = WAYS[after]

    for answer in answers:
        for goes_on_with_results in (True, False):
            messages = conversation(answer, goes_on_with_results)
            sent = way.body(Request(7, messages, Settings(system="Be brief.", tools=(Tool(name="fly"),))))
            body = msgspec.json.decode(sent, type=dict[str, Any])

            assert way.violations(body) == [], messages
            if before != after and WAYS[before].config("http://x").name != way.config("http://x").name:
                kept = [block for block in answer.content if isinstance(block, Thinking) and block.signature]
                assert not any((block.signature or "").encode() in sent for block in kept), "a foreign signature"
