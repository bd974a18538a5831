"""Recorded answers of real providers, decoded through the real clients and the vendors' own SDKs.

The results are what the vendor's SDK reads, with these deliberate differences:

    input that excludes cached tokens     includes them here (see ``Usage``)
    a function_call without an id         gets one, for its result to refer to
    the free text of a custom tool        is the member "input" of an object, because our tools take objects
    an empty body                         is an incomplete answer; the SDK reads no answer from it
    two parts of a summary of thinking    are two paragraphs
    the phase of a Responses message      is an opaque block before it, because the API wants it back
    a truncated Responses answer          has the reason for it as its stop reason; the SDK has "incomplete"
    a streamed tool use of Bedrock's own  is a block; the SDK gives its pieces
    an error without a name at Bedrock    has no code; the SDK uses its status
    Google's thoughts and tool results    are part of the output and of the input
    a signature of Google's thoughts      is an opaque block after the block that it signs
    numbers in place of Google's enums    are a protocol error: the documented API has strings
    a tool plan of Cohere                 is thinking; the SDK keeps it separate
    an error in a stream                  has no status; the SDK uses that of the response, 200
    an answer queued in the background    is a protocol error, because no request asks for one

Cohere's v1 chat and Bedrock's InvokeModel are recorded as well; these are other APIs, which no client here uses.
"""

import asyncio
from collections.abc import Callable, Iterable
from copy import deepcopy

import pytest
from fixtures.clients import replayed_answer
from servers.recordings import Exchange, Expected, ExpectedCounts, ToolCall, cases

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.google.config import Google
from rayconteur.providers.google.events import SIGNATURE
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.custom_tools import MARK
from rayconteur.providers.openai.responses.events import PHASE
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.draft import Answer
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
from rayconteur.providers.schema.usage import Count

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
"""Our error for each recorded one, by its status and its most specific code."""


def check_exchange(exchange: Exchange, config: Callable[[str], ProviderConfig], excludes_cached: bool = False) -> None:
    expected = exchange.expected
    if expected is None:
        with pytest.raises(ProtocolError if "enum-encoding=int" in exchange.record["path"] else IncompleteAnswer):
            asyncio.run(replayed_answer(exchange, config))
    elif expected.error is not None:
        check_error(exchange, expected, config)
    elif expected.stop_reason == "queued":
        with pytest.raises(ProtocolError, match="queued"):
            asyncio.run(replayed_answer(exchange, config))
    else:
        answer = asyncio.run(replayed_answer(exchange, config))
        check_content(answer, expected)
        check_usage(answer, expected.usage or ExpectedCounts(), excludes_cached)


def check_error(exchange: Exchange, expected: Expected, config: Callable[[str], ProviderConfig]) -> None:
    fault = expected.error
    assert fault

    with pytest.raises(ProviderError) as raised:
        asyncio.run(replayed_answer(exchange, config))

    error, code = raised.value, fault.code or fault.type
    assert (error.status, error.vendor_code, error.message) == (fault.status, code, fault.message)
    assert type(error) is ERRORS[fault.status, code or ""]


def check_content(answer: Answer, expected: Expected) -> None:
    blocks = answer.content
    assert "".join(block.text for block in blocks if isinstance(block, Text)) == expected.text
    assert thinking(blocks) == expected.thinking.replace(PARAGRAPH, "")
    assert sum(block.redacted for block in blocks if isinstance(block, Thinking)) == expected.redacted_thinking
    opaque = [block for block in blocks if isinstance(block, Opaque)]
    marks = (PHASE, SIGNATURE) if opaque and opaque[0].provider == "google" else (PHASE, MARK)
    assert [block.type for block in opaque if block.type not in marks] == expected.other_blocks
    is_truncated = expected.stop_reason == "incomplete"
    assert answer.raw_stop_reason == (expected.stop_detail if is_truncated else expected.stop_reason)
    uses = [block for block in blocks if isinstance(block, ToolUse)]
    for number, (use, call) in enumerate(zip(uses, expected.tool_calls, strict=True), 1):
        check_tool_use(use, call, f"call_5_{number}")


