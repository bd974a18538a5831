"""What is known of models."""

import pytest

from rayconteur.providers.configs import Anthropic, AzureOpenAI, OpenAI, ProviderConfig, Scripted
from rayconteur.providers.models import DEFAULT_CONTEXT_LIMIT_TOKENS, context_limit_tokens


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        (Anthropic(model="claude-sonnet-4-5"), 200_000),
        (OpenAI(model="gpt-4.1-mini"), 1_047_576),
        (OpenAI(model="gpt-4o-2024-08-06"), 128_000),
        (OpenAI(model="gpt-4-turbo"), 128_000),
        (OpenAI(model="gpt-4-0613"), 8_192),
        (OpenAI(model="o1"), 200_000),
        (OpenAI(model="o1-mini"), 128_000),
        (OpenAI(model="o4-mini"), 200_000),
        (OpenAI(model="gpt-5-nano"), 400_000),
        (OpenAI(model="anthropic/claude-opus-4-1"), 200_000),
        (OpenAI(model="llama-9"), DEFAULT_CONTEXT_LIMIT_TOKENS),
        (OpenAI(model="llama-9", context_limit_tokens=4_096), 4_096),
        (AzureOpenAI(deployment="mine", model="gpt-35-turbo"), 16_385),
        (AzureOpenAI(deployment="gpt-4o"), 128_000),
        (AzureOpenAI(deployment="mine"), DEFAULT_CONTEXT_LIMIT_TOKENS),
        (Scripted(), DEFAULT_CONTEXT_LIMIT_TOKENS),
    ],
)
def test_a_context_limit_is_as_the_config_says_or_as_known_by_the_longest_prefix(
    config: ProviderConfig, tokens: int
) -> None:
    assert context_limit_tokens(config) == tokens
