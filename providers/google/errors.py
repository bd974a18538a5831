"""Google's errors, mapped to ours: https://cloud.google.com/apis/design/errors#error_model."""

import msgspec

from ..schema.errors import AuthenticationFailed, InvalidRequest, Overloaded, ProviderUnavailable, RateLimited
from ..transport.fault_bodies import Fault, read_fault
from ..transport.faults import FaultTable
from ..wire.json_decoding import MALFORMED

PROVIDER = "google"


# The codes of google.rpc.Code, and the reasons (google.rpc.ErrorInfo) that are more specific.
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
)


class _Detail(msgspec.Struct):
    """A more specific reason (google.rpc.ErrorInfo), or none."""

    reason: object = None


class _Status(msgspec.Struct):
    message: str = ""
    status: str | None = None
    details: tuple[_Detail, ...] = ()


class _Envelope(msgspec.Struct):
    error: _Status


_decode_envelope = msgspec.json.Decoder(_Envelope | tuple[_Envelope, ...]).decode


def read_google_fault(body: bytes) -> Fault:
    """The fault in *body*: an object or, in a stream that is a JSON array, the first element of an array."""
    plain = read_fault(body)
    try:
        envelope = _decode_envelope(body)
    except MALFORMED:
        return plain
    if not isinstance(envelope, _Envelope):
        if not envelope:
            return plain
        envelope = envelope[0]
    status, code = envelope.error.status, plain.code
    reason = next((detail.reason for detail in envelope.error.details if isinstance(detail.reason, str)), None)
    if code and code.isdecimal() and (status or reason in FAULTS.codes):
        code = None  # it is the HTTP status; gateways have OpenAI's codes there
    if code is None or not code.isdecimal():
        code = reason or code
    return msgspec.structs.replace(plain, type=status or plain.type, code=code)
