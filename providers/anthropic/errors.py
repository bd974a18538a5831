"""Anthropic's words for what went wrong and for why a model stopped, and ours."""

from ..schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidRequest,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
)
from ..schema.stop_reasons import StopReason
from ..transport.faults import FaultTable

PROVIDER = "anthropic"

# The types: https://platform.claude.com/docs/en/api/errors. The codes: those of the SDK's error classes whose
# status misleads.
FAULTS = FaultTable(
    provider=PROVIDER,
    codes={
        "invalid_request_error": InvalidRequest,
        "authentication_error": AuthenticationFailed,
        "billing_error": AuthenticationFailed,
        "permission_error": AuthenticationFailed,
        "not_found_error": InvalidRequest,
        "request_too_large": ContextOverflow,
        "rate_limit_error": RateLimited,
        "timeout_error": ProviderUnavailable,
        "conflict_error": ProviderUnavailable,
        "api_error": ProviderUnavailable,
        "overloaded_error": Overloaded,
        "contract_spend_limit_reached": AuthenticationFailed,
        "enforced_spend_limit_reached": AuthenticationFailed,
    },
    overflow_phrases=("prompt is too long", "exceed context limit"),
)

STOPS = {
    "end_turn": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "refusal": StopReason.REFUSAL,
    "pause_turn": StopReason.PAUSED,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}
