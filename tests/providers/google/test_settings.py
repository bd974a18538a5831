"""Settings that Google's API or one of its models does not take."""

import pytest

from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.rules import Dialect, check_settings
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.facts import ModelFacts
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

NEW, OLD = Dialect("gemini-3.8-flash"), Dialect("gemini-2.5-flash")
CACHED = Dialect("gemini-2.5-flash", members={"cachedContent": "cachedContents/nest"})
SEARCH = ProviderTool(provider=PROVIDER, definition={"googleSearch": {}})
SCHEMA = {"type": "object", "properties": {"bird": {"type": "string"}}}


@pytest.mark.parametrize(
    ("settings", "field", "dialect"),
    [
        (Settings(stop_sequences=tuple("abcdef")), "stop_sequences", NEW),
        (Settings(seed=1 << 31), "seed", NEW),
        (Settings(tools=(Tool(name="7up"),)), "tools[0].name", NEW),
        (Settings(tool_choice=ToolChoice(parallel=False)), "tool_choice.parallel", NEW),
        (Settings(output_schema=SCHEMA, tools=(Tool(name="fly"),)), "output_schema", OLD),
        (Settings(thinking=Reasoning(effort="minimal")), "thinking.effort", OLD),
        (Settings(thinking=Reasoning(effort="minimal")), "thinking.effort", NEW),
        (Settings(thinking=Reasoning(effort="none")), "thinking.effort", NEW),
        (Settings(thinking=Reasoning(effort="xhigh")), "thinking.effort", NEW),
        (Settings(frequency_penalty=0.5), "frequency_penalty", NEW),
        (Settings(tools=(SEARCH, Tool(name="fly"))), "tools", OLD),
        (Settings(tools=(Tool(name="fly", strict=True),)), "tools[0].strict", NEW),
        (Settings(tools=(Tool(name="fly", deferred=True),)), "tools[0].deferred", NEW),
        (Settings(tools=(ProviderTool(provider="openai", definition={"type": "web_search"}),)), "tools[0]", NEW),
        (Settings(tools=(SEARCH,), tool_choice=ToolChoice(mode="none")), "tool_choice", NEW),
        (
            Settings(tools=(Tool(name="fly"),), tool_choice=ToolChoice(mode="tool", name="sit")),
            "tool_choice.name",
            NEW,
        ),
        (Settings(tools=(Tool(name="fly"),), tool_choice=ToolChoice(allowed=("sit",))), "tool_choice.allowed", NEW),
        (
            Settings(tools=(Tool(name="fly"),), tool_choice=ToolChoice(mode="validated")),
            "tool_choice.mode",
            Dialect("gemini-2.0-flash"),
        ),
        (Settings(tools=tuple(Tool(name=f"f{number}") for number in range(513))), "tools", NEW),
        (Settings(tools=(Tool(name="fly"),)), "tools", Dialect("gemini-3-pro-image")),
        (Settings(service_tier="scale"), "service_tier", NEW),
        (Settings(service_tier="flex"), "service_tier", Dialect("gemini-3.8-flash", vertex=True)),
        (Settings(metadata={"a": "b"}), "metadata", NEW),
        (Settings(user="u1"), "user", NEW),
        (Settings(system="Be a raven."), "system", CACHED),
        (Settings(tools=(Tool(name="fly"),)), "tools", CACHED),
        (Settings(thinking=Reasoning(effort="max")), "thinking.effort", NEW),
        (Settings(thinking=Reasoning(effort="low", budget_tokens=9)), "thinking", NEW),
        (Settings(thinking=Reasoning(budget_tokens=99_999)), "thinking.budget_tokens", OLD),
        (Settings(thinking=Reasoning(budget_tokens=5)), "thinking.budget_tokens", Dialect("gemini-2.5-pro")),
        (Settings(tools=(Tool(name="fly"),)), "tools", Dialect("m", facts=ModelFacts(uses_tools=False))),
    ],
)
def test_settings_that_the_api_or_the_model_lacks_are_errors_that_name_the_field(
    settings: Settings, field: str, dialect: Dialect
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        check_settings(settings, dialect)

    assert raised.value.field == field


@pytest.mark.parametrize(
    ("settings", "dialect"),
    [
        (Settings(output_schema=SCHEMA, tools=(Tool(name="fly"),)), NEW),
        (Settings(thinking=Reasoning(effort="xhigh")), Dialect("gemini-4-hydrogen")),
        (Settings(thinking=Reasoning(effort="minimal")), Dialect("gemini-3-flash")),
        (
            Settings(thinking=Reasoning(effort="minimal")),
            Dialect("gemini-9-neon", facts=ModelFacts(efforts=("minimal",))),
        ),
        (Settings(service_tier="flex"), NEW),
        (Settings(temperature=0.5), CACHED),
        (Settings(thinking=Reasoning(budget_tokens=128)), Dialect("gemini-2.5-pro")),
        (Settings(thinking=Reasoning(effort="low")), Dialect("tunedModels/mine")),
        (Settings(top_k=1, seed=-1, presence_penalty=1.0, frequency_penalty=1.0), OLD),
    ],
)
def test_settings_that_the_model_has_are_accepted(settings: Settings, dialect: Dialect) -> None:
    check_settings(settings, dialect)
