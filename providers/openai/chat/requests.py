"""Requests to Chat Completions: https://platform.openai.com/docs/api-reference/chat/create."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from ...schema.errors import InvalidConfig
from ...schema.request import Request, Settings
from ...schema.tools import Tool
from ...wire.cache_points import system_text
from ...wire.extra_body import merged
from ...wire.request_body import json_body, members, schema_json, tool_definition, tool_members
from ...wire.settings_rules import OPTIONAL_SETTINGS, SettingsRules
from .. import model_rules
from ..dialect import Dialect
from ..rules import (
    TOOL_NAMES,
    label_members,
    schema_format,
)
from ..tools import chat_choice
from .alternation import alternating
from .messages import NO_ANSWER, MessageEncoder

_ERROR = "Error: "
_SAME_NAMES = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "verbosity",
    "prompt_cache_key",
    "metadata",
    "service_tier",
)
OWN_MEMBERS = frozenset(
    {
        *_SAME_NAMES,
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "parallel_tool_calls",
        "prompt_cache_options.ttl",
        "reasoning_effort",
        "safety_identifier",
        "stop",
        "stream",
        "stream_options.include_usage",
        "tool_choice",
        "tools",
        "user",
    }
)
"""The members that ``extra_body`` may not set."""

_COMPATIBLE_RULES = SettingsRules(
    api="Chat Completions",
    absent={"top_k": "use top_p"},
    takes_thinking_budget=False,
    present=frozenset(OPTIONAL_SETTINGS),
    strict_tools=True,
    limits_tool_choice=True,
)
_OWN_RULES = replace(_COMPATIBLE_RULES, max_stop_sequences=4, tool_names=TOOL_NAMES)
_NAMES: dict[str, str] = {name: name for name in _SAME_NAMES}
_json = msgspec.json.encode
_Object = dict[str, Any]


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    model_rules.check_settings(settings, dialect, _OWN_RULES if dialect.own else _COMPATIBLE_RULES)
    if settings.output_schema is not None and "response_format" in (dialect.extra_body or {}):
        raise InvalidConfig("output_schema", "provider.extra_body has a response_format of its own; give one of them")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    encoded: Sequence[bytes]
    encoded = request.memo.forms(request.messages, dialect, MessageEncoder(dialect, request).items)
    if not dialect.own:
        encoded = alternating(request, encoded, "text", NO_ANSWER if dialect.needs.answers else None)
    system = system_text(request.settings.system)
    first = [_json({"role": "system", "content": system})] if system else []
    head = _head(request.settings, dialect, streaming)
    return json_body(head, "messages", [*first, *filter(None, encoded)])


def _head(settings: Settings, dialect: Dialect, streaming: bool) -> _Object:
    """Everything but the messages."""
    head: _Object = {"model": dialect.sent_model, "stream": streaming}
    if streaming and dialect.stream_options:
        head["stream_options"] = {"include_usage": True}
    if settings.max_output_tokens is not None:
        head[dialect.limit_word] = settings.max_output_tokens
    head |= tool_members(settings, _tool, partial(chat_choice, settings.tools))
    if settings.stop_sequences:
        head["stop"] = settings.stop_sequences
    if effort := dialect.effort(settings.thinking):
        head["reasoning_effort"] = effort
    if settings.output_schema is not None:
        head["response_format"] = {"type": "json_schema", "json_schema": schema_format(settings.output_schema)}
    return merged(head | members(settings, _NAMES) | label_members(settings, dialect.own), dialect.extra_body)


def _tool(tool: Tool) -> _Object:
    strict = {"strict": True} if tool.strict else {}
    return {"type": "function", "function": tool_definition(tool, {"parameters": schema_json(tool), **strict})}
