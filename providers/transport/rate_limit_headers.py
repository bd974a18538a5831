"""What the head of a response says of the limits of a key."""

import re
from collections.abc import Mapping
from datetime import datetime

from ..schema.rate_limits import RateLimit, RateLimits

_KINDS = ("requests", "tokens", "input_tokens", "output_tokens")
# Of OpenAI and those who speak like it, https://platform.openai.com/docs/guides/rate-limits, and of Anthropic,
# https://platform.claude.com/docs/en/api/rate-limits#response-headers. {0} is the kind, {1} the figure.
_NAMES = ("x-ratelimit-{1}-{0}", "anthropic-ratelimit-{0}-{1}")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_part = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def rate_limits(headers: Mapping[str, str], now: float) -> RateLimits | None:
    """The limits that *headers* tell of at *now* (unix seconds), or ``None`` where they tell of none."""
    if not any("ratelimit" in name.lower() for name in headers):
        return None
    found = {kind: limit for kind in _KINDS if (limit := _limit(headers, kind, now))}
    return RateLimits(**found) if found else None


def _limit(headers: Mapping[str, str], kind: str, now: float) -> RateLimit | None:
    for names in _NAMES:
        limit, remaining, reset = (
            headers.get(names.format(kind.replace("_", "-"), figure)) for figure in ("limit", "remaining", "reset")
        )
        if limit or remaining:
            return RateLimit(limit=_number(limit), remaining=_number(remaining), reset_s=_seconds(reset, now))
    return None


def _number(given: str | None) -> int | None:
    return int(given) if given and given.isdecimal() else None


def _seconds(given: str | None, now: float) -> float | None:
    """From a number of seconds, a duration such as ``6m0.5s``, or a date (RFC 3339)."""
    if not given:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    parts = _part.findall(given)
    if "".join(number + unit for number, unit in parts) == given:
        return float(sum(float(number) * _UNITS_S[unit] for number, unit in parts))
    try:
        return max(0.0, datetime.fromisoformat(given).timestamp() - now)
    except ValueError:
        return None
