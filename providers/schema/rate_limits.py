"""What a provider lets one key ask for, and how much of it is left."""

import msgspec


class RateLimit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One limit: *remaining* of *limit* are left, and all are there again *reset_s* seconds after the response."""

    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None


class RateLimits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits that the head of a response tells of; ``None`` where it says nothing."""

    requests: RateLimit | None = None
    tokens: RateLimit | None = None
    input_tokens: RateLimit | None = None
    output_tokens: RateLimit | None = None
