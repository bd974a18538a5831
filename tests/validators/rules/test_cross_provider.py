"""Conversations that change the provider: each one's recorded answers in requests to each other one."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from fixtures.clients import replayed_answer
from servers.recordings import Exchange, exchanges
from validators import anthropic, bedrock, chat, cohere, google, responses

from rayconteur.providers.anthropic import requests as anthropic_requests
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock import requests as bedrock_requests
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.bedrock.dialect import Dialect as BedrockDialect
from rayconteur.providers.cohere import requests as cohere_requests
from rayconteur.providers.cohere import rules as cohere_rules
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google import requests as google_requests
from rayconteur.providers.google import rules as google_rules
from rayconteur.providers.google.config import Google
from rayconteur.providers.openai.chat import requests as chat_requests
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.dialect import Dialect as OpenAIDialect
from rayconteur.providers.openai.responses import requests as responses_requests
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.tools import Tool

KEY = "sk-not-a-real-key"
IMAGE = Image(data=b"\x89PNG", media_type="image/png")
Body = Callable[[Request], bytes]
Rules = Callable[[Mapping[str, Any]], list[str]]


@dataclass(frozen=True, slots=True)
class Api:
    """One API: its recorded exchanges, its client, our bodies of requests to it, and its rules for them."""

    file: str
    api: str
    config: Callable[[str], ProviderConfig]
    body: Body
    violations: Rules


def _chat(provider: str) -> Body:
    return partial(chat_requests.body, dialect=OpenAIDialect(provider, "gpt-5"), streaming=True)


APIS = {
    "anthropic": Api(
        "anthropic",
        "messages",
        lambda url: Anthropic(model="claude", api_key=KEY, base_url=url),
        partial(anthropic_requests.body, dialect=anthropic_requests.Dialect("claude"), streaming=True),
        anthropic.violations,
    ),
    "chat": Api(
        "openai_chat",
        "chat_completions",
        lambda url: OpenAI(model="gpt-5", api_key=KEY, base_url=url),
        _chat("openai"),
        chat.violations,
    ),
    "azure": Api(
        "azure",
        "chat_completions",
        lambda url: AzureOpenAI(deployment="gpt-5", api="chat", api_key=KEY, endpoint=url),
        _chat("azureopenai"),
        chat.violations,
    ),
    "responses": Api(
        "openai_responses",
        "responses",
        lambda url: OpenAI(model="gpt-5", api_key=KEY, base_url=url, api="responses"),
        partial(responses_requests.body, dialect=OpenAIDialect("openai", "gpt-5", api="responses"), streaming=True),
        responses.violations,
    ),
    "google": Api(
        "gemini",
        "generate_content",
        lambda url: Google(model="gemini-3.8-flash", api_key=KEY, base_url=url),
        partial(google_requests.body, dialect=google_rules.Dialect("gemini-3.8-flash")),
        partial(google.violations, model="gemini-3.8-flash"),
    ),
    "cohere": Api(
        "cohere",
        "chat_v2",
        lambda url: Cohere(model="command-a-plus-05-2026", api_key=KEY, base_url=url),
        partial(cohere_requests.body, dialect=cohere_rules.Dialect("command-a-plus-05-2026"), streaming=True),
        cohere.violations,
    ),
    "bedrock": Api(
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
            dialect=BedrockDialect("anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        partial(bedrock.violations, model="anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ),
}


@cache
def recorded_answers(name: str) -> tuple[Answer, ...]:
    """Up to 40 answers of API *name*, decoded by its client: first those with tool uses or thinking."""
    api = APIS[name]
    complete = [exchange for exchange in exchanges(api.file, api.api) if _is_answer(exchange)]
    rich = [each for each in complete if each.expected and (each.expected.tool_calls or each.expected.thinking)]
    chosen = [*rich, *(exchange for exchange in complete if exchange not in rich)][:40]
    return tuple(asyncio.run(replayed_answer(exchange, api.config)) for exchange in chosen)


def _is_answer(exchange: Exchange) -> bool:
    expected = exchange.expected
    return expected is not None and expected.error is None and expected.stop_reason not in (None, "queued")


def conversation(answer: Answer, ends_with_results: bool) -> list[Message]:
    """A question, *answer* and the results of its tool uses; if not *ends_with_results*, another question."""
    question = (Text("What is this?"), IMAGE, Document(data=b"%PDF", media_type="application/pdf", name="a.pdf"))
    uses = [block for block in answer.content if isinstance(block, ToolUse)]
    messages = [user(*question)]
    if any(isinstance(block, Text | ToolUse | Opaque) for block in answer.content):
        messages.append(assistant(*answer.content))
    if uses:
        results = tuple(
            ToolResult(use.id, (Text("a raven"), IMAGE) if number % 2 else (Text("no"),), is_error=number % 3 == 2)
            for number, use in enumerate(uses)
        )
        messages.append(user(*results))
    if not (uses and ends_with_results):
        messages.append(user(Text("And now?"), turn=2))
    return messages


@pytest.mark.parametrize(("before", "after"), list(product(APIS, APIS)))
def test_an_answer_of_one_provider_makes_a_valid_request_to_another(before: str, after: str) -> None:
    answers = recorded_answers(before)
    if not answers:
        pytest.skip(f"no {APIS[before].file}.jsonl among the recordings")
    assert any(isinstance(block, ToolUse) for answer in answers for block in answer.content)
    api = APIS[after]

    for answer in answers:
        for ends_with_results in (True, False):
            messages = conversation(answer, ends_with_results)
            encoded = api.body(Request(7, messages, Settings(system="Be brief.", tools=(Tool(name="fly"),))))
            body = msgspec.json.decode(encoded, type=dict[str, Any])

            assert api.violations(body) == [], messages
            if before != after and APIS[before].config("http://x").name != api.config("http://x").name:
                signed = [block for block in answer.content if isinstance(block, Thinking) and block.signature]
                assert not any((block.signature or "").encode() in encoded for block in signed), "a foreign signature"
