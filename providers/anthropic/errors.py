"""Anthropic's errors, mapped to ours."""

from ..schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    InvalidRequest,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
)
from ..transport.faults import FaultTable

PROVIDER = "anthropic"

# The types are those of https://platform.claude.com/docs/en/api/errors; the codes those of the SDK's error classes for
# which the HTTP status is misleading.
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
        "compaction_unavailable": Overloaded,
    },
)
