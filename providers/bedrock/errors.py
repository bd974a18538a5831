"""Amazon Bedrock's errors, mapped to ours."""

import msgspec

from ..schema.errors import (
    AuthenticationFailed,
    InvalidRequest,
    Overloaded,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)
from ..transport.fault_bodies import Fault, read_fault
from ..transport.faults import FaultTable
from ..wire.json_decoding import MALFORMED

PROVIDER = "bedrock"

# The names are those of https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html, and
# those that all AWS services share: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html.
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
    unknown_model_phrases=("model identifier is invalid", "with on-demand throughput isn", "end of its life"),
)


class _Body(msgspec.Struct, rename={"type": "__type", "capitalized": "Message"}):
    """The body of an error; it has the error's name only if no header has it."""

    message: str | None = None
    capitalized: str | None = None
    type: str | None = None
    code: str | int | None = None


_decode_body = msgspec.json.Decoder(_Body).decode


def read_aws_fault(body: bytes, name: str | None) -> Fault:
    """The fault in *body*; *name* is that in the headers of the response or of the frame, if there is one.

    A name may be followed by a URL and preceded by a namespace, and starts in lower case in event streams:
    https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization.
    """
    fault = read_fault(body)
    try:
        error = _decode_body(body)
    except MALFORMED:
        error = _Body()
    if error.message is None and error.capitalized:
        fault = read_fault(msgspec.json.encode({"message": error.capitalized}))
    code = name or error.type or (None if error.code is None else str(error.code)) or ""
    code = code.partition(":")[0].rpartition("#")[2]
    # Gateways have codes of other vendors, which are in lower case.
    return Fault(message=fault.message, type=fault.type, code=(code[:1].upper() + code[1:]) or fault.code)
