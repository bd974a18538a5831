"""Every combination of settings for each Claude model: what is refused beforehand is what the documentation refuses.

The validator has the documented rules in a table of its own.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
import pytest
from builders.messages import assistant, user
from validators.anthropic import violations
from validators.anthropic_models import MODELS

from rayconteur.providers.anthropic.requests import Dialect, body
from rayconteur.providers.anthropic.rules import check_settings
from rayconteur.providers.claude.models import claude_facts
from rayconteur.providers.schema.content import Document, Image, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Prompt, Reasoning, Request, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

CLOSED: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
FLY, SIT = Tool(name="fly"), Tool(name="sit", input_schema=CLOSED, strict=True)
SEARCH = ProviderTool(provider="anthropic", definition={"type": "web_search_20260318", "name": "web_search"})
LATER = Tool(name="caw", deferred=True)

THINKING = [
    None,
    Reasoning(),
    Reasoning(show=False),
    Reasoning(effort="none"),
    Reasoning(effort="low"),
    Reasoning(effort="high"),
    Reasoning(effort="xhigh"),
    Reasoning(effort="max"),
    Reasoning(budget_tokens=2_000),
    Reasoning(budget_tokens=2_000, effort="high"),
]
SAMPLING: list[dict[str, Any]] = [
    {},
    {"temperature": 0.5},
    {"temperature": 1},
    {"top_p": 0.5},
    {"top_k": 5},
    {"temperature": 1, "top_p": 0.99},
]
TOOLS: list[dict[str, Any]] = [
    {},
    {"tools": (FLY,)},
    {"tools": (FLY, SEARCH, LATER), "tool_choice": ToolChoice(parallel=False)},
    {"tools": (FLY,), "tool_choice": ToolChoice(mode="required")},
    {"tools": (FLY,), "tool_choice": ToolChoice(mode="tool", name="fly")},
    {"tools": (FLY,), "tool_choice": ToolChoice(mode="none")},
    {"tools": (SIT,)},
]
OTHERS: list[dict[str, Any]] = [
    {"system": "Be brief."},
    {"output_schema": CLOSED, "prompt_caching": False},
    {
        "system": "Be brief.",
        "prompt_cache_ttl": "1h",
        "user": "a1b2",
        "service_tier": "auto",
        "max_output_tokens": 8_000,
    },
]

PDF = Document(data=b"%PDF", media_type="application/pdf", name="ravens.pdf", cite=True)
SIGNED = Thinking(text="", provider="anthropic", signature="s")
HISTORY = (
    user(Text("Look."), Image(url="https://example.org/raven.png"), PDF),
    assistant(SIGNED, Text("I fly."), ToolUse(id="a", name="fly", input={})),
    user(ToolResult(tool_use_id="a", content=(Image(data=b"png", media_type="image/png"),)), turn=2),
)


def dialect_of(model: str) -> Dialect:
    return Dialect(model, claude_facts(model))


def settings_of(thinking: Reasoning | None) -> Iterator[Settings]:
    for sampling, tools, others in product(SAMPLING, TOOLS, OTHERS):
        yield Settings(thinking=thinking, **{**sampling, **tools, **others})


def request_body(dialect: Dialect, settings: Settings, messages: tuple[Message, ...] = HISTORY) -> dict[str, Any]:
    first = Prompt(system="You are a raven.", tools=settings.tools and (FLY,))
    prompts = (first, Prompt(start=2, system=settings.system, tools=settings.tools))
    request = Request(1, messages, settings, prompts=prompts)
    return msgspec.json.decode(body(request, dialect, True), type=dict[str, Any])


def refused_field(settings: Settings, dialect: Dialect) -> str:
    """The field of *settings* that is refused, without what is inside it; empty if none is."""
    try:
        check_settings(settings, dialect)
    except InvalidConfig as error:
        return re.split(r"[.[]", error.field)[0]
    return ""


def has_no_form(model: str, thinking: Reasoning | None) -> bool:
    """True if the documentation of *model* has no form for *thinking*, so that it can't even be written down."""
    types = MODELS[model].thinking.split()
    if thinking is None:
        return False
    if thinking.effort == "none":
        return bool(types) and not {"disabled", "between_tools"} & set(types)
    if thinking.budget_tokens is None and thinking.effort is None:
        return "adaptive" not in types
    return False


@pytest.mark.parametrize("thinking", THINKING, ids=repr)
@pytest.mark.parametrize("model", MODELS)
def test_settings_are_refused_if_and_only_if_the_documentation_refuses_them(
    model: str, thinking: Reasoning | None
) -> None:
    dialect = dialect_of(model)

    for settings in settings_of(thinking):
        problems = violations(request_body(dialect, settings), dialect.headers)
        refused = refused_field(settings, dialect)
        assert bool(refused) is bool(problems or has_no_form(model, thinking)), (settings, refused, problems)


@pytest.mark.parametrize("model", MODELS)
def test_each_refusal_names_a_field_of_the_settings(model: str) -> None:
    dialect = dialect_of(model)

    fields = {refused_field(settings, dialect) for thinking in THINKING for settings in settings_of(thinking)}

    assert fields - {""} <= {"output_schema", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"}


@pytest.mark.parametrize("model", MODELS)
def test_models_that_check_their_thinking_get_it_back_with_the_prompts_appended(model: str) -> None:
    dialect = dialect_of(model)
    sent = request_body(dialect, Settings(system="Be brief.", tools=(FLY, Tool(name="sit"))))

    roles = [message["role"] for message in sent["messages"]]

    assert sent["messages"][1]["content"][0] == {"type": "thinking", "thinking": "", "signature": "s"}
    assert ("system" in roles) is MODELS[model].system_messages
    assert sent["system"][0]["text"] == ("You are a raven." if "system" in roles else "Be brief.")
