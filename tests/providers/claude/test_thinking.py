"""How thinking is requested from each generation of Claude models."""

from typing import Any

import pytest

from rayconteur.providers.claude.models import claude_facts
from rayconteur.providers.claude.output_limits import default_output_tokens
from rayconteur.providers.claude.thinking import check_thinking, effort_level, thinking_member
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Effort, Reasoning, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice

HIDDEN = Reasoning(effort="high", show=False)
BUDGET = Reasoning(budget_tokens=2_000)
SHOWN = {"type": "adaptive", "display": "summarized"}
OMITTED = {"type": "adaptive", "display": "omitted"}
ENABLED = {"type": "enabled", "budget_tokens": 2_000}


@pytest.mark.parametrize(
    ("model", "reasoning", "member"),
    [
        ("claude-opus-5-5", None, None),
        ("claude-opus-5-5", Reasoning(effort="low"), SHOWN),
        ("claude-opus-5-5", HIDDEN, OMITTED),
        ("claude-opus-4-7", Reasoning(), SHOWN),
        ("claude-opus-4-8", Reasoning(effort="none"), {"type": "disabled"}),
        ("claude-haiku-5-5", Reasoning(effort="none"), {"type": "disabled"}),
        ("claude-sonnet-5-5", Reasoning(effort="none"), {"type": "between_tools"}),
        ("claude-sonnet-4-6", Reasoning(effort="max"), SHOWN),
        ("claude-sonnet-4-6", BUDGET, ENABLED),
        ("claude-opus-4-6", Reasoning(budget_tokens=2_000, effort="low"), ENABLED),
        ("claude-haiku-4-5", BUDGET, ENABLED),
        ("claude-haiku-4-5", Reasoning(budget_tokens=2_000, show=False), ENABLED | {"display": "omitted"}),
        ("claude-opus-4-5", Reasoning(effort="low"), None),
        ("claude-opus-4-5", Reasoning(effort="none"), {"type": "disabled"}),
        ("claude-3-5-haiku-20241022", Reasoning(effort="none"), None),
        ("another", BUDGET, ENABLED),
        ("another", Reasoning(effort="high"), None),
        ("another", Reasoning(effort="none"), {"type": "disabled"}),
    ],
)
def test_thinking_is_requested_in_a_form_that_the_model_has(
    model: str, reasoning: Reasoning | None, member: dict[str, Any] | None
) -> None:
    assert thinking_member(reasoning, claude_facts(model)) == member


@pytest.mark.parametrize(("effort", "level"), [(None, None), ("none", None), ("low", "low"), ("max", "max")])
def test_an_effort_is_sent_as_such_unless_thinking_is_off(effort: Effort | None, level: str | None) -> None:
    assert effort_level(Reasoning(effort=effort)) == level


@pytest.mark.parametrize(
    ("model", "settings", "field", "hint"),
    [
        ("claude-opus-4-7", Settings(thinking=BUDGET), "thinking.budget_tokens", "low, medium, high, xhigh, max"),
        ("claude-next", Settings(thinking=BUDGET), "thinking.budget_tokens", "an effort"),
        ("claude-haiku-4-5", Settings(thinking=Reasoning()), "thinking", "budget_tokens"),
        ("claude-haiku-4-5", Settings(thinking=Reasoning(budget_tokens=64_000)), "thinking.budget_tokens", "64,000"),
        ("claude-haiku-4-5", Settings(thinking=Reasoning(budget_tokens=1_023)), "thinking.budget_tokens", "1024"),
        ("claude-sonnet-4-6", Settings(thinking=HIDDEN, temperature=0.5), "temperature", "only 1"),
        ("claude-sonnet-4-6", Settings(thinking=HIDDEN, top_k=5), "top_k", "remove"),
        ("claude-sonnet-4-6", Settings(thinking=HIDDEN, top_p=0.5), "top_p", "0.95"),
        ("claude-sonnet-4-6", Settings(temperature=0.5, top_p=0.5), "top_p", "not both"),
        ("claude-opus-4-1", Settings(temperature=1, top_p=0.99), "top_p", "not both"),
    ],
)
def test_what_the_model_rejects_is_an_error_that_says_what_to_do(
    model: str, settings: Settings, field: str, hint: str
) -> None:
    with pytest.raises(InvalidConfig, match=hint) as raised:
        check_thinking(settings, model, claude_facts(model))

    assert raised.value.field == field


@pytest.mark.parametrize(
    ("model", "reasoning", "accepted"),
    [
        ("claude-opus-5", HIDDEN, True),
        ("claude-opus-4-8", HIDDEN, True),
        ("claude-opus-4-6", Reasoning(effort="low"), True),
        ("claude-opus-4-7", Reasoning(effort="none"), True),
        ("claude-opus-4-7", None, True),
        ("claude-sonnet-4-6", BUDGET, False),
        ("claude-opus-4-5", Reasoning(effort="low"), True),
        ("another", BUDGET, False),
    ],
)
def test_a_tool_is_forced_together_with_thinking_unless_it_has_a_budget(
    model: str, reasoning: Reasoning | None, accepted: bool
) -> None:
    settings = Settings(thinking=reasoning, tools=(Tool(name="fly"),), tool_choice=ToolChoice(mode="required"))

    if accepted:
        check_thinking(settings, model, claude_facts(model))
    else:
        with pytest.raises(InvalidConfig, match="tool_choice"):
            check_thinking(settings, model, claude_facts(model))


def test_old_models_take_a_temperature_with_top_p() -> None:
    check_thinking(Settings(temperature=0.5, top_p=0.5), "claude-sonnet-4-0", claude_facts("claude-sonnet-4-0"))
    check_thinking(Settings(temperature=0.5, top_p=0.5), "another", ModelFacts())


@pytest.mark.parametrize(
    ("model", "reasoning", "tokens"),
    [
        ("another", None, 8_192),
        ("another", BUDGET, 10_192),
        ("claude-opus-4-8", None, 8_192),
        ("claude-opus-4-8", Reasoning(effort="low"), 32_000),
        ("claude-opus-5", None, 32_000),
        ("claude-opus-5", Reasoning(effort="none"), 8_192),
        ("claude-opus-5-5", Reasoning(effort="xhigh"), 64_000),
        ("claude-sonnet-5-5", Reasoning(effort="none"), 8_192),
        ("claude-haiku-4-5", Reasoning(budget_tokens=63_000), 64_000),
    ],
)
def test_the_default_output_limit_has_room_for_thinking(model: str, reasoning: Reasoning | None, tokens: int) -> None:
    assert default_output_tokens(Settings(thinking=reasoning), claude_facts(model)) == tokens


def test_the_default_output_limit_is_not_above_what_the_model_writes() -> None:
    assert default_output_tokens(Settings(), ModelFacts(output_limit_tokens=4_096)) == 4_096
