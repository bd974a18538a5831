"""Faults that providers report, and the error that each becomes."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

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
from .context_overflow import OVERFLOW_CODES, exceeds_rate_alone, is_overflow
from .fault_bodies import NO_REASON, Fault, excerpt, is_markup, shown_text
from .fault_names import is_spent_quota, kind_by_name

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


REJECTED_THINKING_PHRASES = (
    "bound to a different conversation",  # Claude: something before the block has changed
    "invalid `signature` in `thinking`",  # Claude: the block itself has changed, or is another account's
    "invalid signature in thinking",
    "blocks in the latest assistant message cannot be modified",  # Claude: a block was changed or left out
    "could not be verified",  # OpenAI: "The encrypted content gAAA... could not be verified"
    "thought signature",  # Gemini: "Corrupted thought signature", "Thought signature is not valid"
)
"""In lower case: a bad request because of signed or encrypted thinking in the history."""

# The members of answers that go back to compatible servers, where one of them does not take them. Groq: "property
# 'reasoning_content' is unsupported"; Cerebras: "messages.2.assistant.reasoning_content: property ... is unsupported".
_kept_part = re.compile(
    r"\b(reasoning_content|reasoning_details|thinking_blocks|extra_content)\b"
    r"|\bmessages\b.*(\.reasoning(?![\w.])|'reasoning')",
    re.DOTALL,
).search
_MISSING = ("must be passed back", "missing", "required")

SPENT_PHRASES = ("reached your specified api usage limits", "credit balance is too low")
"""In lower case: a bad request because of the account's own spending limit (Anthropic): asking again is no use."""


BAD_KEY_PHRASES = ("incorrect api key", "api key not valid", "invalid api key")
"""In lower case: a bad request because of the key (xAI, Gemini)."""

COMMON_CODES: Mapping[str, type[ProviderError]] = {
    "invalid_api_key": AuthenticationFailed,
    "1004": AuthenticationFailed,  # MiniMax, Z.ai
    "insufficient_quota": AuthenticationFailed,  # a 429 that waiting does not resolve
    "billing_hard_limit_reached": AuthenticationFailed,
    "billing_not_active": AuthenticationFailed,
    "model_not_found": UnknownModel,
    "context_length_exceeded": ContextOverflow,
    "rate_limit_exceeded": RateLimited,
    "rate_limit_error": RateLimited,
    "invalid_request_error": InvalidRequest,
    "authentication_error": AuthenticationFailed,
    "permission_error": AuthenticationFailed,
    "overloaded_error": Overloaded,
    "server_error": ProviderUnavailable,
}
"""Codes and types of OpenAI and Anthropic, which gateways have in front of any vendor."""


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
        if status is not None and (message == NO_REASON or message.startswith(("{", "["))):  # no words
            message = f"HTTP {status}: {message}"
        return kind(message, self.provider, status, fault.code or fault.type, wait_s, fault.details)

    def _named(self, code: str | None) -> type[ProviderError] | None:
        return self.codes.get(code or "") or COMMON_CODES.get(code or "")

    def _kind(self, fault: Fault, status: int | None) -> type[ProviderError]:
        kind = self._named(fault.code) or _by_status(status or _as_status(fault.code))
        kind = kind or self._named(fault.type) or kind_by_name(fault.code) or kind_by_name(fault.type)
        kind = kind or ProviderUnavailable
        if not OVERFLOW_CODES.isdisjoint((fault.code, fault.type)) or exceeds_rate_alone(fault.message):
            return ContextOverflow
        # Some servers report an overflow as an error of their own: a 500.
        if kind in (InvalidRequest, ProviderUnavailable, Overloaded) and is_overflow(fault.message):
            return ContextOverflow
        message = fault.message.lower()
        if kind is RateLimited and self._is_spent(fault, message):
            return AuthenticationFailed
        if kind is not InvalidRequest:
            return kind
        if _rejects_thinking(message):
            return ThinkingRejected
        if any(phrase in message for phrase in (*SPENT_PHRASES, *BAD_KEY_PHRASES)):
            return AuthenticationFailed
        if any(phrase in message for phrase in self.unknown_model_phrases):
            return UnknownModel
        # Most servers have no code of their own for this.
        if (status == 404 or fault.type == "not_found_error") and "model" in message:
            return UnknownModel
        return kind

    def _is_spent(self, fault: Fault, message: str) -> bool:
        is_named = is_spent_quota(fault.code) or is_spent_quota(fault.type)
        return is_named or any(phrase in message for phrase in self.spent_quota_phrases)


_STATUS_DIGITS, _FIRST_ERROR_STATUS = 3, 400


def _rejects_thinking(message: str) -> bool:
    if any(phrase in message for phrase in REJECTED_THINKING_PHRASES):
        return True
    return _kept_part(message) is not None and not any(phrase in message for phrase in _MISSING)


def _as_status(code: str | None) -> int | None:
    """The HTTP status that gateways put in place of a code once a stream has begun; other numbers are a vendor's."""
    status = int(code) if code and code.isdecimal() and len(code) == _STATUS_DIGITS else 0
    return status if status >= _FIRST_ERROR_STATUS else None


def _by_status(status: int | None) -> type[ProviderError] | None:
    if status is None or status in STATUSES:
        return STATUSES.get(status or 0)
    return ProviderUnavailable if status >= 500 else InvalidRequest if status >= 400 else ProtocolError


def malformed_answer(provider: str, problem: object, body: bytes) -> ProtocolError:
    """The error for a *body* that is not what *provider* documents."""
    return ProtocolError(f"{problem}: {excerpt(body)}", provider)


def undecodable_answer(provider: str, problem: Exception, body: bytes) -> ProviderError:
    """The error for a whole answer whose *body* can't be decoded: it is cut short, or malformed."""
    # msgspec has no exception class of its own for truncated input.
    return incomplete_answer(provider) if "truncated" in str(problem) else malformed_answer(provider, problem, body)


_SHOWN_MARKUP_BYTES = 80


def unreadable_body(provider: str, body: bytes) -> ProtocolError:
    """The error for a *body* that has no meaning in the API of *provider*: a web page, a text, another API's JSON."""
    if not is_markup(body):
        return ProtocolError(f"the body is not an answer of this API: {excerpt(body)}", provider)
    begins = excerpt(body[:_SHOWN_MARKUP_BYTES])
    problem = "the server answered with a web page (is the base URL right?)"
    return ProtocolError(f"{problem}: {shown_text(body)} [it begins with {begins}]", provider)


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
            wait_s = float(value.removesuffix("s")) * unit_s
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
