"""Settings in requests to Bedrock, and settings that it or the model rejects."""

from typing import Any

import pytest
from builders.bedrock import CLAUDE, LLAMA, NOVA, request_body

from rayconteur.providers.bedrock.dialect import Dialect
from rayconteur.providers.bedrock.rules import check_settings
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
FLY = Tool(name="fly", description="Fly there.", input_schema=SCHEMA)
GPT = Dialect("openai.gpt-oss-120b-1:0")
OPUS_5_5 = Dialect("global.anthropic.claude-opus-5-5")
BUDGET = Reasoning(budget_tokens=2_000)
GROUNDING = ProviderTool(provider="bedrock", definition={"systemTool": {"name": "nova_grounding"}})
SHOWN = {"type": "adaptive", "display": "summarized"}


def test_every_setting_is_sent_as_the_api_names_it() -> None:
    settings = Settings(
        system="Be brief.",
        max_output_tokens=4_000,
        tools=(FLY, Tool(name="rest")),
        tool_choice=ToolChoice(mode="required"),
        temperature=0.5,
        top_p=0.5,
        top_k=5,
        stop_sequences=("END",),
        output_schema={"type": "object"},
        metadata={"team": "birds"},
        service_tier="flex",
        prompt_caching=False,
    )
    schema = {"name": "answer", "schema": '{"type":"object"}'}

    wire = request_body(settings=settings)

    del wire["messages"]
    assert wire == {
        "system": [{"text": "Be brief."}],
        "inferenceConfig": {"maxTokens": 4_000, "temperature": 0.5, "topP": 0.5, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "fly", "description": "Fly there.", "inputSchema": {"json": SCHEMA}}},
                {"toolSpec": {"name": "rest", "inputSchema": {"json": SCHEMA}}},
            ],
            "toolChoice": {"any": {}},
        },
        "additionalModelRequestFields": {"top_k": 5},
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}},
        "serviceTier": {"type": "flex"},
        "requestMetadata": {"team": "birds"},
    }


@pytest.mark.parametrize(
    ("choice", "wire"),
    [(ToolChoice(), {"auto": {}}), (ToolChoice(mode="tool", name="fly"), {"tool": {"name": "fly"}})],
)
def test_tool_choices_are_sent_in_the_form_of_the_api(choice: ToolChoice, wire: dict[str, Any]) -> None:
    assert request_body(settings=Settings(tools=(FLY,), tool_choice=choice))["toolConfig"]["toolChoice"] == wire


@pytest.mark.parametrize(
    ("dialect", "settings", "wire"),
    [
        (CLAUDE, Settings(thinking=BUDGET), {"thinking": {"type": "enabled", "budget_tokens": 2_000}}),
        (
            NOVA,
            Settings(thinking=Reasoning(effort="high"), top_k=5),
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}, "inferenceConfig": {"topK": 5}},
        ),
        (GPT, Settings(thinking=Reasoning(effort="high")), {"reasoning_effort": "high"}),
        (NOVA, Settings(thinking=Reasoning(effort="none")), {"reasoningConfig": {"type": "disabled"}}),
        (
            NOVA,
            Settings(thinking=Reasoning()),
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
        ),
        (Dialect("qwen.qwen3-32b-v1:0"), Settings(thinking=Reasoning(effort="high")), {"reasoning_config": "high"}),
        (Dialect("qwen.qwen3-32b-v1:0"), Settings(thinking=Reasoning(effort="none")), {"reasoning_config": "none"}),
        (Dialect("us.openai.gpt-6-sol"), Settings(thinking=Reasoning(effort="max")), {"reasoning": {"effort": "max"}}),
        (Dialect("us.xai.grok-4.7"), Settings(thinking=Reasoning(effort="xhigh")), {"reasoning": {"effort": "xhigh"}}),
        (Dialect("us.deepseek.v3.2"), Settings(thinking=Reasoning()), {"reasoning_effort": "high"}),
        (Dialect("zai.glm-5"), Settings(thinking=Reasoning(effort="none")), {"reasoning_effort": "none"}),
        (Dialect("us.zai.glm-5.3"), Settings(thinking=Reasoning(effort="max")), {"reasoning_effort": "max"}),
        (Dialect("moonshot.kimi-k2-thinking"), Settings(thinking=Reasoning(effort="max")), {"reasoning_effort": "max"}),
        (OPUS_5_5, Settings(thinking=Reasoning(effort="low")), {"thinking": SHOWN, "output_config": {"effort": "low"}}),
        (OPUS_5_5, Settings(thinking=Reasoning(show=False)), {"thinking": {"type": "adaptive", "display": "omitted"}}),
        (
            Dialect("us.anthropic.claude-sonnet-5-5"),
            Settings(thinking=Reasoning(effort="none")),
            {"thinking": {"type": "between_tools"}},
        ),
        (
            Dialect("eu.anthropic.claude-opus-4-5-20251101-v1:0"),
            Settings(thinking=Reasoning(effort="low")),
            {"output_config": {"effort": "low"}, "anthropic_beta": ["effort-2025-11-24"]},
        ),
    ],
)
def test_each_model_family_gets_its_own_fields(dialect: Dialect, settings: Settings, wire: dict[str, Any]) -> None:
    check_settings(settings, dialect)

    assert request_body(settings=settings, dialect=dialect)["additionalModelRequestFields"] == wire


