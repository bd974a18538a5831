"""The rate limits of a key, and how much of them is left."""

import msgspec

from .checks.shown import short_repr


class RateLimit(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One limit: *remaining* of *limit* are left; it is full again *reset_s* seconds after the response."""

    __repr__ = short_repr

    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None


class RateLimits(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The limits in the headers of a response; ``None`` for those that it does not have."""

    __repr__ = short_repr

    requests: RateLimit | None = None
    tokens: RateLimit | None = None
    input_tokens: RateLimit | None = None
    output_tokens: RateLimit | None = None
