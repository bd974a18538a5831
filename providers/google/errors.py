"""Google's words for what went wrong and for why a model stopped, and ours."""

from ..schema.errors import AuthenticationFailed, InvalidRequest, Overloaded, ProviderUnavailable, RateLimited
from ..schema.stop_reasons import StopReason
from ..transport.faults import FaultTable

PROVIDER = "google"

SIGNATURE = "thought_signature"
"""The type of an opaque block: the signature of the text or tool use before it, or of no text at all."""

# The codes are those of google.rpc.Code, https://cloud.google.com/apis/design/errors, and the reasons that say more.
FAULTS = FaultTable(
    provider=PROVIDER,
    codes={
        "API_KEY_INVALID": AuthenticationFailed,  # a 400
        "API_KEY_EXPIRED": AuthenticationFailed,
        "INVALID_ARGUMENT": InvalidRequest,
        "FAILED_PRECONDITION": InvalidRequest,
        "OUT_OF_RANGE": InvalidRequest,
        "NOT_FOUND": InvalidRequest,
        "ALREADY_EXISTS": InvalidRequest,
        "UNIMPLEMENTED": InvalidRequest,
        "UNAUTHENTICATED": AuthenticationFailed,
        "PERMISSION_DENIED": AuthenticationFailed,
        "RESOURCE_EXHAUSTED": RateLimited,
        "ABORTED": ProviderUnavailable,
        "CANCELLED": ProviderUnavailable,
        "DATA_LOSS": ProviderUnavailable,
        "DEADLINE_EXCEEDED": ProviderUnavailable,
        "INTERNAL": ProviderUnavailable,
        "UNKNOWN": ProviderUnavailable,
        "UNAVAILABLE": Overloaded,
    },
    overflow_phrases=("exceeds the maximum number of tokens", "input token count", "payload size exceeds"),
)

# https://ai.google.dev/api/generate-content#FinishReason, and the SDK's.
STOPS = {
    "STOP": StopReason.END_TURN,
    "MAX_TOKENS": StopReason.MAX_TOKENS,
    "CONTINUATION": StopReason.MAX_TOKENS,
    "SAFETY": StopReason.CONTENT_FILTER,
    "RECITATION": StopReason.CONTENT_FILTER,
    "BLOCKLIST": StopReason.CONTENT_FILTER,
    "PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "SPII": StopReason.CONTENT_FILTER,
    "MODEL_ARMOR": StopReason.CONTENT_FILTER,
    "ESCALATION": StopReason.CONTENT_FILTER,
    "PUP_LIMITED_DISABLED": StopReason.CONTENT_FILTER,
    "IMAGE_SAFETY": StopReason.CONTENT_FILTER,
    "IMAGE_PROHIBITED_CONTENT": StopReason.CONTENT_FILTER,
    "IMAGE_RECITATION": StopReason.CONTENT_FILTER,
    "FINISH_REASON_UNSPECIFIED": StopReason.OTHER,
    "LANGUAGE": StopReason.OTHER,
    "OTHER": StopReason.OTHER,
    "MALFORMED_FUNCTION_CALL": StopReason.OTHER,
    "MALFORMED_RESPONSE": StopReason.OTHER,
    "MISSING_THOUGHT_SIGNATURE": StopReason.OTHER,
    "UNEXPECTED_TOOL_CALL": StopReason.OTHER,
    "TOO_MANY_TOOL_CALLS": StopReason.OTHER,
    "IMAGE_OTHER": StopReason.OTHER,
    "NO_IMAGE": StopReason.OTHER,
}
