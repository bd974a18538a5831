"""What is documented about Claude models, found by their names at each provider."""

import pytest

from rayconteur.providers.claude.models import ClaudeVersion, claude_facts
from rayconteur.providers.schema.facts import ModelFacts


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-opus-5-5", ("opus", 5, 5)),
        ("claude-fable-5", ("fable", 5, 0)),
        ("claude-sonnet-4-20250514", ("sonnet", 4, 0)),
        ("claude-opus-4-1-20250805", ("opus", 4, 1)),
        ("claude-opus-4-0", ("opus", 4, 0)),
        ("claude-3-5-haiku-20241022", ("haiku", 3, 5)),
        ("claude-3-opus-20240229", ("opus", 3, 0)),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", ("sonnet", 4, 5)),
        ("global.anthropic.claude-opus-4-6-v1", ("opus", 4, 6)),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0", ("haiku", 4, 5)),
        ("anthropic/claude-opus-4.8", ("opus", 4, 8)),
        ("claude-sonnet-4@20250514", ("sonnet", 4, 0)),
        ("claude-mythos-preview", None),
        ("claude-next", None),
        ("gpt-6", None),
    ],
)
def test_the_version_is_read_from_any_form_of_the_name(model: str, version: tuple[str, int, int] | None) -> None:
    assert ClaudeVersion.of(model) == version


@pytest.mark.parametrize(
    ("model", "types", "efforts"),
    [
        ("claude-3-5-haiku-20241022", (), ("none",)),
        ("claude-haiku-4-5", ("enabled", "disabled"), ("none",)),
        ("claude-opus-4-5", ("enabled", "disabled"), ("none", "low", "medium", "high")),
        ("claude-sonnet-4-6", ("adaptive", "enabled", "disabled"), ("none", "low", "medium", "high", "max")),
        ("claude-opus-4-7", ("adaptive", "disabled"), ("none", "low", "medium", "high", "xhigh", "max")),
        ("claude-opus-5", ("adaptive", "disabled"), ("none", "low", "medium", "high", "xhigh", "max")),
        ("claude-sonnet-5-5", ("adaptive", "between_tools"), ("none", "low", "medium", "high", "xhigh", "max")),
        ("claude-haiku-5-5", ("adaptive", "disabled"), ("none", "low", "medium", "high", "xhigh", "max")),
        ("claude-opus-5-5", ("adaptive",), ("low", "medium", "high", "xhigh", "max")),
        ("claude-fable-5-2", ("adaptive",), ("low", "medium", "high", "xhigh", "max")),
        ("claude-opus-9", ("adaptive",), ("low", "medium", "high", "xhigh", "max")),
        ("claude-next", ("adaptive",), ("low", "medium", "high", "xhigh", "max")),
    ],
)
def test_each_generation_has_its_forms_of_thinking(
    model: str, types: tuple[str, ...], efforts: tuple[str, ...]
) -> None:
    facts = claude_facts(model)

    assert (facts.thinking_types, facts.efforts) == (types, efforts)


@pytest.mark.parametrize(
    ("model", "sampling", "forced", "binds", "appends", "compacts"),
    [
        ("claude-sonnet-4-5", True, True, False, False, False),
        ("claude-opus-4-6", True, True, False, False, True),
        ("claude-opus-4-7", False, True, False, False, True),
        ("claude-opus-4-8", False, True, False, True, True),
        ("claude-sonnet-5", False, True, False, False, True),
        ("claude-opus-5", False, True, False, True, True),
        ("claude-fable-5", False, True, False, True, True),
        ("claude-fable-5-1", False, False, True, True, True),
        ("claude-opus-5-5", False, False, True, True, True),
        ("claude-sonnet-5-5", False, False, True, True, True),
        ("claude-haiku-5-5", False, True, True, True, True),
    ],
)
def test_each_model_has_its_rules(
    model: str, sampling: bool, forced: bool, binds: bool, appends: bool, compacts: bool
) -> None:
    facts = claude_facts(model)

    assert (facts.takes_sampling, facts.takes_forced_tools) == (sampling, forced)
    assert (facts.binds_thinking, facts.appends_prompts, facts.compacts) == (binds, appends, compacts)


def test_nothing_is_documented_about_models_of_others() -> None:
    assert claude_facts("gpt-6-sol") == ModelFacts()
