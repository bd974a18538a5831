"""What a provider says went wrong, and which of our errors that is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import msgspec

from ..schema.errors import (
    AuthenticationFailed,
    ContextOverflow,
    IncompleteAnswer,
    InvalidRequest,
    Overloaded,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    UnknownModel,
)

_SHOWN_CHARS = 500
_UNKNOWN = "the provider gave no reason"

STATUSES: Mapping[int, type[ProviderError]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    402: AuthenticationFailed,  # payment is due: the key may not do this
    403: AuthenticationFailed,
    404: InvalidRequest,
    405: InvalidRequest,
    408: ProviderUnavailable,
    409: ProviderUnavailable,  # a lock was not to be had in time; both SDKs try again
    412: InvalidRequest,
    413: ContextOverflow,  # too many bytes: a shorter history is the remedy, too
    415: InvalidRequest,
    422: InvalidRequest,
    424: ProviderUnavailable,
    425: ProviderUnavailable,
    429: RateLimited,
    431: InvalidRequest,
    498: AuthenticationFailed,  # Cohere's word for a bad token
    499: ProviderUnavailable,
    500: ProviderUnavailable,
    501: InvalidRequest,
    502: ProviderUnavailable,
    503: Overloaded,
    504: ProviderUnavailable,
    529: Overloaded,
}
"""What the HTTP status says, where nothing better is known."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says: a text for people and, as far as it gives them, a type and a code that is more exact.

    *retry_after_s* is how long it asks to wait, where it says that with the rest.
    """

    message: str = _UNKNOWN
    type: str | None = None
    code: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class FaultTable:
    """Which error a fault of *provider* is: by its code, by the HTTP status, by its type, whichever is known first.

    *codes* maps the vendor's codes and types. *overflow_phrases* and *unknown_model_phrases*, in lower case, tell a
    context overflow and an unknown model from other bad requests.
    """

    provider: str
    codes: Mapping[str, type[ProviderError]]
    overflow_phrases: tuple[str, ...]
    unknown_model_phrases: tuple[str, ...] = ()

    def error(self, fault: Fault, status: int | None = None, retry_after_s: float | None = None) -> ProviderError:
        """The error that *fault* is, with *status* ``None`` where it stood inside an answer."""
        kind = self._kind(fault, status)
        wait_s = fault.retry_after_s if retry_after_s is None else retry_after_s
        return kind(fault.message, self.provider, status, fault.code or fault.type, wait_s)

    def _kind(self, fault: Fault, status: int | None) -> type[ProviderError]:
        kind = self.codes.get(fault.code or "") or _by_status(status or _as_status(fault.code))
        kind = kind or self.codes.get(fault.type or "") or ProviderUnavailable
        if kind is not InvalidRequest:
            return kind
        said = fault.message.lower()
        if any(phrase in said for phrase in self.overflow_phrases):
            return ContextOverflow
        if any(phrase in said for phrase in self.unknown_model_phrases):
            return UnknownModel
        # Most servers have no word of their own for this one.
        if (status == 404 or fault.type == "not_found_error") and "model" in said:
            return UnknownModel
        return kind


def _as_status(code: str | None) -> int | None:
    """The status that gateways put in place of a code when a stream has begun."""
    return int(code) if code and code.isdecimal() else None


def _by_status(status: int | None) -> type[ProviderError] | None:
    if status is None or status in STATUSES:
        return STATUSES.get(status or 0)
    return ProviderUnavailable if status >= 500 else InvalidRequest if status >= 400 else ProtocolError


class _Said(msgspec.Struct):
    message: str
    type: str | None = None
    code: str | int | None = None
    details: object = None

    def fault(self) -> Fault:
        code = self.code
        match self.details:
            case {"error_code": str(more_exact)}:
                code = more_exact
            case _:
                pass
        return Fault(
            message=self.message[:_SHOWN_CHARS] or _UNKNOWN, type=self.type, code=None if code is None else str(code)
        )


class _Envelope(msgspec.Struct):
    error: _Said | str

    def fault(self) -> Fault:
        return _Said(self.error).fault() if isinstance(self.error, str) else self.error.fault()


class _Detail(msgspec.Struct):
    detail: str

    def fault(self) -> Fault:
        return _Said(self.detail).fault()


_forms = (
    msgspec.json.Decoder(_Envelope).decode,
    msgspec.json.Decoder(_Said).decode,
    msgspec.json.Decoder(_Detail).decode,
)


def read_fault(body: bytes) -> Fault:
    """The fault that *body* tells of, be it as these APIs do, ``{"error": {"message": ...}}``, or as gateways do."""
    for form in _forms:
        try:
            said = form(body)
        except (ValueError, RecursionError):
            continue
        return said.fault()
    return Fault(message=excerpt(body) or _UNKNOWN)


def excerpt(body: bytes) -> str:
    """The first of *body*, for an error message."""
    return body[:_SHOWN_CHARS].decode(errors="replace").strip()


def malformed_answer(provider: str, problem: object, body: bytes) -> ProtocolError:
    """The error that *body* is not what *provider*'s documents promise."""
    return ProtocolError(f"{problem}: {excerpt(body)}", provider)


def undecodable_answer(provider: str, problem: Exception, body: bytes) -> ProviderError:
    """The error that *body*, a whole answer, could not be read."""
    # msgspec has no class of its own for a text that only goes on too short.
    return incomplete_answer(provider) if "truncated" in str(problem) else malformed_answer(provider, problem, body)


def incomplete_answer(provider: str) -> IncompleteAnswer:
    """The error that an answer stopped before its end."""
    return IncompleteAnswer("the answer stopped before its end", provider)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """How long *headers* ask to wait at *now* (unix seconds): in milliseconds, in seconds or until a date.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after; ``retry-after-ms`` is OpenAI's and Azure's.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        given = headers.get(name)
        if given is None:
            continue
        try:
            wait_s = float(given) * unit_s
        except ValueError:
            wait_s = _until(given, now)
        if math.isfinite(wait_s):
            return max(0.0, wait_s)
    return None


def _until(date: str, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return math.nan
