"""What OpenAI documents about its models."""

import pytest

from rayconteur.providers.models import with_model_facts
from rayconteur.providers.openai.api_choice import documented_facts
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.openai.models import OpenAIModel, is_openai_name, openai_model
from rayconteur.providers.schema.facts import ModelFacts

NONE_TO_XHIGH = ("none", "low", "medium", "high", "xhigh")
LOW_TO_MAX = ("low", "medium", "high", "xhigh", "max")


@pytest.mark.parametrize(
    ("models", "efforts", "sampling", "chat_tools"),
    [
        ("gpt-4o gpt-4o-mini-2024-07-18 gpt-4.1 gpt-4-turbo gpt-35-turbo", ("none",), True, "always"),
        ("o1 o3 o3-mini o4-mini-2025-04-16", ("low", "medium", "high"), False, "always"),
        ("gpt-5 gpt-5-mini gpt-5-nano-2025-08-07", ("minimal", "low", "medium", "high"), False, "always"),
        ("gpt-5.1", ("none", "low", "medium", "high"), "without_thinking", "always"),
        ("gpt-5.2", NONE_TO_XHIGH, "without_thinking", "always"),
        ("gpt-5.4 gpt-5.4-mini gpt-5.4-2026-03-05 gpt-5.5", NONE_TO_XHIGH, "without_thinking", "without_thinking"),
        ("gpt-5.6 gpt-5.6-terra gpt-6-sol gpt-6-luna", ("none", *LOW_TO_MAX), "without_thinking", "without_thinking"),
        ("openai.gpt-6-sol us.openai.gpt-5.6-terra", ("none", *LOW_TO_MAX), "without_thinking", "without_thinking"),
        ("openai.gpt-oss-120b-1:0", None, None, "always"),
        ("gpt-6.1-terra", ("none", *LOW_TO_MAX), "without_thinking", "never"),
        ("gpt-6-astra gpt-6.1-sol gpt-6.2-sol gpt-6.2-astra", LOW_TO_MAX, False, "never"),
        ("gpt-6.3-sol gpt-7", LOW_TO_MAX, False, "never"),
        ("ft:gpt-4o-2024-08-06:rookery::x1", ("none",), True, "always"),
        ("gpt-oss-120b raven-7b", None, None, "always"),
    ],
)
def test_each_family_has_its_rules(
    models: str, efforts: tuple[str, ...] | None, sampling: object, chat_tools: str
) -> None:
    for model in models.split():
        known = openai_model(model)
        assert (known.facts.efforts, known.facts.takes_sampling, known.chat_tools) == (efforts, sampling, chat_tools)


@pytest.mark.parametrize(
    "model",
    [
        "o1-pro",
        "o3-pro",
        "o4-mini-deep-research",
        "gpt-5-pro",
        "gpt-5-codex",
        "gpt-5.1-codex-max",
        "gpt-5.2-pro",
        "gpt-5.3-codex",
        "gpt-5.5-pro",
        "gpt-6-cyber",
        "gpt-7-pro",
        "computer-use-preview",
    ],
)
def test_some_models_are_on_the_responses_api_only(model: str) -> None:
    assert (openai_model(model).chat, openai_model(model).responses) == (False, True)


@pytest.mark.parametrize("model", ["gpt-4o-audio-preview", "gpt-audio-mini", "gpt-4o-mini-search-preview"])
def test_some_models_are_on_chat_completions_only(model: str) -> None:
    assert (openai_model(model).chat, openai_model(model).responses) == (True, False)


@pytest.mark.parametrize(
    ("model", "thinks_by_default"), [("gpt-5.1", False), ("gpt-5.4", False), ("gpt-5.5", True), ("gpt-6-luna", True)]
)
def test_later_models_think_unless_told_not_to(model: str, thinks_by_default: bool) -> None:
    assert openai_model(model).facts.thinks_by_default is thinks_by_default


def test_models_of_this_autumn_have_their_limits() -> None:
    facts = with_model_facts(OpenAI(model="gpt-6-luna")).facts

    assert (facts.context_limit_tokens, facts.output_limit_tokens) == (1_050_000, 128_000)
    assert (facts.takes_images, facts.uses_tools, facts.thinks, facts.compacts) == (True, True, True, True)


def test_nothing_is_documented_about_models_of_compatible_servers() -> None:
    facts = with_model_facts(OpenAI(model="gpt-6-luna", base_url="http://localhost:8000/v1")).facts

    assert (facts.efforts, facts.takes_sampling) == (None, None)


@pytest.mark.parametrize("base_url", ["http://[::1]", "https://openai.com.example/v1", ""])
def test_an_odd_address_is_not_openai_s_own(base_url: str) -> None:
    assert documented_facts(OpenAI(model="gpt-6-luna", base_url=base_url)) == ModelFacts()


def test_the_facts_of_a_deployment_are_those_of_its_model() -> None:
    named = with_model_facts(AzureOpenAI(deployment="prod", model="gpt-6-luna", endpoint="https://x.example"))
    unnamed = with_model_facts(AzureOpenAI(deployment="prod", endpoint="https://x.example"))

    assert named.facts.takes_sampling == "without_thinking"
    assert unnamed.facts == ModelFacts()


def test_nothing_is_rejected_of_an_unknown_model() -> None:
    assert openai_model("raven-7b") == OpenAIModel()


@pytest.mark.parametrize(
    ("model", "is_own"),
    [
        ("gpt-6-luna", True),
        ("o3", True),
        ("ft:gpt-4o:x", True),
        ("codex-mini-latest", True),
        ("gpt-oss-120b", False),
        ("DeepSeek-V3.2", False),
        ("grok-4", False),
    ],
)
def test_names_of_openai_s_models_are_told_from_others(model: str, is_own: bool) -> None:
    assert is_openai_name(model) is is_own
