"""Requests through LiteLLM's proxy, to llama.cpp's server and to a server that sends what vendors send.

What it makes of them:

    all           errors begin with its own words and quote the vendor's body; 529 of Anthropic and 503 of Gemini become
                  500; a stream that ends without a finish reason, but cleanly, becomes a complete answer
    Responses     answers have at least 16 tokens
    Messages      for OpenAI's models it sends a request to the Responses API
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
from builders.messages import HI, user
from fixtures.clients import CHAT, KEY, MESSAGES, Config, answer_to
from servers.litellm import deployment, litellm_proxy, skip_without_litellm
from servers.llama import EACH_API, Llama, chat, messages, responses
from servers.loopback import Exchange, Loopback, Respond, answers, begins

from rayconteur.providers.registry import open_client
from rayconteur.providers.schema.content import Block, Text, ToolUse
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidRequest,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
)
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Provenance

pytestmark = pytest.mark.chaos  # the proxy takes minutes to install, and one to start

PROXY_KEY = "sk-key-of-the-proxy-8d1f"
SHORT = Settings(max_output_tokens=16)
GEMINI = (
    b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "Ravens "}]}, "index": 0}]}\r\n\r\n'
    b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": "fly."}, {"functionCall": {"name": '
    b'"measure", "args": {"bird": "raven"}}}]}, "index": 0, "finishReason": "STOP"}], "usageMetadata": '
    b'{"promptTokenCount": 9, "candidatesTokenCount": 7, "totalTokenCount": 16}}\r\n\r\n'
)
STREAMED_OR_NOT = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])


@dataclass(frozen=True, slots=True)
class Proxy:
    """LiteLLM's proxy at *url*, and the server *behind* it, both served as long as *runner* runs."""

    url: str
    behind: Loopback
    runner: asyncio.Runner

    def ask(self, config: Config, model: str, streamed: bool, text: str = HI.text) -> Answer:
        """The answer of *model*."""
        client = open_client(config(self.url, model=model, api_key=PROXY_KEY))
        return self.runner.run(answer_to(Request(1, (user(Text(text)),), SHORT), client, streamed))