@pytest.mark.parametrize(
    ("settings", "field", "dialect"),
    [
        (Settings(temperature=1.5), "temperature", CLAUDE),
        (Settings(frequency_penalty=0.5), "frequency_penalty", CLAUDE),
        (Settings(presence_penalty=0.5), "presence_penalty", CLAUDE),
        (Settings(seed=1), "seed", CLAUDE),
        (Settings(top_k=5), "top_k", LLAMA),
        (Settings(stop_sequences=("",)), "stop_sequences", CLAUDE),
        (Settings(tools=(FLY, Tool(name="fly.far"))), "tools[1].name", CLAUDE),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(mode="none")), "tool_choice.mode", NOVA),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(parallel=False)), "tool_choice.parallel", NOVA),
        (Settings(tools=(GROUNDING,), tool_choice=ToolChoice(mode="required")), "tool_choice.mode", NOVA),
        (Settings(tools=(ProviderTool(provider="google", definition={"googleSearch": {}}),)), "tools[0]", NOVA),
        (Settings(tools=(Tool(name="fly", deferred=True),)), "tools[0].deferred", CLAUDE),
        (Settings(tools=(Tool(name="fly", strict=True),)), "tools[0].strict", NOVA),
        (Settings(tools=tuple(Tool(name=f"fly{number}", strict=True) for number in range(21))), "tools", CLAUDE),
        (Settings(user="u-1"), "user", CLAUDE),
        (Settings(verbosity="low"), "verbosity", CLAUDE),
        (Settings(prompt_cache_key="k"), "prompt_cache_key", CLAUDE),
        (Settings(prompt_cache_ttl="2h"), "prompt_cache_ttl", CLAUDE),
        (Settings(prompt_cache_ttl="1h"), "prompt_cache_ttl", NOVA),
        (Settings(prompt_cache_ttl="5m"), "prompt_cache_ttl", LLAMA),
        (Settings(service_tier="auto"), "service_tier", CLAUDE),
        (Settings(metadata={"ü": "x"}), "metadata['ü']", CLAUDE),
        (Settings(metadata={"a": "x" * 257}), "metadata['a']", CLAUDE),
        (Settings(metadata={f"k{number}": "" for number in range(17)}), "metadata", CLAUDE),
        (Settings(max_output_tokens=15), "max_output_tokens", Dialect("us.openai.gpt-6-sol")),
        (Settings(thinking=Reasoning(effort="high"), temperature=0.5), "temperature", NOVA),
        (Settings(thinking=Reasoning(effort="high"), max_output_tokens=500), "max_output_tokens", NOVA),
        (Settings(temperature=0.5), "temperature", OPUS_5_5),
        (Settings(top_k=5), "top_k", OPUS_5_5),
        (Settings(thinking=Reasoning(effort="none")), "thinking.effort", OPUS_5_5),
        (Settings(thinking=BUDGET), "thinking.budget_tokens", OPUS_5_5),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(mode="required")), "tool_choice.mode", OPUS_5_5),
        (Settings(thinking=Reasoning(effort="low")), "thinking.effort", Dialect("us.deepseek.r1-v1:0")),
        (Settings(thinking=Reasoning(effort="none")), "thinking.effort", GPT),
        (Settings(thinking=Reasoning(effort="low")), "thinking", Dialect("us.amazon.nova-lite-v1:0")),
        (Settings(output_schema={}), "output_schema", Dialect("global.anthropic.claude-fable-5-1")),
        (Settings(thinking=Reasoning(effort="minimal")), "thinking.effort", CLAUDE),
        (Settings(thinking=Reasoning(effort="max")), "thinking.effort", NOVA),
        (Settings(thinking=Reasoning(effort="low")), "thinking", LLAMA),
        (Settings(thinking=BUDGET), "thinking", LLAMA),
        (Settings(thinking=Reasoning(effort="low")), "thinking.effort", Dialect("x.y")),
        (Settings(thinking=BUDGET), "thinking.budget_tokens", NOVA),
        (Settings(thinking=Reasoning(budget_tokens=1_000)), "thinking.budget_tokens", CLAUDE),
        (Settings(thinking=BUDGET, max_output_tokens=2_000), "thinking.budget_tokens", CLAUDE),
        (Settings(thinking=BUDGET, temperature=0.5), "temperature", CLAUDE),
        (Settings(thinking=BUDGET, top_k=5), "top_k", CLAUDE),
        (Settings(thinking=BUDGET, top_p=0.9), "top_p", CLAUDE),
        (Settings(thinking=BUDGET, tools=(FLY,), tool_choice=ToolChoice(mode="required")), "tool_choice", CLAUDE),
        (Settings(output_schema={}), "output_schema", Dialect("x.y", ModelFacts(fits_schemas=False))),
        (Settings(tools=(FLY,)), "tools", Dialect("x.y", ModelFacts(uses_tools=False))),
    ],
)
def test_settings_that_the_api_rejects_are_errors_that_name_the_field(
    settings: Settings, field: str, dialect: Dialect
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, dialect)

    assert raised.value.field == field


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="none"), {"type": "none"}),
        (ToolChoice(parallel=False), {"type": "auto", "disable_parallel_tool_use": True}),
        (
            ToolChoice(mode="tool", name="fly", parallel=False),
            {"type": "tool", "name": "fly", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_what_converse_has_no_tool_choice_for_is_said_in_claude_s_own_form(
    choice: ToolChoice, wire: dict[str, Any]
) -> None:
    settings = Settings(tools=(FLY,), tool_choice=choice)
    check_settings(settings, CLAUDE)

    body = request_body(settings=settings)

    assert body["additionalModelRequestFields"] == {"tool_choice": wire}
    assert "toolChoice" not in body["toolConfig"]


@pytest.mark.parametrize(
    ("dialect", "settings", "tokens"),
    [
        (OPUS_5_5, Settings(), 32_000),
        (OPUS_5_5, Settings(thinking=Reasoning(effort="max")), 64_000),
        (OPUS_5_5, Settings(max_output_tokens=100), 100),
        (Dialect("us.anthropic.claude-sonnet-5-5"), Settings(thinking=Reasoning(effort="none")), 8_192),
        (Dialect("us.anthropic.claude-opus-4-8"), Settings(thinking=Reasoning(effort="max")), None),
        (NOVA, Settings(), None),
    ],
)
def test_a_model_that_thinks_by_default_gets_room_for_it(dialect: Dialect, settings: Settings, tokens: int) -> None:
    wire = request_body(settings=settings, dialect=dialect)

    assert wire.get("inferenceConfig", {}).get("maxTokens") == tokens


def test_thinking_that_a_model_cannot_disable_but_does_not_do_by_itself_is_turned_off_by_saying_nothing() -> None:
    opus_4_7, off = Dialect("us.anthropic.claude-opus-4-7"), Settings(thinking=Reasoning(effort="none"))
    check_settings(off, opus_4_7)

    assert request_body(settings=off, dialect=opus_4_7).keys() == {"messages"}


def test_strict_tools_and_bedrock_s_own_are_sent() -> None:
    settings = Settings(tools=(Tool(name="fly", strict=True),))
    check_settings(settings, CLAUDE)
    check_settings(Settings(tools=(FLY, GROUNDING)), NOVA)

    [tool] = request_body(settings=settings)["toolConfig"]["tools"][:1]
    own = request_body(settings=Settings(tools=(FLY, GROUNDING)), dialect=NOVA)["toolConfig"]["tools"][1]

    assert tool["toolSpec"]["strict"] is True
    assert own == {"systemTool": {"name": "nova_grounding"}}


def test_valid_settings_are_accepted() -> None:
    check_settings(Settings(), LLAMA)
    check_settings(Settings(temperature=1, thinking=Reasoning(budget_tokens=1_024), max_output_tokens=1_025), CLAUDE)
