"""Why a request waits before it is sent."""

from enum import StrEnum


class WaitReason(StrEnum):
    """What a request waits for."""

    REQUESTS = "requests"
    """A limit of requests per period; the next ones likewise, of tokens."""
    TOKENS = "tokens"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    CONCURRENCY = "concurrency"
    """As many requests are in flight as a rule allows."""
    RATE_LIMITED = "rate_limited"
    """The provider has turned a request down, and says how long to wait."""
    OVERLOADED = "overloaded"
    """The provider is overloaded: fewer requests are in flight."""
    BROKER = "broker"
    """Who knows the limits can't be reached."""
    CREDENTIALS = "credentials"
    """The session goes on from what was stored, which has none: a program that has them is to open it."""
