"""Every generation of Cohere's models with every kind of settings: rejected if and only if the API would reject it."""

from collections.abc import Iterator
from itertools import product

import msgspec
import pytest
from builders.cohere import request_body
from builders.messages import HI, assistant, user
from validators.cohere import violations

from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.cohere.requests import config_members
from rayconteur.providers.cohere.rules import Dialect, check_modes, check_settings
from rayconteur.providers.schema.content import Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import Tool, ToolChoice

MODELS = (
    "command-a-plus-05-2026",
    "command-a-reasoning-08-2025",
    "command-a-03-2025",
    "command-a-vision-07-2025",
    "command-a-translate-08-2025",
    "command-r7b-12-2024",
    "command-r-plus-08-2024",
    "command-r-08-2024",
    "my-model",
)
THINKING = (
    None,
    Reasoning(),
    Reasoning(effort="none"),
    Reasoning(effort="high"),
    Reasoning(budget_tokens=500),
)
SAMPLING = (
    Settings(),
    Settings(temperature=0.5, top_p=0.9, top_k=40, seed=3, max_output_tokens=4_000),
    Settings(top_p=1.0),
    Settings(top_k=501),
    Settings(seed=-1),
    Settings(presence_penalty=-0.5),
    Settings(frequency_penalty=0.5, presence_penalty=0.5),
    Settings(stop_sequences=tuple("abcdef")),
    Settings(max_output_tokens=64_001),
)
SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
TOOLS: tuple[tuple[Tool, ...], ...] = (
    (),
    (Tool(name="fly"),),
    (Tool(name="fly", input_schema=SCHEMA, strict=True), Tool(name="sit", input_schema=SCHEMA, strict=True)),
    (Tool(name="fly", strict=True),),
)
CHOICES = (None, ToolChoice(), ToolChoice(mode="required"), ToolChoice(mode="none"))
RESULTS = (
    ToolResult(tool_use_id="a", content=(Text("landed"),)),
    ToolResult(tool_use_id="a", structured={"height": 7}, is_error=True),
    ToolResult(tool_use_id="a", content=(Image(url="https://x.example/y.png", detail="high"),)),
)
CONFIGS = (
    Cohere(model="any"),
    Cohere(model="any", citation_mode="accurate"),
    Cohere(model="any", citation_mode="off", priority=3),
    Cohere(model="any", safety_mode="strict"),
    Cohere(model="any", safety_mode="off"),
    Cohere(model="any", extra_body={"documents": ["Ravens fly."]}),
)


def cases() -> Iterator[tuple[Settings, list[Message]]]:
    """Settings and a history for each."""
    for thinking, sampling in product(THINKING, SAMPLING):
        yield msgspec.structs.replace(sampling, thinking=thinking), [user(HI)]
    for tools, choice, schema, result in product(TOOLS, CHOICES, (None, SCHEMA), RESULTS):
        settings = Settings(system="Be a raven.", tools=tools, tool_choice=choice, output_schema=schema)
        yield settings, [user(HI), assistant(ToolUse(id="a", name="fly", input={})), user(result)]


@pytest.mark.parametrize("config", CONFIGS, ids=["plain", "accurate", "off", "strict", "unsafe", "documents"])
@pytest.mark.parametrize("model", MODELS)
def test_settings_are_rejected_if_and_only_if_the_request_breaks_a_rule_of_the_model(
    model: str, config: Cohere
) -> None:
    dialect = Dialect(model, members=config_members(config))
    named = Cohere(model=model, citation_mode=config.citation_mode, safety_mode=config.safety_mode)

    for settings, history in cases():
        try:
            check_modes(named)
            check_settings(settings, dialect)
            problem = None
        except InvalidConfig as rejected:
            problem = str(rejected)
        broken = violations(request_body(*history, settings=settings, dialect=dialect))

        assert bool(broken) == bool(problem), (settings, problem, broken)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_has_settings_that_it_accepts(model: str) -> None:
    for thinking in (None, Reasoning(effort="none")):
        settings = Settings(thinking=thinking, temperature=0.5)
        check_settings(settings, Dialect(model))

        assert violations(request_body(settings=settings, dialect=Dialect(model))) == []
