"""Faults that providers report, and the error that each becomes."""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import cast

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
    ThinkingRejected,
    UnknownModel,
)
from ..schema.stop_reasons import StopDetails
from .context_overflow import OVERFLOW_CODES, exceeds_rate_alone, is_overflow

SHOWN_CHARS = 500
"""How much of a message or a body an error shows."""
NO_REASON = "the provider gave no reason"
"""In place of a message."""

STATUSES: Mapping[int, type[ProviderError]] = {
    400: InvalidRequest,
    401: AuthenticationFailed,
    402: AuthenticationFailed,  # payment required: the key may not do this
    403: AuthenticationFailed,
    404: InvalidRequest,
    405: InvalidRequest,
    408: ProviderUnavailable,
    409: ProviderUnavailable,  # a lock timeout; the SDKs of OpenAI and Anthropic retry it
    412: InvalidRequest,
    413: ContextOverflow,  # too many bytes: a shorter history helps here, too
    415: InvalidRequest,
    422: InvalidRequest,
    424: ProviderUnavailable,
    425: ProviderUnavailable,
    429: RateLimited,
    431: InvalidRequest,
    498: AuthenticationFailed,  # Cohere: invalid token
    499: ProviderUnavailable,
    500: ProviderUnavailable,
    501: InvalidRequest,
    502: ProviderUnavailable,
    503: Overloaded,
    504: ProviderUnavailable,
    529: Overloaded,
}
"""The error for an HTTP status, where the body tells nothing more exact."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """An error as the provider reports it: a message, and a type and a more exact code where it gives them.

    *retry_after_s* is set if the body says how long to wait, *details* if it tells more about rejected content.
    """

    message: str = NO_REASON
    type: str | None = None
    code: str | None = None
    retry_after_s: float | None = None
    details: StopDetails | None = None


REJECTED_THINKING_PHRASES = (
    "bound to a different conversation",  # Claude: something before the block has changed
    "invalid `signature` in `thinking`",  # Claude: the block itself has changed, or is another account's
    "invalid signature in thinking",
    "blocks in the latest assistant message cannot be modified",  # Claude: a block was changed or left out
    "could not be verified",  # OpenAI: "The encrypted content gAAA... could not be verified"
    "thought signature",  # Gemini: "Corrupted thought signature", "Thought signature is not valid"
)
"""In lower case: a bad request because of signed or encrypted thinking in the history."""

SPENT_PHRASES = ("reached your specified api usage limits", "credit balance is too low")
"""In lower case: a bad request because of the account's own spending limit (Anthropic): asking again is no use."""


@dataclass(frozen=True, slots=True)
class FaultTable:
    """The error for a fault of *provider*: by its code, by the HTTP status, or by its type, whichever is known first.

    *codes* maps the vendor's codes and types. *unknown_model_phrases*, in lower case, tell an unknown model from other
    bad requests, *spent_quota_phrases* a quota that no wait refills from a rate limit. A context overflow is recognized
    whatever the vendor.
    """

    provider: str
    codes: Mapping[str, type[ProviderError]]
    unknown_model_phrases: tuple[str, ...] = ()
    spent_quota_phrases: tuple[str, ...] = ()

    def error(self, fault: Fault, status: int | None = None, retry_after_s: float | None = None) -> ProviderError:
        """The error for *fault*. *status* is ``None`` if the fault was inside an answer."""
        kind = self._kind(fault, status)
        wait_s = fault.retry_after_s if retry_after_s is None else retry_after_s
        message = fault.message
        if message == NO_REASON and status is not None:
            message = f"HTTP {status}: {message}"
        return kind(message, self.provider, status, fault.code or fault.type, wait_s, fault.details)

    def _kind(self, fault: Fault, status: int | None) -> type[ProviderError]:
        kind = self.codes.get(fault.code or "") or _by_status(status or _as_status(fault.code))
        kind = kind or self.codes.get(fault.type or "") or ProviderUnavailable
        if not OVERFLOW_CODES.isdisjoint((fault.code, fault.type)) or exceeds_rate_alone(fault.message):
            return ContextOverflow
        # Some servers report an overflow as an error of their own: a 500.
        if kind in (InvalidRequest, ProviderUnavailable) and is_overflow(fault.message):
            return ContextOverflow
        message = fault.message.lower()
        if kind is RateLimited and any(phrase in message for phrase in self.spent_quota_phrases):
            return AuthenticationFailed
        if kind is not InvalidRequest:
            return kind
        if any(phrase in message for phrase in REJECTED_THINKING_PHRASES):
            return ThinkingRejected
        if any(phrase in message for phrase in SPENT_PHRASES):
            return AuthenticationFailed
        if any(phrase in message for phrase in self.unknown_model_phrases):
            return UnknownModel
        # Most servers have no code of their own for this.
        if (status == 404 or fault.type == "not_found_error") and "model" in message:
            return UnknownModel
        return kind


