"""What is known of models. A maintained package takes the table's place in a later version."""

from .configs import ProviderConfig

DEFAULT_CONTEXT_LIMIT_TOKENS = 128_000
"""For models that are not in the table: what most have at least."""

# By the beginning of the model's name; the longest that fits counts. From the providers' model pages, November 2025.
_CONTEXT_LIMITS_TOKENS = {
    "claude": 200_000,
    "gpt-3.5-turbo": 16_385,
    "gpt-4": 8_192,
    "gpt-4-32k": 32_768,
    "gpt-4-turbo": 128_000,
    "gpt-4-1106": 128_000,
    "gpt-4-0125": 128_000,
    "gpt-4o": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-4.5": 128_000,
    "gpt-5": 400_000,
    "chatgpt-4o": 128_000,
    "o1": 200_000,
    "o1-mini": 128_000,
    "o1-preview": 128_000,
    "o3": 200_000,
    "o4": 200_000,
}


def context_limit_tokens(config: ProviderConfig) -> int:
    """The tokens that the context window of *config*'s model holds: as it says itself, as known, or a default."""
    if config.context_limit_tokens is not None:
        return config.context_limit_tokens
    # Azure's name for the older ones, and the names that gateways put before a slash.
    model = config.model.rpartition("/")[2].replace("gpt-35", "gpt-3.5")
    known = max((prefix for prefix in _CONTEXT_LIMITS_TOKENS if model.startswith(prefix)), key=len, default=None)
    return DEFAULT_CONTEXT_LIMIT_TOKENS if known is None else _CONTEXT_LIMITS_TOKENS[known]
