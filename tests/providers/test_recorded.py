"""What real providers sent, through the real clients and the vendors' own SDKs.

It means what the recordings expect, but where we differ on purpose:

    an input without its cached tokens    ours holds all that was sent (see ``Usage``)
    a function_call without an id         gets one made, for its result to answer
    a custom tool's free text             is the member "input" of an object, as our tools take objects
    an empty body                         is an incomplete answer; the SDK reads no answer at all from it
    two parts of a summary of thinking    are two paragraphs
    the phase of a Responses message      is an opaque block before it, for the API wants it back
    a Responses answer cut short          stops for the reason that it gives; the SDK says "incomplete"
    a tool that Bedrock runs, streamed    is a block; the SDK gives the pieces
    an error that Bedrock gives no name   has none; the SDK takes its status for one
    Google's thoughts, its tools' tokens  are part of what was made, and of what was sent
    a signature of Google's thoughts      is an opaque block behind what it signs
    numbers in place of Google's words    are not what its documents promise for what we ask
    a tool plan of Cohere's               is thinking; the SDK keeps it apart
    a stream that tells of an error       has no status; the SDK goes by the response's, which is 200
    an answer queued in the background    is no answer, as nobody asked for it to be made there

Cohere's v1 chat and Bedrock's InvokeModel are recorded as well; they are other APIs, which no client here speaks.
"""

import asyncio
from collections.abc import Callable, Iterable
from copy import deepcopy

import pytest
from servers.recordings import Exchange, Expected, ExpectedCounts, ToolCall, cases, replay_server

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google.config import Google
from rayconteur.providers.google.events import SIGNATURE
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.responses.events import PHASE
from rayconteur.providers.registry import ProviderConfig, open_client
from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    IncompleteAnswer,
    InvalidRequest,
    ProtocolError,
    ProviderError,
    RateLimited,
    UnknownModel,
)
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.usage import Count

HI = Message(role=Role.USER, content=(Text("Hello, raven!"),), turn=1)
KEY = "sk-not-a-real-key"
PARAGRAPH = "\n\n"

ERRORS: dict[tuple[int | None, str], type[ProviderError]] = {
    (400, "invalid_request_error"): InvalidRequest,
    (400, "invalid_image_url"): InvalidRequest,
    (400, "unsupported_value"): InvalidRequest,
    (401, "invalid_api_key"): AuthenticationFailed,
    (400, ""): InvalidRequest,
    (400, "ValidationException"): ContextOverflow,
    (401, "401"): AuthenticationFailed,
    (404, "not_found_error"): UnknownModel,
    (400, "model_not_found"): UnknownModel,
    (400, "context_length_exceeded"): ContextOverflow,
    (400, "invalid_value"): InvalidRequest,
    (404, "model_not_found"): UnknownModel,
    (429, "RateLimitReached"): RateLimited,
    (400, "INVALID_ARGUMENT"): InvalidRequest,
    (400, "API_KEY_INVALID"): AuthenticationFailed,
    (404, "NOT_FOUND"): UnknownModel,
    (401, ""): AuthenticationFailed,
    (None, "INVALID_TOOL_GENERATION"): InvalidRequest,
}
"""Which error of ours a recorded one is, by its status and its most exact word."""


async def answered(exchange: Exchange, config: Callable[[str], ProviderConfig]) -> Answer:
    async with replay_server(exchange) as server:
        client = open_client(config(f"{server.url}/@0"))
        draft = Draft(client.provider)
        request = Request(5, (HI,), Settings())
        try:
            if exchange.streaming:
                async for deltas in client.stream(request):
                    draft.add(deltas)
            else:
                draft.add(await client.complete(request))
        finally:
            await client.aclose()
        return draft.finish()


def check(exchange: Exchange, config: Callable[[str], ProviderConfig], cached_apart: bool = False) -> None:
    expected = exchange.expected
    if expected is None:
        with pytest.raises(ProtocolError if "enum-encoding=int" in exchange.record["path"] else IncompleteAnswer):
            asyncio.run(answered(exchange, config))
    elif expected.error is not None:
        check_error(exchange, expected, config)
    elif expected.stop_reason == "queued":
        with pytest.raises(ProtocolError, match="queued"):
            asyncio.run(answered(exchange, config))
    else:
        answer = asyncio.run(answered(exchange, config))
        check_content(answer, expected)
        check_usage(answer, expected.usage or ExpectedCounts(), cached_apart)


def check_error(exchange: Exchange, expected: Expected, config: Callable[[str], ProviderConfig]) -> None:
    fault = expected.error
    assert fault

    with pytest.raises(ProviderError) as raised:
        asyncio.run(answered(exchange, config))

    error, word = raised.value, fault.code or fault.type
    assert (error.status, error.vendor_code, error.message) == (fault.status, word, fault.message)
    assert type(error) is ERRORS[fault.status, word or ""]