def _as_status(code: str | None) -> int | None:
    """The HTTP status that gateways put in place of a code once a stream has begun."""
    return int(code) if code and code.isdecimal() else None


def _by_status(status: int | None) -> type[ProviderError] | None:
    if status is None or status in STATUSES:
        return STATUSES.get(status or 0)
    return ProviderUnavailable if status >= 500 else InvalidRequest if status >= 400 else ProtocolError


_MAX_DEPTH = 4
_json = msgspec.json.Decoder().decode


def read_fault(body: bytes) -> Fault:
    """The fault in *body*, in any of the forms that vendors, compatible servers and gateways use.

    They have an object with a ``message`` or a text, directly, in ``error`` or ``detail``, or in an array; a gateway
    nests the error of the server behind it. What is not JSON is the message itself.
    """
    try:
        decoded: object = _json(body)
    except (ValueError, RecursionError):
        return Fault(message=excerpt(body) or NO_REASON)
    fault = _fault_in(decoded, _MAX_DEPTH)
    return fault or Fault(message=excerpt(body) or NO_REASON)


def _fault_in(part: object, depth: int) -> Fault | None:
    """The fault in *part* of a body; ``None`` if it has none."""
    if isinstance(part, str):
        return Fault(message=part[:SHOWN_CHARS] or NO_REASON)
    if isinstance(part, list) and part and depth:
        return _fault_in(cast("list[object]", part)[0], depth - 1)
    if not isinstance(part, dict) or not depth:
        return None
    members = cast("dict[str, object]", part)
    if inner := members.get("error"):
        fault = _fault_in(inner, depth - 1)
        return fault and _with_code(fault, members)
    if isinstance(message := members.get("message"), str):
        return _with_code(Fault(message=_with_gateway_details(message, members)[:SHOWN_CHARS] or NO_REASON), members)
    return _fault_in(members.get("detail") or members.get("msg") or members.get("errors"), depth - 1)


def _with_gateway_details(message: str, members: Mapping[str, object]) -> str:
    """*message* with what the server behind OpenRouter answered: its own is "Provider returned error"."""
    match members.get("metadata"):
        case {"raw": str(raw)} if raw:
            return f"{message}: {read_fault(raw.encode(errors='replace')).message}"
        case _:
            return message


def _with_code(fault: Fault, members: Mapping[str, object]) -> Fault:
    """*fault* with the type, the code and the delay in *members*, where it has none itself."""
    kind, code = members.get("type"), members.get("code")
    details, wait_s = members.get("details"), None
    if isinstance(details, list):  # google.rpc.RetryInfo
        wait_s = next(filter(None, map(_retry_delay_s, cast("list[object]", details))), None)
    elif isinstance(details, dict):  # Anthropic
        code = cast("dict[str, object]", details).get("error_code", code)
    return msgspec.structs.replace(
        fault,
        type=fault.type or (kind if isinstance(kind, str) else None),
        code=fault.code or (str(code) if isinstance(code, str | int) and code != "" else None),
        retry_after_s=fault.retry_after_s or wait_s,
    )


def _retry_delay_s(detail: object) -> float | None:
    match detail:
        case {"retryDelay": str(delay)}:
            with suppress(ValueError):
                return max(0.0, float(delay.removesuffix("s")))
        case _:
            pass
    return None


def excerpt(body: bytes) -> str:
    """The beginning of *body*, for an error message."""
    return body[:SHOWN_CHARS].decode(errors="replace").strip()


def malformed_answer(provider: str, problem: object, body: bytes) -> ProtocolError:
    """The error for a *body* that is not what *provider* documents."""
    return ProtocolError(f"{problem}: {excerpt(body)}", provider)


def undecodable_answer(provider: str, problem: Exception, body: bytes) -> ProviderError:
    """The error for a whole answer whose *body* can't be decoded: it is cut short, or malformed."""
    # msgspec has no exception class of its own for truncated input.
    return incomplete_answer(provider) if "truncated" in str(problem) else malformed_answer(provider, problem, body)


def incomplete_answer(provider: str) -> IncompleteAnswer:
    """The error for an answer that stopped before its end."""
    return IncompleteAnswer("the answer stopped before its end", provider)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """How long *headers* ask to wait, in seconds: they give milliseconds, seconds, or a date. *now* is in Unix seconds.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after; ``retry-after-ms`` is from OpenAI and Azure.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            wait_s = float(value) * unit_s
        except ValueError:
            wait_s = _until(value, now)
        if math.isfinite(wait_s):
            return max(0.0, wait_s)
    return None


def _until(date: str, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return math.nan
