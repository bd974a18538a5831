"""What Anthropic's Messages API rejects of the settings, refused before anything is sent."""

from typing import Any

import pytest

from rayconteur.providers.anthropic.requests import Dialect
from rayconteur.providers.anthropic.rules import check_settings
from rayconteur.providers.claude.models import claude_facts
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

CLAUDE = Dialect("claude-x")
FLY = Tool(name="fly")
CLOSED: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
STRICT = Tool(name="sit", input_schema=CLOSED, strict=True)
OPEN_PLACES: dict[str, Any] = {"where": {"type": "array", "items": {"anyOf": [{"type": "object"}]}}}
OPEN = Tool(name="look", input_schema={**CLOSED, "properties": OPEN_PLACES}, strict=True)
DROP_BLOCK = {"thinking": {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}}


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (Settings(temperature=1.5), "temperature"),
        (Settings(thinking=Reasoning(effort="minimal")), "thinking.effort"),
        (Settings(thinking=Reasoning(budget_tokens=1_000)), "thinking.budget_tokens"),
        (Settings(thinking=Reasoning(budget_tokens=2_000), max_output_tokens=2_000), "thinking.budget_tokens"),
        (Settings(thinking=Reasoning(budget_tokens=2_000), temperature=0.5), "temperature"),
        (Settings(thinking=Reasoning(budget_tokens=2_000), top_k=5), "top_k"),
        (Settings(thinking=Reasoning(budget_tokens=2_000), top_p=0.9), "top_p"),
        (
            Settings(thinking=Reasoning(budget_tokens=2_000), tools=(FLY,), tool_choice=ToolChoice(mode="required")),
            "tool_choice",
        ),
        (
            Settings(
                thinking=Reasoning(budget_tokens=2_000), tools=(FLY,), tool_choice=ToolChoice(mode="tool", name="fly")
            ),
            "tool_choice",
        ),
        (Settings(frequency_penalty=0.5), "frequency_penalty"),
        (Settings(presence_penalty=0.5), "presence_penalty"),
        (Settings(seed=1), "seed"),
        (Settings(tools=(FLY, Tool(name="fly.far"))), "tools[1].name"),
        (Settings(tools=(Tool(name="fly", deferred=True),)), "tools"),
        (Settings(tools=(FLY, STRICT, OPEN)), "tools[2].input_schema.properties.where.items.anyOf[0]"),
        (
            Settings(tools=tuple(Tool(name=f"f{n}", input_schema=CLOSED, strict=True) for n in range(21))),
            "tools[20].strict",
        ),
        (Settings(tools=(ProviderTool(provider="openai", definition={"type": "web_search"}),)), "tools[0]"),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(mode="validated")), "tool_choice.mode"),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(allowed=("fly",))), "tool_choice.allowed"),
        (Settings(verbosity="low"), "verbosity"),
        (Settings(metadata={"a": "b"}), "metadata"),
        (Settings(prompt_cache_key="raven"), "prompt_cache_key"),
        (Settings(prompt_cache_ttl="24h"), "prompt_cache_ttl"),
        (Settings(prompt_cache_ttl="1h", prompt_caching=False), "prompt_cache_ttl"),
        (Settings(service_tier="flex"), "service_tier"),
    ],
)
def test_settings_that_the_api_rejects_are_errors_that_name_the_field(settings: Settings, field: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, CLAUDE)

    assert raised.value.field == field


def test_valid_settings_are_accepted() -> None:
    check_settings(Settings(), CLAUDE)
    check_settings(
        Settings(temperature=1, thinking=Reasoning(budget_tokens=1_024, effort="max"), max_output_tokens=1_025), CLAUDE
    )


def test_an_open_schema_is_rejected_where_the_model_fits_schemas() -> None:
    settings = Settings(output_schema={"type": "object", "properties": {"a": {"type": "object"}}})

    check_settings(settings, CLAUDE)
    with pytest.raises(InvalidConfig, match="additionalProperties: false") as raised:
        check_settings(settings, Dialect("claude-opus-5-5", claude_facts("claude-opus-5-5")))
    assert raised.value.field == "output_schema"


def test_extra_members_of_thinking_need_thinking_in_the_settings() -> None:
    dialect = Dialect("claude-opus-5-5", claude_facts("claude-opus-5-5"), extra_body=DROP_BLOCK)

    check_settings(Settings(thinking=Reasoning(effort="low")), dialect)
    with pytest.raises(InvalidConfig, match=r"provider\.extra_body\.thinking"):
        check_settings(Settings(), dialect)
