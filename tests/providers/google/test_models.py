"""What is documented about Gemini models, found by their names."""

import pytest

from rayconteur.providers.google.models import GeminiVersion, gemini_rules
from rayconteur.providers.google.provider import GOOGLE
from rayconteur.providers.schema.facts import ModelFacts


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("gemini-3.8-flash", ("flash", (3, 8), False)),
        ("models/gemini-3.5-flash-lite", ("flash-lite", (3, 5), False)),
        ("publishers/google/models/gemini-3.1-pro-preview-customtools", ("pro", (3, 1), False)),
        ("gemini-2.5-flash-lite-preview-06-17", ("flash-lite", (2, 5), False)),
        ("gemini-4-argon", ("argon", (4, 0), False)),
        ("gemini-3.1-flash-image", ("flash", (3, 1), True)),
        ("gemini-flash-latest", ("flash", (3, 8), False)),
        ("gemini-flash-lite-latest", ("flash-lite", (3, 5), False)),
        ("gemini-pro-latest", ("pro", (3, 1), False)),
        ("gemini-x", None),
        ("gemini-exp-1206", None),
        ("tunedModels/mine", None),
        ("meta/llama", None),
    ],
)
def test_the_version_is_read_from_any_form_of_the_name(model: str, version: object) -> None:
    assert GeminiVersion.of(model) == version


@pytest.mark.parametrize(
    ("model", "efforts"),
    [
        ("gemini-2.0-flash", ("none",)),
        ("gemini-2.5-pro", ("low", "medium", "high")),
        ("gemini-2.5-flash", ("none", "low", "medium", "high")),
        ("gemini-2.5-flash-image", ("none",)),
        ("gemini-3-pro-preview", ("low", "high")),
        ("gemini-3-flash-preview", ("minimal", "low", "medium", "high")),
        ("gemini-3.1-pro-preview", ("low", "medium", "high")),
        ("gemini-3.5-flash-lite", ("minimal", "low", "medium", "high")),
        ("gemini-3.6-flash", ("minimal", "low", "medium", "high")),
        ("gemini-3.8-flash", ("low", "medium", "high")),
        ("gemini-4-argon", ("low", "medium", "high")),
        ("gemini-4-hydrogen", ("low", "medium", "high", "xhigh")),
        ("gemini-9-neon", ("low", "medium", "high")),
        ("tunedModels/mine", None),
    ],
)
def test_each_generation_has_its_thinking_levels(model: str, efforts: tuple[str, ...] | None) -> None:
    assert gemini_rules(model, vertex=False).facts.efforts == efforts


def test_vertex_turns_the_thinking_of_gemini_3_1_pro_off() -> None:
    assert gemini_rules("gemini-3.1-pro-preview", vertex=True).facts.efforts == ("none", "low", "medium", "high")


def test_the_facts_of_a_config_are_those_of_its_model_at_its_endpoint() -> None:
    config = GOOGLE.config(model="gemini-3.1-pro-preview", project="p")

    facts = GOOGLE.documented_facts(config.resolved({}))

    assert facts == gemini_rules("gemini-3.1-pro-preview", vertex=True).facts
    assert (facts.context_limit_tokens, facts.output_limit_tokens) == (1_048_576, 65_536)


def test_nothing_is_documented_about_names_without_a_version() -> None:
    assert gemini_rules("tunedModels/mine", vertex=False).facts == ModelFacts()


def test_a_tuned_model_is_like_gemini_3_if_its_facts_say_so() -> None:
    rules = gemini_rules("tunedModels/mine", vertex=False, given=ModelFacts(thinking_types=("thinkingLevel",)))

    assert (rules.needs_signatures, rules.takes_result_media) == (True, True)
    assert not gemini_rules("tunedModels/mine", vertex=False).needs_signatures


def test_the_facts_of_a_config_take_precedence() -> None:
    rules = gemini_rules("gemini-3.8-flash", vertex=False, given=ModelFacts(efforts=("minimal",), thinks=False))

    assert (rules.facts.efforts, rules.facts.thinks, rules.facts.uses_tools) == (("minimal",), False, True)