def check_content(answer: Answer, expected: Expected) -> None:
    blocks = answer.content
    assert "".join(block.text for block in blocks if isinstance(block, Text)) == expected.text
    assert thinking(blocks) == expected.thinking.replace(PARAGRAPH, "")
    assert sum(block.redacted for block in blocks if isinstance(block, Thinking)) == expected.redacted_thinking
    others = [block.type for block in blocks if isinstance(block, Opaque)]
    assert [kind for kind in others if kind not in (PHASE, SIGNATURE)] == expected.other_blocks
    cut_short = expected.stop_reason == "incomplete"
    assert answer.raw_stop_reason == (expected.stop_detail if cut_short else expected.stop_reason)
    uses = [block for block in blocks if isinstance(block, ToolUse)]
    for number, (use, call) in enumerate(zip(uses, expected.tool_calls, strict=True), 1):
        check_tool_use(use, call, f"call_5_{number}")


def thinking(blocks: Iterable[Block]) -> str:
    """All of it in one, with nothing between paragraphs."""
    return "".join(block.text for block in blocks if isinstance(block, Thinking)).replace(PARAGRAPH, "")


def check_tool_use(use: ToolUse, call: ToolCall, made: str) -> None:
    assert use.name == call.name
    assert use.id == (call.id or made)
    match call.arguments:
        case None:
            assert use.malformed == call.arguments_raw
        case str(text):
            assert use.input == {"input": text}
        case arguments:
            assert use.input == arguments


def check_usage(answer: Answer, counts: ExpectedCounts, cached_apart: bool) -> None:
    sent = counts.input_tokens
    if sent is not None and cached_apart:
        sent += (counts.cache_read_tokens or 0) + (counts.cache_write_tokens or 0)
    usage = answer.usage

    def tokens(*of: Count) -> list[int | None]:
        return [count.tokens for count in of]

    assert tokens(usage.input, usage.output) == [sent, counts.output_tokens]
    assert tokens(usage.cache_read, usage.cache_write) == [counts.cache_read_tokens, counts.cache_write_tokens]
    assert tokens(usage.reasoning) == [counts.reasoning_tokens]


@pytest.mark.parametrize("exchange", cases("anthropic", "messages"))
def test_anthropic_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check(exchange, lambda url: Anthropic(model="any", api_key=KEY, base_url=url), cached_apart=True)


@pytest.mark.parametrize("exchange", cases("openai_chat", "chat_completions"))
def test_openai_chat_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check(exchange, lambda url: OpenAI(model="any", api_key=KEY, base_url=url))


@pytest.mark.parametrize("exchange", cases("azure", "chat_completions"))
def test_azure_chat_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check(exchange, lambda url: AzureOpenAI(deployment="any", api_key=KEY, endpoint=url))


@pytest.mark.parametrize("exchange", cases("openai_responses", "responses"))
def test_openai_responses_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check(exchange, lambda url: OpenAI(model="any", api_key=KEY, base_url=url, api="responses"))


@pytest.mark.parametrize("exchange", cases("bedrock", "converse"))
def test_bedrock_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    exchange = deepcopy(exchange)
    expected = exchange.expected
    assert expected
    if expected.error and expected.error.type == str(expected.error.status):
        expected.error.type = None
    if exchange.streaming:
        expected.other_blocks = sorted(set(expected.other_blocks))

    check(exchange, bedrock, cached_apart=True)


def bedrock(url: str) -> Bedrock:
    return Bedrock(
        model="any", region="us-east-1", access_key_id="AKIDEXAMPLE", secret_access_key=KEY, endpoint_url=url
    )


@pytest.mark.parametrize("exchange", cases("gemini", "generate_content"))
def test_gemini_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check(summed(exchange), lambda url: Google(model="any", api_key=KEY, base_url=url).resolved({}))


@pytest.mark.parametrize("exchange", cases("vertex", "generate_content"))
def test_vertex_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check(summed(exchange), lambda url: Google(model="any", api_key=KEY, vertex=True, base_url=url).resolved({}))


def summed(exchange: Exchange) -> Exchange:
    """*exchange* with what Google counts apart put together, and with the most exact word for an error."""
    exchange = deepcopy(exchange)
    expected = exchange.expected
    if expected and expected.usage:
        counts, raw = expected.usage, expected.usage_raw or {}
        counts.input_tokens = (counts.input_tokens or 0) + raw.get("toolUsePromptTokenCount", 0)
        if counts.output_tokens is not None or counts.reasoning_tokens is not None:
            counts.output_tokens = (counts.output_tokens or 0) + (counts.reasoning_tokens or 0)
    if expected and expected.error and "API_KEY_INVALID" in (exchange.body or ""):
        expected.error.code = "API_KEY_INVALID"
    return exchange


@pytest.mark.parametrize("exchange", cases("cohere", "chat_v2"))
def test_cohere_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    exchange = deepcopy(exchange)
    expected = exchange.expected
    assert expected
    expected.thinking = expected.tool_plan + expected.thinking
    if expected.error and expected.error.status == 200:
        expected.error.status = None

    check(exchange, lambda url: Cohere(model="any", api_key=KEY, base_url=url))


@pytest.mark.parametrize("exchange", cases("azure", "responses"))
def test_azure_responses_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    def there(url: str) -> ProviderConfig:
        return AzureOpenAI(deployment="any", api_key=KEY, endpoint=url, api_version="v1", api="responses")

    check(exchange, there)
