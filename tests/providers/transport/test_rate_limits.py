"""Reading rate-limit headers."""

from datetime import UTC, datetime

import pytest

from rayconteur.providers.schema.rate_limits import RateLimit, RateLimits
from rayconteur.providers.transport.rate_limit_headers import rate_limits

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


def test_anthropic_s_rate_limit_headers_are_read() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "1000",
        "anthropic-ratelimit-requests-remaining": "999",
        "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:30Z",
        "anthropic-ratelimit-input-tokens-limit": "80000",
        "anthropic-ratelimit-input-tokens-remaining": "79000",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-21T11:59:30Z",
        "anthropic-ratelimit-output-tokens-limit": "16000",
        "anthropic-ratelimit-output-tokens-remaining": "0",
    }

    assert rate_limits(headers, NOW) == RateLimits(
        requests=RateLimit(limit=1000, remaining=999, reset_s=30.0),
        input_tokens=RateLimit(limit=80_000, remaining=79_000, reset_s=0.0),
        output_tokens=RateLimit(limit=16_000, remaining=0),
    )


def test_openai_s_rate_limit_headers_are_read() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "6m0.5s",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "12ms",
    }

    assert rate_limits(headers, NOW) == RateLimits(
        requests=RateLimit(limit=60, remaining=59, reset_s=360.5), tokens=RateLimit(remaining=149_984, reset_s=0.012)
    )


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("1", 1.0), ("1h2m3s", 3_723.0), ("1d", 86_400.0), ("-5", 0.0), ("soon", None), ("", None), ("5 s", None)],
)
def test_every_form_of_a_reset_time_is_read(reset: str, seconds: float | None) -> None:
    headers = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": reset}

    assert rate_limits(headers, NOW) == RateLimits(requests=RateLimit(remaining=1, reset_s=seconds))


@pytest.mark.parametrize("headers", [{}, {"date": "today"}, {"x-ratelimit-policy": "fair"}])
def test_without_headers_there_are_no_rate_limits(headers: dict[str, str]) -> None:
    assert rate_limits(headers, NOW) is None
