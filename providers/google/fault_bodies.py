"""What Google says went wrong: https://cloud.google.com/apis/design/errors#error_model."""

import msgspec

from ..transport.faults import Fault, read_fault


class _Detail(msgspec.Struct, rename="camel"):
    """A more exact word (google.rpc.ErrorInfo), or how long to wait (google.rpc.RetryInfo), or what is passed over."""

    reason: object = None
    retry_delay: object = None


class _Status(msgspec.Struct):
    message: str = ""
    status: str | None = None
    details: tuple[_Detail, ...] = ()


class _Envelope(msgspec.Struct):
    error: _Status


_envelope = msgspec.json.Decoder(_Envelope | tuple[_Envelope, ...]).decode


def read_google_fault(body: bytes) -> Fault:
    """The fault that *body* tells of; a stream that is a JSON array has it as its element."""
    plain = read_fault(body)
    try:
        said = _envelope(body)
    except (ValueError, RecursionError):
        return plain
    if not isinstance(said, _Envelope):
        if not said:
            return plain
        plain, said = read_fault(msgspec.json.encode(said[0])), said[0]
    reasons = (detail.reason for detail in said.error.details)
    waits = (_seconds(detail.retry_delay) for detail in said.error.details)
    return Fault(
        message=plain.message,
        type=said.error.status,
        code=next((reason for reason in reasons if isinstance(reason, str)), None),
        retry_after_s=next((wait for wait in waits if wait is not None), None),
    )


def _seconds(given: object) -> float | None:
    """A google.protobuf.Duration: seconds and an ``s``."""
    try:
        return max(0.0, float(given.removesuffix("s"))) if isinstance(given, str) else None
    except ValueError:
        return None
