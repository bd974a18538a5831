"""Input tokens of APIs that count cached ones separately."""

from ..schema.usage import Count, reported


def total_input(uncached_tokens: int | None, *cached_tokens: int | None) -> Count:
    """All input tokens, cached ones included, as ``Usage.input`` has it; unavailable without *uncached_tokens*."""
    return reported(None if uncached_tokens is None else uncached_tokens + sum(filter(None, cached_tokens)))
