"""The rate limits in the headers of a response."""

import re
import time
from collections.abc import Mapping
from datetime import datetime

import msgspec

from ..schema.deltas import AnswerStarted, Delta
from ..schema.rate_limits import RateLimit, RateLimits

_KINDS = ("requests", "tokens", "input_tokens", "output_tokens")
# OpenAI's and compatible servers', https://platform.openai.com/docs/guides/rate-limits, and Anthropic's,
# https://platform.claude.com/docs/en/api/rate-limits#response-headers. {0} is the kind, {1} the figure.
_NAMES = ("x-ratelimit-{1}-{0}", "anthropic-ratelimit-{0}-{1}")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_part = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def rate_limits(headers: Mapping[str, str], now: float) -> RateLimits | None:
    """The limits in *headers*, or ``None`` if there are none. *now* is in Unix seconds."""
    if not any("ratelimit" in name.lower() for name in headers):
        return None
    limits = {kind: limit for kind in _KINDS if (limit := _limit(headers, kind, now))}
    return RateLimits(**limits) if limits else None


def _limit(headers: Mapping[str, str], kind: str, now: float) -> RateLimit | None:
    for names in _NAMES:
        limit, remaining, reset = (
            headers.get(names.format(kind.replace("_", "-"), figure)) for figure in ("limit", "remaining", "reset")
        )
        if limit or remaining:
            return RateLimit(limit=_number(limit), remaining=_number(remaining), reset_s=_seconds(reset, now))
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _seconds(text: str | None, now: float) -> float | None:
    """Parse a number of seconds, a duration such as ``6m0.5s``, or a date (RFC 3339)."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    parts = _part.findall(text)
    if "".join(number + unit for number, unit in parts) == text:
        return float(sum(float(number) * _UNITS_S[unit] for number, unit in parts))
    try:
        return max(0.0, datetime.fromisoformat(text).timestamp() - now)
    except ValueError:
        return None


class RateLimitInserter:
    """Puts the rate limits in *headers* into the ``AnswerStarted`` of an answer."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._limits = rate_limits(headers, time.time())
        self.done = self._limits is None

    def insert(self, deltas: list[Delta]) -> list[Delta]:
        """*deltas*, with the rate limits if the answer begins in them."""
        first = deltas[0]
        if not self.done and isinstance(first, AnswerStarted):
            self.done = True
            deltas[0] = msgspec.structs.replace(first, rate_limits=self._limits)
        return deltas
