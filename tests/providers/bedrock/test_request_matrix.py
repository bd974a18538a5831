"""Every combination of settings on each generation and family: what is sent is valid, and what is refused is not."""

from itertools import product
from typing import Any, NamedTuple

import msgspec
import pytest
from builders.bedrock import request_body
from builders.messages import HI, assistant, user
from validators import bedrock

from rayconteur.providers.bedrock.dialect import Dialect
from rayconteur.providers.bedrock.rules import check_settings
from rayconteur.providers.schema.content import Document, Image, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.errors import InvalidConfig
from rayconteur.providers.schema.messages import Message, Origin
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice

Json = dict[str, Any]

MODELS = (
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "us.anthropic.claude-opus-4-1-20250805-v1:0",
    "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "global.anthropic.claude-opus-4-5-20251101-v1:0",
    "us.anthropic.claude-sonnet-4-6",
    "us.anthropic.claude-opus-4-7",
    "us.anthropic.claude-opus-4-8",
    "global.anthropic.claude-sonnet-5",
    "global.anthropic.claude-opus-5",
    "global.anthropic.claude-fable-5-1",
    "global.anthropic.claude-opus-5-5",
    "jp.anthropic.claude-sonnet-5-5",
    "us.anthropic.claude-haiku-5-5",
    "us.amazon.nova-pro-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "openai.gpt-oss-120b-1:0",
    "us.openai.gpt-5.4",
    "us.openai.gpt-6-sol",
    "us.openai.gpt-6-astra",
    "us.xai.grok-4.7",
    "us.deepseek.r1-v1:0",
    "us.deepseek.v3.2",
    "qwen.qwen3-32b-v1:0",
    "zai.glm-5",
    "us.zai.glm-5.3",
    "us.moonshotai.kimi-k3.1",
    "us.meta.llama3-3-70b-instruct-v1:0",
)
FLY = Tool(name="fly", input_schema={"type": "object", "properties": {}, "additionalProperties": False})
GROUNDING = ProviderTool(provider="bedrock", definition={"systemTool": {"name": "nova_grounding"}})
SCHEMA: Json = {"type": "object", "properties": {}, "additionalProperties": False}

THINKING = (
    None,
    Reasoning(),
    Reasoning(show=False),
    *(Reasoning(effort=effort) for effort in ("none", "minimal", "low", "high", "xhigh", "max")),
    Reasoning(budget_tokens=2_000),
    Reasoning(budget_tokens=2_000, effort="high"),
)
CHOICES = (
    None,
    ToolChoice(),
    ToolChoice(mode="none"),
    ToolChoice(mode="required"),
    ToolChoice(mode="tool", name="fly", parallel=False),
)
SAMPLING: tuple[Json, ...] = (
    {},
    {"temperature": 1.0},
    {"temperature": 0.5},
    {"top_p": 0.9},
    {"top_k": 5},
    {"max_output_tokens": 4_000},
)
TOOLS = ((FLY,), (msgspec.structs.replace(FLY, strict=True),), (FLY, GROUNDING), ())
OTHERS: tuple[Json, ...] = (
    {},
    {"output_schema": SCHEMA},
    {"prompt_caching": False, "service_tier": "flex"},
    {"prompt_cache_ttl": "5m", "metadata": {"team": "birds"}},
    {"prompt_cache_ttl": "1h", "stop_sequences": ("END",)},
)
USE = ToolUse(id="a", name="fly", input={})


class Case(NamedTuple):
    """Settings, and the history that they are sent with."""

    settings: Settings
    messages: tuple[Message, ...]


def histories(source: str) -> tuple[tuple[Message, ...], ...]:
    """A question, one after media, and one in the middle of a turn with thinking and a tool."""
    signed = Thinking(text="", provider="bedrock", signature="c2ln")
    answer = msgspec.structs.replace(assistant(signed, USE, turn=2), origin=Origin(source=source))
    media = (Image(data=b"x", media_type="image/png"), Document(data=b"x", media_type="application/pdf", name="a"))
    result = ToolResult(tool_use_id="a", content=(Text("done"),), structured={"done": True})
    return (
        (user(HI),),
        (user(HI, *media), assistant(HI), user(HI, turn=2)),
        (user(HI), assistant(HI), user(HI, turn=2), answer, user(result, turn=2)),
    )


def cases() -> list[Case]:
    """All combinations of thinking, tool choice and sampling, each with some of the others."""
    found: list[Case] = []
    for number, (thinking, choice, sampling) in enumerate(product(THINKING, CHOICES, SAMPLING)):
        tools, other = TOOLS[number % len(TOOLS)], OTHERS[number % len(OTHERS)]
        settings = Settings(system="Be brief.", thinking=thinking, tools=tools, **sampling, **other)
        if tools:
            settings = msgspec.structs.replace(settings, tool_choice=choice)
        found.append(Case(settings, histories("here")[number % 3]))
    return found


def has_no_form(field: str, dialect: Dialect, settings: Settings) -> bool:
    """True if *field* is something that there is no form for, so that nothing invalid could be sent."""
    match field:
        case "thinking" | "thinking.effort" | "thinking.budget_tokens":
            return True  # which forms there are is tested one by one
        case "tool_choice.mode" | "tool_choice.parallel":
            return "claude" not in dialect.model and settings.tool_choice != ToolChoice(mode="required")
        case "top_k":
            return "claude" not in dialect.model
        case "prompt_cache_ttl":
            return not dialect.traits.caches
        case _:
            return False


def refusal_of(settings: Settings, dialect: Dialect) -> InvalidConfig | None:
    """Why *settings* are refused, ``None`` if they are not."""
    try:
        check_settings(settings, dialect)
    except InvalidConfig as refusal:
        return refusal
    return None


@pytest.mark.parametrize("model", MODELS)
def test_what_is_sent_is_valid_and_what_is_refused_is_not(model: str) -> None:
    dialect = Dialect(model, source="here")
    accepted = 0

    for settings, messages in cases():
        body = request_body(*messages, settings=settings, dialect=dialect)
        broken = bedrock.violations(body, model)
        refused = refusal_of(settings, dialect)
        accepted += refused is None
        if refused is None:
            assert broken == [], settings
        else:
            assert broken or has_no_form(refused.field, dialect, settings), (refused, settings)

    assert accepted > 0
