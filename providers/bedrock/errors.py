"""Amazon Bedrock's words for what went wrong and for why a model stopped, and ours."""

import msgspec

from ..schema.errors import (
    AuthenticationFailed,
    InvalidRequest,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)
from ..schema.stop_reasons import StopReason
from ..transport.faults import Fault, FaultTable, read_fault

PROVIDER = "bedrock"

# The names: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, and those that all
# of AWS has: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html. The phrases are the models'
# own, a family's each: Claude's three, Titan's, Nova's, Llama's and those of models that speak like OpenAI's, Cohere's.
FAULTS = FaultTable(
    provider=PROVIDER,
    codes={
        "AccessDeniedException": AuthenticationFailed,
        "ConflictException": ProviderUnavailable,
        "InternalServerException": ProviderUnavailable,
        "ModelErrorException": ProviderUnavailable,
        "ModelNotReadyException": Overloaded,
        "ModelStreamErrorException": ProviderUnavailable,
        "ModelTimeoutException": ProviderUnavailable,
        "ResourceNotFoundException": UnknownModel,
        "ServiceQuotaExceededException": RateLimited,
        "ServiceUnavailableException": Overloaded,
        "ThrottlingException": RateLimited,
        "ValidationException": InvalidRequest,
        "AccessDenied": AuthenticationFailed,
        "ExpiredToken": AuthenticationFailed,
        "ExpiredTokenException": AuthenticationFailed,
        "IncompleteSignature": AuthenticationFailed,
        "IncompleteSignatureException": AuthenticationFailed,
        "InternalFailure": ProviderUnavailable,
        "InvalidClientTokenId": AuthenticationFailed,
        "InvalidSignatureException": AuthenticationFailed,
        "MissingAuthenticationToken": AuthenticationFailed,
        "MissingAuthenticationTokenException": AuthenticationFailed,
        "NotAuthorized": AuthenticationFailed,
        "OptInRequired": AuthenticationFailed,
        "RequestExpired": AuthenticationFailed,
        "ServiceUnavailable": Overloaded,
        "SignatureDoesNotMatch": AuthenticationFailed,
        "Throttling": RateLimited,
        "TooManyRequestsException": RateLimited,
        "UnrecognizedClientException": AuthenticationFailed,
        "ValidationError": InvalidRequest,
    },
    overflow_phrases=(
        "input is too long",
        "prompt is too long",
        "exceed context limit",
        "too many total text bytes",
        "input tokens exceeded",
        "number of input tokens exceeds",
        "maximum context length",
        "too many tokens",
    ),
    unknown_model_phrases=("model identifier is invalid", "with on-demand throughput isn", "end of its life"),
)

STOPS = {
    "end_turn": StopReason.END_TURN,
    "tool_use": StopReason.TOOL_USE,
    "max_tokens": StopReason.MAX_TOKENS,
    "stop_sequence": StopReason.STOP_SEQUENCE,
    "guardrail_intervened": StopReason.CONTENT_FILTER,
    "content_filtered": StopReason.CONTENT_FILTER,
    "malformed_model_output": StopReason.OTHER,
    "malformed_tool_use": StopReason.OTHER,
    "model_context_window_exceeded": StopReason.CONTEXT_FULL,
}


class _Body(msgspec.Struct, rename={"type": "__type", "capital": "Message"}):
    """What AWS says in a body: the name of the error only where no header has it."""

    message: str | None = None
    capital: str | None = None
    type: str | None = None
    code: str | int | None = None


_body = msgspec.json.Decoder(_Body).decode


def read_aws_fault(body: bytes, name: str | None) -> Fault:
    """The fault that *body* tells of; *name* is what stands beside it, in the head of the response or of the frame.

    The name may have an address after it and a namespace before it, and in an event stream it begins in lower case:
    https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization.
    """
    fault = read_fault(body)
    try:
        said = _body(body)
    except (ValueError, RecursionError):
        said = _Body()
    if said.message is None and said.capital:
        fault = read_fault(msgspec.json.encode({"message": said.capital}))
    word = name or said.type or (None if said.code is None else str(said.code)) or ""
    word = word.partition(":")[0].rpartition("#")[2]
    return Fault(message=fault.message, code=(word[:1].upper() + word[1:]) or None)
