"""Cohere's words for what went wrong and for why a model stopped, and ours."""

from ..schema.errors import AuthenticationFailed, InvalidRequest, ProviderUnavailable
from ..schema.stop_reasons import StopReason
from ..transport.faults import FaultTable

PROVIDER = "cohere"

# https://docs.cohere.com/reference/errors. A context overflow has no word of its own, and a wish for too long an
# answer begins with "too many tokens", too.
FAULTS = FaultTable(
    provider=PROVIDER,
    codes={
        "INVALID_TOKEN": AuthenticationFailed,
        "INVALID_TOOL_GENERATION": InvalidRequest,
        "TIMEOUT": ProviderUnavailable,
    },
    overflow_phrases=("total number of tokens", "size limit exceeded"),
)

STOPS = {
    "COMPLETE": StopReason.END_TURN,
    "STOP_SEQUENCE": StopReason.STOP_SEQUENCE,
    "MAX_TOKENS": StopReason.MAX_TOKENS,
    "TOOL_CALL": StopReason.TOOL_USE,
    "ERROR_TOXIC": StopReason.CONTENT_FILTER,
    "ERROR_LIMIT": StopReason.CONTEXT_FULL,
}

FAILURES = frozenset({"ERROR", "TIMEOUT"})
"""Ends of an answer that went wrong on its way, inside a response that began with 200."""

PLAN = "tool_plan"
"""The signature that marks thinking as a tool plan: it goes back in another place than other thinking does."""
