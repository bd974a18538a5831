"""Every generation of Gemini models with every kind of settings: rejected if, and only if, the API would reject it."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from validators.google import violations

from rayconteur.providers.google.errors import PROVIDER
from rayconteur.providers.google.requests import body
from rayconteur.providers.google.rules import Dialect, check_settings
from rayconteur.providers.schema.content import Document, Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Reasoning, Request, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

MODELS = (
    "gemini-2.0-flash",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
    "gemini-2.5-flash-image",
    "gemini-3-pro-preview",
    "gemini-3-pro-image",
    "gemini-3-flash-preview",
    "gemini-3.1-pro-preview",
    "gemini-3.1-flash-lite",
    "gemini-3.1-flash-image",
    "gemini-3.5-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.6-flash",
    "gemini-3.7-flash",
    "gemini-3.8-flash",
    "gemini-4-argon",
    "gemini-4-carbon",
    "gemini-4-hydrogen",
    "gemini-flash-latest",
    "gemini-pro-latest",
)
THINKING = (
    None,
    Reasoning(),
    *(Reasoning(effort=effort) for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    Reasoning(effort="low", show=False),
    *(Reasoning(budget_tokens=budget) for budget in (1, 128, 512, 1_024, 24_576, 24_577, 32_768, 32_769)),
)
SAMPLING = (Settings(), Settings(temperature=0.5, top_p=0.9, top_k=40), Settings(presence_penalty=0.5, seed=3))
FLY = Tool(name="fly", input_schema={"type": "object", "properties": {"to": {"type": "string"}}})
SEARCH = ProviderTool(provider=PROVIDER, definition={"googleSearch": {}})
TOOLS: tuple[tuple[Tool | ProviderTool, ...], ...] = ((), (FLY,), (SEARCH,), (FLY, Tool(name="sit"), SEARCH))
CHOICES = (
    None,
    ToolChoice(),
    ToolChoice(mode="required"),
    ToolChoice(mode="none"),
    ToolChoice(mode="tool", name="fly"),
    ToolChoice(mode="tool", name="swim"),
    ToolChoice(mode="validated"),
    ToolChoice(allowed=("fly",)),
    ToolChoice(mode="required", allowed=("fly", "swim")),
)
RESULTS = (
    ToolResult(tool_use_id="a", content=(Text("landed"),)),
    ToolResult(tool_use_id="a", structured={"place": {"$ref": "oak"}}, is_error=True),
    ToolResult(tool_use_id="a", content=(Image(data=b"pixels", media_type="image/png", detail="low"),)),
    ToolResult(tool_use_id="a", content=(Image(data=b"pixels", media_type="image/heic"), Document(url="gs://x/y.pdf"))),
)
ASKED = user(Text("Hi"), Image(url="https://x.example/y.png", detail="ultra_high"))


def cases() -> Iterator[tuple[Settings, list[Message]]]:
    """Settings and a history for each."""
    for thinking, sampling in product(THINKING, SAMPLING):
        yield msgspec.structs.replace(sampling, thinking=thinking), [ASKED]
    for tools, choice, schema, result in product(TOOLS, CHOICES, (None, FLY.input_schema), RESULTS):
        settings = Settings(system="Be a raven.", tools=tools, tool_choice=choice, output_schema=schema)
        # Without functions a choice has no form, and so, no violation: test_requests.py has its rejection.
        if FLY in tools or choice is None:
            yield settings, [ASKED, assistant(ToolUse(id="a", name="fly", input={})), user(result)]


@pytest.mark.parametrize("vertex", [False, True], ids=["gemini", "vertex"])
@pytest.mark.parametrize("model", MODELS)
def test_settings_are_rejected_if_and_only_if_the_request_breaks_a_rule_of_the_model(model: str, vertex: bool) -> None:
    dialect = Dialect(model, vertex)
    accepted = 0

    for settings, history in cases():
        try:
            check_settings(settings, dialect)
            problem = None
        except InvalidConfig as rejected:
            problem = str(rejected)
        wire = msgspec.json.decode(body(Request(1, history, settings), dialect), type=dict[str, Any])
        broken = violations(wire, model=model, vertex=vertex)

        assert bool(broken) == bool(problem), (settings, problem, broken)
        accepted += not problem

    assert accepted >= 10
