"""Requests to Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from ..claude.output_limits import default_output_tokens
from ..claude.thinking import check_thinking, effort_level, thinking_member
from ..schema.content import Document, Image, Text, ToolResult, ToolUse
from ..schema.facts import ModelFacts
from ..schema.messages import Message, Role
from ..schema.request import Request, Settings
from ..schema.tools import Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from ..wire.cache_points import cache_points
from ..wire.media import MediaRules
from ..wire.request_body import members, tool_definition, tool_members
from ..wire.settings_rules import SettingsRules, ToolNames
from .content import MEDIA, TOOL_NAME, each_block, wire_blocks

_RULES = SettingsRules(
    api="Anthropic",
    absent=dict.fromkeys(("frequency_penalty", "presence_penalty", "seed"), ""),
    max_temperature=1,
    tool_names=ToolNames(TOOL_NAME.fits, TOOL_NAME.form),
    efforts=("none", "low", "medium", "high", "xhigh", "max"),
)
_MODES = {"auto": "auto", "required": "any", "none": "none", "tool": "tool"}
_NUMBERS = {name: name for name in ("temperature", "top_p", "top_k")}
_OPENINGS = message_openings(user="user", assistant="assistant", content="content")
# https://platform.claude.com/docs/en/build-with-claude/prompt-caching: at most four in a request, none on thinking. A
# prefix that is too short to be cached is ignored.
_MARK = {"cache_control": {"type": "ephemeral"}}
_MARK_JSON = b',"cache_control":{"type":"ephemeral"}}'
_MARKED = (Text, Image, Document, ToolUse, ToolResult)
_UNKNOWN = ModelFacts()
_json = msgspec.json.encode


@dataclass(frozen=True)
class Dialect:
    """What shapes requests to *model*, about which *facts* are known."""

    model: str
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def media(self) -> MediaRules:
        """The images and documents that the model takes."""
        return MEDIA.of(self.facts)


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    _RULES.check(settings, dialect.model, dialect.facts)
    check_thinking(settings, dialect.model, dialect.facts)


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    media, messages, settings = dialect.media, request.messages, request.settings
    encoded = request.memo.forms(messages, dialect, lambda message: wire_blocks(message.content, media))
    head = _head(settings, dialect, streaming)
    if head.get("thinking", {}).get("type") == "enabled" and not _may_think(messages, media):
        del head["thinking"]
    if settings.prompt_caching:
        encoded = list(encoded)
        for index in cache_points(messages, _can_be_marked):
            encoded[index] = encoded[index][:-1] + _MARK_JSON
    pieces = alternating_messages(messages, encoded, _OPENINGS)
    return b"".join((_json(head)[:-1], b',"messages":[', *pieces, b"]}"))


def _head(settings: Settings, dialect: Dialect, streaming: bool) -> dict[str, Any]:
    """Everything but the messages."""
    head: dict[str, Any] = {
        "model": dialect.model,
        "max_tokens": settings.max_output_tokens or default_output_tokens(settings, dialect.facts),
        "stream": streaming,
    }
    mark = _MARK if settings.prompt_caching else {}
    if settings.system:
        head["system"] = [{"type": "text", "text": settings.system, **mark}] if mark else settings.system
    head |= tool_members(settings, _tool, _tool_choice)
    if settings.tools and not settings.system:  # tools come before the system prompt, so its mark covers them too
        head["tools"][-1] |= mark
    head |= members(settings, _NUMBERS)
    if settings.stop_sequences:
        head["stop_sequences"] = settings.stop_sequences
    if thinking := thinking_member(settings.thinking, dialect.facts):
        head["thinking"] = thinking
    return head | _output_config(settings)


def _output_config(settings: Settings) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if effort := effort_level(settings.thinking):
        config["effort"] = effort
    if settings.output_schema is not None:
        config["format"] = {"type": "json_schema", "schema": settings.output_schema}
    return {"output_config": config} if config else {}


def _tool(tool: Tool) -> dict[str, Any]:
    return tool_definition(tool, {"input_schema": tool.input_schema})


def _tool_choice(choice: ToolChoice) -> dict[str, Any]:
    wire_choice: dict[str, Any] = {"type": _MODES[choice.mode]}
    if choice.mode == "tool":
        wire_choice["name"] = choice.name
    if not choice.parallel and choice.mode != "none":
        wire_choice["disable_parallel_tool_use"] = True
    return {"tool_choice": wire_choice}


def _can_be_marked(message: Message) -> bool:
    last = message.content[-1] if message.content else None
    return isinstance(last, _MARKED) and not (isinstance(last, Text) and not last.text.strip())


def _may_think(messages: Sequence[Message], media: MediaRules) -> bool:
    """True if the next answer may think with a budget.

    One that continues from tool results may only if the one before it did. Adaptive thinking has no such rule:
    https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking.
    """
    for index in reversed(range(len(messages))):
        message = messages[index]
        if any(isinstance(block, ToolResult) for block in message.content):
            first = next(each_block(messages[index - 1].content, media))
            return isinstance(first, Mapping) and first["type"] in ("thinking", "redacted_thinking")
        if message.role is Role.ASSISTANT and any(True for _ in each_block(message.content, media)):
            return True
    return True
