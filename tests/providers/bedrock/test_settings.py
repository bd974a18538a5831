"""Settings in requests to Bedrock, and settings that it or the model rejects."""

from typing import Any

import pytest
from builders.bedrock import CLAUDE, LLAMA, NOVA, request_body

from rayconteur.providers.bedrock.requests import Dialect
from rayconteur.providers.bedrock.rules import check_settings
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice

SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
FLY = Tool(name="fly", description="Fly there.", input_schema=SCHEMA)
GPT = Dialect("openai.gpt-oss-120b-1:0")
BUDGET = Reasoning(budget_tokens=2_000)


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
        thinking=Reasoning(effort="low"),
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
        "outputConfig": {
            "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}},
            "effort": "low",
        },
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
        (Dialect("qwen.qwen3-32b-v1:0"), Settings(thinking=Reasoning(effort="high")), {"reasoning_config": "high"}),
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
        (Settings(tools=(FLY,), tool_choice=ToolChoice(mode="none")), "tool_choice.mode", CLAUDE),
        (Settings(tools=(FLY,), tool_choice=ToolChoice(parallel=False)), "tool_choice.parallel", CLAUDE),
        (Settings(thinking=Reasoning(effort="minimal")), "thinking.effort", CLAUDE),
        (Settings(thinking=Reasoning(effort="max")), "thinking.effort", NOVA),
        (Settings(thinking=Reasoning(effort="low")), "thinking.effort", LLAMA),
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


def test_valid_settings_are_accepted() -> None:
    check_settings(Settings(), LLAMA)
    check_settings(Settings(temperature=1, thinking=Reasoning(budget_tokens=1_024), max_output_tokens=1_025), CLAUDE)
