"""How providers' faults are read, and which of our errors they become."""

from collections.abc import Iterator

import anthropic
import openai
import pytest

from rayconteur.providers.anthropic.errors import FAULTS
from rayconteur.providers.openai.chat.errors import faults
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidRequest,
    Overloaded,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    ThinkingRejected,
    UnknownModel,
)
from rayconteur.providers.transport.fault_bodies import Fault, read_fault
from rayconteur.providers.transport.faults import STATUSES, retry_after_s

CHAT = faults("openai")
NOON = 1_767_182_400.0  # Wed, 31 Dec 2025 12:00:00 GMT


def subclasses(root: type[Exception]) -> Iterator[type[Exception]]:
    """The classes below *root*."""
    for kind in root.__subclasses__():
        yield kind
        yield from subclasses(kind)


@pytest.mark.parametrize(
    "kind",
    sorted({*subclasses(anthropic.APIStatusError), *subclasses(openai.APIStatusError)}, key=str),
    ids=lambda kind: f"{kind.__module__}.{kind.__name__}",
)
def test_the_status_of_every_error_class_of_an_sdk_is_mapped(kind: type[Exception]) -> None:
    status = getattr(kind, "status_code", None)  # base classes have none, nor has the one for any 5xx

    assert status is None or status in STATUSES


BLOCKS = "messages.3.content.0: `thinking` or `redacted_thinking` blocks"


@pytest.mark.parametrize(
    ("status", "kind", "message", "error"),
    [
        (400, "invalid_request_error", "max_tokens: must be positive", InvalidRequest),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ContextOverflow),
        (400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 2", ContextOverflow),
        (401, "authentication_error", "invalid x-api-key", AuthenticationFailed),
        (402, "billing_error", "pay", AuthenticationFailed),
        (403, "permission_error", "no", AuthenticationFailed),
        (404, "not_found_error", "model: claude-9", UnknownModel),
        (404, "not_found_error", "Not found", InvalidRequest),
        (413, "request_too_large", "Request exceeds the maximum size", ContextOverflow),
        (429, "rate_limit_error", "slow down", RateLimited),
        (500, "api_error", "oops", ProviderUnavailable),
        (504, "timeout_error", "late", ProviderUnavailable),
        (529, "overloaded_error", "Overloaded", Overloaded),
        (
            400,
            "invalid_request_error",
            "You have reached your specified API usage limits. You will",
            AuthenticationFailed,
        ),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", AuthenticationFailed),
        (
            400,
            "invalid_request_error",
            "messages.1.content.0: Invalid `signature` in `thinking` block",
            ThinkingRejected,
        ),
        (
            400,
            "invalid_request_error",
            f"{BLOCKS} in the latest assistant message cannot be modified",
            ThinkingRejected,
        ),
        (599, None, "who knows", ProviderUnavailable),
        (418, None, "a teapot", InvalidRequest),
        (302, None, "elsewhere", ProtocolError),
        (None, "overloaded_error", "Overloaded", Overloaded),
        (None, "rate_limit_error", "slow down", RateLimited),
        (None, "invalid_request_error", "no", InvalidRequest),
        (None, None, "who knows", ProviderUnavailable),
    ],
)
def test_each_error_of_anthropic_is_mapped_to_ours(
    status: int | None, kind: str | None, message: str, error: type[ProviderError]
) -> None:
    assert type(FAULTS.error(Fault(message=message, type=kind), status)) is error


@pytest.mark.parametrize(
    ("status", "code", "message", "error"),
    [
        (400, None, "Invalid 'temperature'", InvalidRequest),
        (400, "context_length_exceeded", "too long", ContextOverflow),
        (400, None, "This model's maximum context length is 4096 tokens", ContextOverflow),
        (400, "content_filter", "filtered", InvalidRequest),
        (400, None, "The encrypted content gAAA...DQ== could not be verified.", ThinkingRejected),
        (400, None, "Encrypted content is not supported with this model", InvalidRequest),
        (401, "invalid_api_key", "wrong", AuthenticationFailed),
        (401, "401", "wrong", AuthenticationFailed),
        (403, "model_not_found", "Project has no access to model", UnknownModel),
        (404, "model_not_found", "no such", UnknownModel),
        (404, "DeploymentNotFound", "The API deployment for this resource does not exist", UnknownModel),
        (404, None, "model 'llama9' not found", UnknownModel),
        (404, None, "Resource not found", InvalidRequest),
        (429, "rate_limit_exceeded", "slow down", RateLimited),
        (429, "insufficient_quota", "You exceeded your current quota", AuthenticationFailed),
        (500, None, "oops", ProviderUnavailable),
        (503, None, "The engine is currently overloaded", Overloaded),
    ],
)
def test_each_error_of_openai_and_azure_is_mapped_to_ours(
    status: int, code: str | None, message: str, error: type[ProviderError]
) -> None:
    # The type is the same for many kinds of errors, so the status takes precedence over it.
    assert type(CHAT.error(Fault(message=message, type="invalid_request_error", code=code), status)) is error