@pytest.fixture(scope="module")
def proxy(llama: Llama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The proxy, with llama.cpp's model and those of three vendors, which are served by ``behind``."""
    skip_without_litellm()
    with asyncio.Runner() as runner:
        behind = Loopback(answers(b""))
        runner.run(behind.__aenter__())
        models = [
            deployment("smollm2", "openai/smollm2", f"{llama.url}/v1", KEY),
            deployment("claude-x", "anthropic/claude-x", behind.url, KEY),
            deployment("gemini-x", "gemini/gemini-x", behind.url, KEY),
            deployment("gpt-x", "openai/gpt-x", f"{behind.url}/v1", KEY),
        ]
        with litellm_proxy(models, PROXY_KEY, tmp_path_factory.mktemp("litellm")) as url:
            yield Proxy(url, behind, runner)
        runner.run(behind.__aexit__())


@pytest.mark.parametrize(
    ("config", "streamed"),
    [(chat, True), (chat, False), (responses, False), (messages, True), (messages, False)],
    ids=["chat-streamed", "chat-whole", "responses-whole", "messages-streamed", "messages-whole"],
)
def test_an_answer_of_llama_cpp_has_its_text_and_its_usage(proxy: Proxy, config: Config, streamed: bool) -> None:
    answer = proxy.ask(config, "smollm2", streamed)

    assert text_of(answer.content)
    assert answer.usage.output.provenance is Provenance.REPORTED
    assert (answer.usage.output.tokens or 0) <= 16


@EACH_API
@STREAMED_OR_NOT
def test_a_context_overflow_of_llama_cpp_is_reported_as_such(proxy: Proxy, config: Config, streamed: bool) -> None:
    with pytest.raises(ContextOverflow, match=r"exceeds the available context size \(1024 tokens\)"):
        proxy.ask(config, "smollm2", streamed, "Nevermore. " * 1_000)


@pytest.mark.parametrize(
    ("config", "model", "body", "text"),
    [
        (chat, "claude-x", MESSAGES, "Größe? 🐦 Wait."),
        (responses, "claude-x", MESSAGES, "Größe? 🐦 Wait."),
        (messages, "claude-x", MESSAGES, "Größe? 🐦 Wait."),
        (chat, "gemini-x", GEMINI, "Ravens fly."),
        (responses, "gemini-x", GEMINI, "Ravens fly."),
        (messages, "gemini-x", GEMINI, "Ravens fly."),
        (chat, "gpt-x", CHAT, "Größe? 🐦 Wait."),
    ],
)
def test_text_and_tool_calls_of_each_vendor_are_decoded(
    proxy: Proxy, config: Config, model: str, body: bytes, text: str
) -> None:
    proxy.behind.respond = answers(body)

    answer = proxy.ask(config, model, streamed=True)

    assert text_of(answer.content) == text
    uses = [(block.name, block.input) for block in answer.content if isinstance(block, ToolUse)]
    assert ("measure", {"bird": "raven"}) in uses
    assert answer.stop_reason is StopReason.TOOL_USE
    assert answer.usage.output.provenance is Provenance.REPORTED


def text_of(content: tuple[Block, ...]) -> str:
    return "".join(block.text for block in content if isinstance(block, Text))


def anthropic_error(status: int, kind: str, message: str) -> Respond:
    """What Anthropic answers to a request that it rejects."""
    return json_error(status, {"type": "error", "error": {"type": kind, "message": message}})


def google_error(status: int, kind: str, message: str) -> Respond:
    """What Google answers to a request that it rejects."""
    return json_error(status, {"error": {"code": status, "message": message, "status": kind}})


def openai_error(status: int, kind: str, message: str) -> Respond:
    """What OpenAI answers to a request that it rejects."""
    return json_error(status, {"error": {"message": message, "type": kind, "param": None, "code": None}})


def json_error(status: int, body: dict[str, object]) -> Respond:
    return answers(msgspec.json.encode(body), status, content_type="application/json")


REJECTED = {
    "anthropic-429": ("claude-x", anthropic_error(429, "rate_limit_error", "Slow down."), RateLimited, "Slow down."),
    "anthropic-401": (
        "claude-x",
        anthropic_error(401, "authentication_error", "invalid x-api-key"),
        AuthenticationFailed,
        "invalid x-api-key",
    ),
    "anthropic-overflow": (
        "claude-x",
        anthropic_error(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        ContextOverflow,
        "prompt is too long: 210000 tokens",
    ),
    "anthropic-500": ("claude-x", anthropic_error(500, "api_error", "It broke."), ProviderUnavailable, "It broke."),
    "google-429": (
        "gemini-x",
        google_error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        RateLimited,
        "Resource has been exhausted",
    ),
    "google-overflow": (
        "gemini-x",
        google_error(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        ContextOverflow,
        r"The input token count \(1200000\) exceeds",
    ),
    "openai-429": ("gpt-x", openai_error(429, "requests", "Rate limit reached."), RateLimited, "Rate limit reached."),
}


@EACH_API
@STREAMED_OR_NOT
@pytest.mark.parametrize(("model", "respond", "kind", "message"), REJECTED.values(), ids=REJECTED)
def test_a_vendor_s_rejection_arrives_as_its_class_with_its_message(
    proxy: Proxy,
    config: Config,
    streamed: bool,
    model: str,
    respond: Respond,
    kind: type[ProviderError],
    message: str,
) -> None:
    proxy.behind.respond = respond

    with pytest.raises(ProviderError, match=message) as raised:
        proxy.ask(config, model, streamed)

    assert type(raised.value) is kind


async def dropped(exchange: Exchange) -> None:
    """Drops the connection."""
    await exchange.drop()


async def overloaded(exchange: Exchange) -> None:
    """Ends with an error, as Anthropic does."""
    error = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    await exchange.send_chunk(b"event: error\ndata: %b\n\n" % error)
    await exchange.end_body()


_HALF_MESSAGE = MESSAGES[: MESSAGES.index(b"event: message_delta")]
_HALF_GEMINI = GEMINI[: GEMINI.index(b"\r\n\r\n") + 4]


@EACH_API
@pytest.mark.parametrize(
    ("model", "respond", "message"),
    [
        ("claude-x", begins(_HALF_MESSAGE, dropped), "payload is not completed"),
        ("claude-x", begins(_HALF_MESSAGE, overloaded), "Overloaded"),
        ("gemini-x", begins(_HALF_GEMINI, dropped), "payload is not completed"),
    ],
    ids=["anthropic-dropped", "anthropic-overloaded", "google-dropped"],
)
def test_a_stream_that_fails_half_way_behind_it_is_a_failure(
    proxy: Proxy, config: Config, model: str, respond: Respond, message: str
) -> None:
    proxy.behind.respond = respond

    with pytest.raises(ProviderError, match=message) as raised:
        proxy.ask(config, model, streamed=True)

    assert not isinstance(raised.value, InvalidRequest)  # which would not be tried again


@EACH_API
@STREAMED_OR_NOT
def test_a_model_that_it_does_not_know_is_an_invalid_request(proxy: Proxy, config: Config, streamed: bool) -> None:
    with pytest.raises(InvalidRequest, match="Invalid model name passed in model=raven"):
        proxy.ask(config, "raven", streamed)
