"""Requests to Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from ..schema.content import Document, Image, Text, ToolResult, ToolUse
from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.messages import Message, Role
from ..schema.request import Request, Settings
from ..schema.tools import Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from ..wire.media import MediaRules
from ..wire.model_abilities import check_abilities
from .content import MEDIA, TOOL_NAME, each_block, wire_blocks

MAX_OUTPUT_TOKENS = 8_192
"""What an answer may have where the settings don't say: the API wants a number, and every current model takes this one.

A thinking budget comes on top, because the API counts it in.
"""

_LEAST_BUDGET_TOKENS = 1_024
_LEAST_TOP_P_THINKING = 0.95
_MODES = {"auto": "auto", "required": "any", "none": "none", "tool": "tool"}
_ABSENT = ("frequency_penalty", "presence_penalty", "seed")
_OPENINGS = message_openings(user="user", assistant="assistant", content="content")
# https://platform.claude.com/docs/en/build-with-claude/prompt-caching: at most four in a request, none on thinking. A
# prefix that is too short to be kept is passed over.
_MARK = {"cache_control": {"type": "ephemeral"}}
_MARK_JSON = b',"cache_control":{"type":"ephemeral"}}'
_MARKED = (Text, Image, Document, ToolUse, ToolResult)
_UNKNOWN = ModelFacts()
_json = msgspec.json.encode


@dataclass(frozen=True)
class Dialect:
    """The API as it is spoken with *model*, of which *facts* are known."""

    model: str
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def media(self) -> MediaRules:
        """What images and documents are taken."""
        return MEDIA.of(self.facts)


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Refuse what the API would refuse, and what the model can't do.

    Raises:
        InvalidConfig: the field is named.
    """
    if settings.temperature is not None and settings.temperature > 1:
        raise InvalidConfig("temperature", "Anthropic takes 0 to 1")
    for name in _ABSENT:
        if getattr(settings, name) is not None:
            raise InvalidConfig(name, "Anthropic has none")
    for number, tool in enumerate(settings.tools):
        if not TOOL_NAME.fits(tool.name):
            raise InvalidConfig(f"tools[{number}].name", "Anthropic takes up to 128 of a-z, A-Z, 0-9, _ and -")
    if settings.thinking is not None and settings.thinking.effort == "minimal":
        raise InvalidConfig("thinking.effort", "Anthropic takes low, medium, high, xhigh and max")
    if settings.thinking is not None and settings.thinking.budget_tokens is not None:
        _check_budget(settings, settings.thinking.budget_tokens)
    check_abilities(settings, dialect.model, dialect.facts)


def _check_budget(settings: Settings, budget_tokens: int) -> None:
    """https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility."""
    if budget_tokens < _LEAST_BUDGET_TOKENS:
        raise InvalidConfig("thinking.budget_tokens", f"Anthropic takes {_LEAST_BUDGET_TOKENS} or more")
    if settings.max_output_tokens is not None and budget_tokens >= settings.max_output_tokens:
        raise InvalidConfig("thinking.budget_tokens", "it must be less than max_output_tokens")
    if settings.temperature not in (None, 1):
        raise InvalidConfig("temperature", "Anthropic takes none but 1 with a thinking budget")
    if settings.top_k is not None:
        raise InvalidConfig("top_k", "Anthropic takes none with a thinking budget")
    if settings.top_p is not None and settings.top_p < _LEAST_TOP_P_THINKING:
        raise InvalidConfig("top_p", f"Anthropic takes {_LEAST_TOP_P_THINKING} to 1 with a thinking budget")
    if settings.tool_choice is not None and settings.tool_choice.mode in ("required", "tool"):
        raise InvalidConfig("tool_choice", "Anthropic takes auto and none with a thinking budget")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    media, messages, settings = dialect.media, request.messages, request.settings
    forms = request.memo.forms(messages, dialect, lambda message: wire_blocks(message.content, media))
    given = _head(settings, dialect.model, streaming)
    if not _may_think(messages, media):
        given.pop("thinking", None)
    if settings.prompt_caching:
        forms = _marked(messages, forms)
    return b"".join((_json(given)[:-1], b',"messages":[', *alternating_messages(messages, forms, _OPENINGS), b"]}"))


