"""Cohere's errors, mapped to ours."""

from ..schema.errors import AuthenticationFailed, InvalidRequest, ProviderUnavailable
from ..transport.faults import FaultTable

PROVIDER = "cohere"

# https://docs.cohere.com/reference/errors. A context overflow has no code, and "too many tokens" also begins the
# message about a ``max_tokens`` that is too high.
FAULTS = FaultTable(
    provider=PROVIDER,
    codes={
        "INVALID_TOKEN": AuthenticationFailed,
        "INVALID_TOOL_GENERATION": InvalidRequest,
        "TIMEOUT": ProviderUnavailable,
    },
    overflow_phrases=("total number of tokens", "size limit exceeded"),
)


FAILURES = frozenset({"ERROR", "TIMEOUT"})
"""The finish reasons of an answer that failed after its response had begun with status 200."""
