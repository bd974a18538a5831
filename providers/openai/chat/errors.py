"""The words of Chat Completions for what went wrong and for why a model stopped, and ours."""

from ...schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidRequest,
    Overloaded,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)
from ...schema.stop_reasons import StopReason
from ...transport.faults import FaultTable


def faults(provider: str) -> FaultTable:
    """Which error a fault of *provider* is.

    https://platform.openai.com/docs/guides/error-codes; Azure and most compatible servers take over these words.
    """
    return FaultTable(
        provider=provider,
        codes={
            "invalid_api_key": AuthenticationFailed,
            "insufficient_quota": AuthenticationFailed,  # a 429 that no waiting mends
            "billing_hard_limit_reached": AuthenticationFailed,
            "billing_not_active": AuthenticationFailed,
            "model_not_found": UnknownModel,
            "DeploymentNotFound": UnknownModel,
            "context_length_exceeded": ContextOverflow,
            "rate_limit_exceeded": RateLimited,
            "rate_limit_error": RateLimited,
            "requests": RateLimited,
            "tokens": RateLimited,
            "invalid_request_error": InvalidRequest,
            "server_error": ProviderUnavailable,
        },
        overflow_phrases=("maximum context length", "context window", "context size"),
    )


STOPS = {
    "stop": StopReason.END_TURN,
    "length": StopReason.MAX_TOKENS,
    "tool_calls": StopReason.TOOL_USE,
    "function_call": StopReason.TOOL_USE,
    "content_filter": StopReason.CONTENT_FILTER,
}

# Of an answer that went wrong on its way, at OpenRouter and DeepSeek: no answer, though it says that it has ended.
FAILURES: dict[str, type[ProviderError]] = {
    "error": ProviderUnavailable,
    "insufficient_system_resource": Overloaded,
}