def thinking(blocks: Iterable[Block]) -> str:
    """All thinking in *blocks*, without the breaks between paragraphs."""
    return "".join(block.text for block in blocks if isinstance(block, Thinking)).replace(PARAGRAPH, "")


def check_tool_use(use: ToolUse, call: ToolCall, fallback_id: str) -> None:
    assert use.name == call.name
    assert use.id == (call.id or fallback_id)
    match call.arguments:
        case None:
            assert use.malformed == call.arguments_raw
        case str(text):
            assert use.input == {"input": text}
        case arguments:
            assert use.input == arguments


def check_usage(answer: Answer, counts: ExpectedCounts, excludes_cached: bool) -> None:
    input_tokens = counts.input_tokens
    if input_tokens is not None and excludes_cached:
        input_tokens += (counts.cache_read_tokens or 0) + (counts.cache_write_tokens or 0)
    usage = answer.usage

    def tokens(*counts: Count) -> list[int | None]:
        return [count.tokens for count in counts]

    assert tokens(usage.input, usage.output) == [input_tokens, counts.output_tokens]
    assert tokens(usage.cache_read, usage.cache_write) == [counts.cache_read_tokens, counts.cache_write_tokens]
    assert tokens(usage.reasoning) == [counts.reasoning_tokens]


@pytest.mark.parametrize("exchange", cases("anthropic", "messages"))
def test_anthropic_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check_exchange(exchange, lambda url: Anthropic(model="any", api_key=KEY, base_url=url), excludes_cached=True)


@pytest.mark.parametrize("exchange", cases("openai_chat", "chat_completions"))
def test_openai_chat_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check_exchange(exchange, lambda url: OpenAI(model="any", api_key=KEY, base_url=url))


@pytest.mark.parametrize("exchange", cases("azure", "chat_completions"))
def test_azure_chat_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check_exchange(exchange, lambda url: AzureOpenAI(deployment="any", api="chat", api_key=KEY, endpoint=url))


@pytest.mark.parametrize("exchange", cases("openai_responses", "responses"))
def test_openai_responses_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check_exchange(exchange, lambda url: OpenAI(model="any", api_key=KEY, base_url=url, api="responses"))


@pytest.mark.parametrize("exchange", cases("bedrock", "converse"))
def test_bedrock_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    exchange = deepcopy(exchange)
    expected = exchange.expected
    assert expected
    if expected.error and expected.error.type == str(expected.error.status):
        expected.error.type = None
    if exchange.streaming:
        expected.other_blocks = sorted(set(expected.other_blocks))

    check_exchange(exchange, bedrock, excludes_cached=True)


def bedrock(url: str) -> Bedrock:
    return Bedrock(
        model="any", region="us-east-1", access_key_id="AKIDEXAMPLE", secret_access_key=KEY, endpoint_url=url
    )


@pytest.mark.parametrize("exchange", cases("gemini", "generate_content"))
def test_gemini_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check_exchange(with_our_counts(exchange), lambda url: Google(model="any", api_key=KEY, base_url=url).resolved({}))


@pytest.mark.parametrize("exchange", cases("vertex", "generate_content"))
def test_vertex_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    check_exchange(
        with_our_counts(exchange), lambda url: Google(model="any", api_key=KEY, vertex=True, base_url=url).resolved({})
    )


def with_our_counts(exchange: Exchange) -> Exchange:
    """*exchange* with what Google counts separately added up, and with the most specific code of an error."""
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

    check_exchange(exchange, lambda url: Cohere(model="any", api_key=KEY, base_url=url))


@pytest.mark.parametrize("exchange", cases("azure", "responses"))
def test_azure_responses_is_decoded_as_by_its_sdk(exchange: Exchange) -> None:
    def config_at(url: str) -> ProviderConfig:
        return AzureOpenAI(deployment="any", api_key=KEY, endpoint=url, api_version="v1", api="responses")

    check_exchange(exchange, config_at)