def _head(settings: Settings, model: str, streaming: bool) -> dict[str, Any]:
    """Everything but the messages."""
    given: dict[str, Any] = {
        "model": model,
        "max_tokens": settings.max_output_tokens or _default_max_tokens(settings),
        "stream": streaming,
    }
    mark = _MARK if settings.prompt_caching else {}
    if settings.system:
        given["system"] = [{"type": "text", "text": settings.system, **mark}] if mark else settings.system
    if settings.tools:
        tools = [_tool(tool) for tool in settings.tools]
        if not settings.system:  # else the mark there is for the tools, too: they come before it
            tools[-1] |= mark
        given["tools"] = tools
        if settings.tool_choice is not None:
            given["tool_choice"] = _tool_choice(settings.tool_choice)
    for name in ("temperature", "top_p", "top_k"):
        if (number := getattr(settings, name)) is not None:
            given[name] = number
    if settings.stop_sequences:
        given["stop_sequences"] = settings.stop_sequences
    if settings.thinking is not None and settings.thinking.budget_tokens is not None:
        given["thinking"] = {"type": "enabled", "budget_tokens": settings.thinking.budget_tokens}
    return given | _output_config(settings)


def _output_config(settings: Settings) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if settings.thinking is not None and settings.thinking.effort is not None:
        given["effort"] = settings.thinking.effort
    if settings.output_schema is not None:
        given["format"] = {"type": "json_schema", "schema": settings.output_schema}
    return {"output_config": given} if given else {}


def _default_max_tokens(settings: Settings) -> int:
    budget = settings.thinking.budget_tokens if settings.thinking is not None else None
    return MAX_OUTPUT_TOKENS + (budget or 0)


def _tool(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "input_schema": tool.input_schema}


def _tool_choice(choice: ToolChoice) -> dict[str, Any]:
    given: dict[str, Any] = {"type": _MODES[choice.mode]}
    if choice.mode == "tool":
        given["name"] = choice.name
    if not choice.parallel and choice.mode != "none":
        given["disable_parallel_tool_use"] = True
    return given


def _marked(messages: Sequence[Message], forms: Sequence[bytes]) -> list[bytes]:
    """*forms* with marks behind what was said before this turn, and behind what tools said in it.

    The provider keeps everything up to a mark, and the next request begins with it: so a turn with many tools pays for
    each step once.
    """
    turn = messages[-1].turn if messages else 0
    before = next((at for at in range(len(messages), 0, -1) if messages[at - 1].turn != turn), 0)
    ends = [before, len(messages)] if len(messages) - before > 1 else [before]
    found = (next((at for at in range(end - 1, -1, -1) if _can_be_marked(messages[at])), None) for end in ends)
    marked = list(forms)
    for at in {at for at in found if at is not None}:
        marked[at] = marked[at][:-1] + _MARK_JSON
    return marked


def _can_be_marked(message: Message) -> bool:
    last = message.content[-1] if message.content else None
    return isinstance(last, _MARKED) and not (isinstance(last, Text) and not last.text.strip())


def _may_think(messages: Sequence[Message], media: MediaRules) -> bool:
    """Whether the next answer may think: one that goes on from tool results may only if the one before it did."""
    for at in reversed(range(len(messages))):
        if any(isinstance(block, ToolResult) for block in messages[at].content):
            first = next(each_block(messages[at - 1].content, media))
            return isinstance(first, Mapping) and first["type"] in ("thinking", "redacted_thinking")
        if messages[at].role is Role.ASSISTANT and any(True for _ in each_block(messages[at].content, media)):
            return True
    return True
