"""What is documented about the models on Bedrock, found by their ids."""

import pytest

from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.bedrock.model_families import Family, traits_of
from rayconteur.providers.bedrock.provider import BEDROCK
from rayconteur.providers.models import with_model_facts
from rayconteur.providers.schema.facts import ModelFacts

FIVE = ("low", "medium", "high", "xhigh", "max")


@pytest.mark.parametrize("prefix", ["", "us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "in.", "global."])
def test_the_region_of_an_inference_profile_does_not_matter(prefix: str) -> None:
    assert traits_of(f"{prefix}amazon.nova-2-lite-v1:0") == traits_of("amazon.nova-2-lite-v1:0")
    assert traits_of(f"{prefix}anthropic.claude-opus-5-5").facts.binds_thinking is True


@pytest.mark.parametrize(
    ("model", "family", "efforts", "sampling"),
    [
        ("anthropic.claude-v2:1", Family.CLAUDE, ("none",), True),
        ("us.anthropic.claude-sonnet-4-6", Family.CLAUDE, ("none", "low", "medium", "high", "max"), True),
        ("us.anthropic.claude-opus-4-8", Family.CLAUDE, ("none", *FIVE), False),
        ("global.anthropic.claude-opus-5-5", Family.CLAUDE, FIVE, False),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-5-5",
            Family.CLAUDE,
            ("none", *FIVE),
            False,
        ),
        ("us.amazon.nova-pro-v1:0", Family.NOVA, ("none",), None),
        ("us.amazon.nova-2-lite-v1:0", Family.NOVA, ("none", "low", "medium", "high"), None),
        ("openai.gpt-oss-120b-1:0", Family.GPT_OSS, ("low", "medium", "high"), None),
        ("openai.gpt-5.4", Family.GPT, ("none", "low", "medium", "high", "xhigh"), False),
        ("openai.gpt-5.6-sol", Family.GPT, ("none", *FIVE), False),
        ("us.openai.gpt-6-sol", Family.GPT, ("none", *FIVE), False),
        ("us.openai.gpt-6-astra", Family.GPT, FIVE, False),
        ("global.openai.gpt-6.1-sol", Family.GPT, FIVE, False),
        ("us.openai.gpt-6.1-terra", Family.GPT, ("none", *FIVE), False),
        ("us.openai.gpt-6.2-sol", Family.GPT, FIVE, False),
        ("us.openai.gpt-7", Family.GPT, FIVE, False),
        ("us.xai.grok-4.7", Family.GROK, ("low", "medium", "high", "xhigh"), False),
        ("us.deepseek.v3.2", Family.DEEPSEEK, ("none", "low", "medium", "high"), None),
        ("us.deepseek.r1-v1:0", Family.DEEPSEEK, (), None),
        ("qwen.qwen3-32b-v1:0", Family.QWEN, ("none", "low", "medium", "high"), None),
        ("qwen.qwen3-coder-30b-a3b-v1:0", Family.QWEN, ("none",), None),
        ("zai.glm-4.7", Family.GLM, ("none", "high"), None),
        ("zai.glm-5", Family.GLM, ("none", "high"), None),
        ("us.zai.glm-5.3", Family.GLM, FIVE, None),
        ("moonshot.kimi-k2-thinking", Family.KIMI, ("low", "high", "max"), None),
        ("us.moonshotai.kimi-k3.1", Family.KIMI, ("none", *FIVE), None),
        ("meta.llama3-2-1b-instruct-v1:0", Family.LLAMA, ("none",), None),
        ("us.mistral.pixtral-large-2502-v1:0", Family.MISTRAL, ("none",), None),
        ("mistral.magistral-small-2509", Family.MISTRAL, None, None),
        ("amazon.titan-text-lite-v1", Family.OTHER, None, None),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Family.OTHER, None, None),
    ],
)
def test_the_id_shows_the_family_and_what_it_takes(
    model: str, family: Family, efforts: tuple[str, ...] | None, sampling: bool | None
) -> None:
    traits = traits_of(model)

    assert traits.family is family
    assert (traits.facts.efforts, traits.facts.takes_sampling) == (efforts, sampling)


@pytest.mark.parametrize(
    ("model", "schemas"),
    [
        ("anthropic.claude-sonnet-4-20250514-v1:0", False),
        ("us.anthropic.claude-opus-4-1-20250805-v1:0", False),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", True),
        ("global.anthropic.claude-opus-5-5", True),
        ("global.anthropic.claude-fable-5-1", False),
    ],
)
def test_converse_compacts_nothing_and_holds_only_some_claudes_to_schemas(model: str, schemas: bool) -> None:
    facts = traits_of(model).facts

    assert (facts.compacts, facts.fits_schemas) == (False, schemas)


def test_a_minimax_model_is_held_to_schemas_whatever_the_tables_say() -> None:
    known = with_model_facts(Bedrock(model="minimax.minimax-m2"))

    assert known.facts.fits_schemas is True


def test_the_provider_documents_what_the_id_of_the_model_shows() -> None:
    profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc"

    named = BEDROCK.documented_facts(Bedrock(model="global.anthropic.claude-opus-5-5", inference_profile=profile))

    assert named == traits_of("global.anthropic.claude-opus-5-5").facts
    assert BEDROCK.documented_facts(Bedrock(model=profile)) == ModelFacts()
