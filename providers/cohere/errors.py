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
)


FAILURES = frozenset({"ERROR", "TIMEOUT"})
"""The finish reasons of an answer that failed after its response had begun with status 200."""
