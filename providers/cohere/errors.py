"""Cohere's errors, mapped to ours."""

from ..schema.errors import AuthenticationFailed, InvalidRequest, ProviderUnavailable
from ..transport.faults import FaultTable

PROVIDER = "cohere"

# https://docs.cohere.com/reference/errors
FAULTS = FaultTable(
    provider=PROVIDER,
    codes={
        "INVALID_TOKEN": AuthenticationFailed,
        "INVALID_TOOL_GENERATION": InvalidRequest,
        "TIMEOUT": ProviderUnavailable,
    },
    # "You are using a Trial key, which is limited to 1000 API calls / month": https://docs.cohere.com/docs/rate-limits
    spent_quota_phrases=("calls / month", "calls/month", "calls per month"),
)