def test_an_error_keeps_the_provider_s_message_code_and_delay() -> None:
    error = CHAT.error(Fault(message="slow down", type="tokens", code="rate_limit_exceeded"), 429, 2.5)

    assert (error.message, error.provider, error.status) == ("slow down", "openai", 429)
    assert (error.vendor_code, error.retry_after_s, error.retryable) == ("rate_limit_exceeded", 2.5, True)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"error":{"message":"m","type":"t","code":"c","param":null}}', Fault(message="m", type="t", code="c")),
        (b'{"error":{"message":"m","type":null,"code":404}}', Fault(message="m", code="404")),
        (b'{"type":"error","error":{"type":"t","message":"m","details":null}}', Fault(message="m", type="t")),
        (
            b'{"type":"error","error":{"type":"t","message":"m","details":{"error_code":"c"}}}',
            Fault(message="m", type="t", code="c"),
        ),
        (b'{"error":{"code":"c","message":"m","details":"more"}}', Fault(message="m", code="c")),
        (b'{"error":"m"}', Fault(message="m")),
        (b'{"statusCode":401,"message":"m"}', Fault(message="m", code="401")),
        (b'{"object":"error","message":"m","type":"t","code":40001}', Fault(message="m", type="t", code="40001")),
        (b'{"detail":"m"}', Fault(message="m")),
        (b"<h1>Bad gateway</h1>", Fault(message="Bad gateway")),
        (b'{"error":{"message":3}}', Fault(message='{"error":{"message":3}}')),
        (b'{"error":{"message":""}}', Fault()),
        (b'[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]', Fault(message="m", code="429")),
        (
            b'{"error":{"code":429,"message":"m","details":[{"reason":"r"},{"retryDelay":"7.5s"}]}}',
            Fault(message="m", code="429", retry_after_s=7.5),
        ),
        (b'{"error":{"error":{"message":"m","type":"t"},"code":500}}', Fault(message="m", type="t", code="500")),
        (
            b'{"error":{"message":"Provider error","code":400,"metadata":{"raw":"{\\"error\\":\\"too hot\\"}"}}}',
            Fault(message="Provider error: too hot", code="400"),
        ),
        (b'{"detail":[{"loc":["body","messages"],"msg":"field required"}]}', Fault(message="field required")),
        (b'{"errors":[{"message":"m","code":5007}]}', Fault(message="m", code="5007")),
        (
            b'data: {"error":{"message":"m","type":"t","code":"500"}}\n\ndata: [DONE]\n\n',
            Fault(message="m", type="t", code="500"),
        ),
        (b'event: error\r\ndata: {"error":{"message":"m"}}', Fault(message="m")),
        (b"data: [DONE]\n\n", Fault(message="data: [DONE]")),
        (
            b'{"error":{"message":null,"type":"t","code":7}}',
            Fault(message='{"error":{"message":null,"type":"t","code":7}}', type="t", code="7"),
        ),
        (b"upstream connect error", Fault(message="upstream connect error")),
        (b"[" * 100_000, Fault(message="[" * 500)),
        (b"", Fault()),
    ],
)
def test_a_fault_is_read_from_every_form_of_body(body: bytes, fault: Fault) -> None:
    assert read_fault(body) == fault


@pytest.mark.parametrize("body", [b"", b'{"error":{"message":""}}'])
def test_an_error_without_a_message_names_the_status(body: bytes) -> None:
    assert CHAT.error(read_fault(body), 502).message == "HTTP 502: the provider gave no reason"


def test_a_long_fault_is_truncated() -> None:
    assert len(read_fault(b"x" * 1_000_000).message) < 1_000
    assert len(read_fault(b'{"error":"%b"}' % (b"x" * 1_000_000)).message) < 1_000


@pytest.mark.parametrize(
    ("headers", "delay_s"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 31 Dec 2025 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 31 Dec 2025 11:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_the_retry_delay_may_be_seconds_milliseconds_or_a_date(headers: dict[str, str], delay_s: float | None) -> None:
    assert retry_after_s(headers, NOON) == delay_s


@pytest.mark.parametrize("body", ["{}", "[]", '{"error":{}}', '{"error":{"message":null,"code":null}}'])
def test_a_failure_without_a_message_has_at_least_its_status_and_its_body(body: str) -> None:
    assert CHAT.error(read_fault(body.encode()), 502).message == f"HTTP 502: {body}"
