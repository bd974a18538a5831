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


class _Detail(msgspec.Struct, rename="camel"):
    """A more specific reason (google.rpc.ErrorInfo), or how long to wait (google.rpc.RetryInfo), or neither."""

    reason: object = None
    retry_delay: object = None


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
        plain = read_fault(msgspec.json.encode(envelope))
    details = envelope.error.details
    delays_s = (_seconds(detail.retry_delay) for detail in details)
    # Google's own code is the HTTP status; gateways have OpenAI's there.
    code = plain.code if plain.code and not plain.code.isdecimal() else None
    return Fault(
        message=plain.message,
        type=envelope.error.status or plain.type,
        code=next((detail.reason for detail in details if isinstance(detail.reason, str)), code),
        retry_after_s=next((delay_s for delay_s in delays_s if delay_s is not None), None),
    )


def _seconds(duration: object) -> float | None:
    """The seconds of a google.protobuf.Duration, such as ``3.5s``; ``None`` if *duration* is not one."""
    try:
        return max(0.0, float(duration.removesuffix("s"))) if isinstance(duration, str) else None
    except ValueError:
        return None
