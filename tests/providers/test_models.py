"""Facts about models."""

import pytest

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.models import DEFAULT_CONTEXT_LIMIT_TOKENS, context_limit_tokens, with_model_facts
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.registry import ProviderConfig
from rayconteur.providers.schema.facts import ModelFacts, Prices
from rayconteur.providers.scripted.config import Scripted


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        (Anthropic(model="claude-sonnet-4-5"), 200_000),
        (OpenAI(model="gpt-4.1-mini"), 1_047_576),
        (OpenAI(model="gpt-4o-2024-08-06"), 128_000),
        (OpenAI(model="gpt-4-turbo"), 128_000),
        (OpenAI(model="o1"), 200_000),
        (OpenAI(model="gpt-5-nano"), 400_000),
        (OpenAI(model="anthropic/claude-opus-4-1", base_url="https://gateway.invalid/v1"), 200_000),
        (OpenAI(model="llama-9"), DEFAULT_CONTEXT_LIMIT_TOKENS),
        (OpenAI(model="llama-9", facts=ModelFacts(context_limit_tokens=4_096)), 4_096),
        (AzureOpenAI(deployment="mine", model="gpt-35-turbo"), 16_385),
        (AzureOpenAI(deployment="mine", model="any"), DEFAULT_CONTEXT_LIMIT_TOKENS),
        (Scripted(), DEFAULT_CONTEXT_LIMIT_TOKENS),
    ],
)
def test_the_context_limit_is_the_configured_the_known_or_the_default_one(config: ProviderConfig, tokens: int) -> None:
    assert context_limit_tokens(with_model_facts(config).facts) == tokens


def test_prices_have_the_number_of_tokens_from_which_they_apply() -> None:
    prices = with_model_facts(Anthropic(model="claude-sonnet-4-5")).facts.prices

    assert prices == (
        Prices(input=3.0, output=15.0, cache_read=0.3, cache_write=3.75),
        Prices(input=6.0, output=22.5, cache_read=0.6, cache_write=7.5, from_input_tokens=200_001),
    )


def test_the_prices_of_a_gateway_are_unknown() -> None:
    assert with_model_facts(OpenAI(model="gpt-4o", base_url="https://gateway.invalid/v1")).facts.prices == ()
    assert with_model_facts(OpenAI(model="gpt-4o")).facts.prices != ()


def test_the_capabilities_of_known_models_are_known() -> None:
    facts = with_model_facts(OpenAI(model="gpt-3.5-turbo")).facts

    assert (facts.takes_images, facts.thinks, facts.output_limit_tokens) == (False, False, 4_096)


def test_facts_in_the_config_override_known_ones() -> None:
    own = ModelFacts(output_limit_tokens=5, prices=(Prices(input=1.0),), takes_images=False)

    facts = with_model_facts(Anthropic(model="claude-sonnet-4-5", facts=own)).facts

    assert (facts.output_limit_tokens, facts.prices, facts.takes_images) == (5, own.prices, False)
    assert facts.context_limit_tokens == 200_000
