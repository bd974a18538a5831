"""Requests to Cohere's v2 chat: https://docs.cohere.com/reference/chat."""

from functools import partial
from typing import Any

import msgspec

from ..schema.request import Reasoning, Request, Settings
from ..schema.tools import Tool, ToolChoice
from ..wire.cache_points import system_text
from ..wire.extra_body import merged
from ..wire.request_body import function_tool, json_body, members, tool_members
from .config import Cohere
from .content import wire_messages
from .rules import Dialect

_MODES = {"required": "REQUIRED", "none": "NONE"}
_MEMBERS = {
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
}
_json = msgspec.json.encode
_Object = dict[str, Any]

CHAT = "/v2/chat"
"""The path of requests."""

OWN_MEMBERS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "tools",
        "tool_choice",
        "strict_tools",
        "stop_sequences",
        "thinking",
        "response_format",
        "citation_options.mode",
        "safety_mode",
        "priority",
        *_MEMBERS.values(),
    }
)
"""The members of requests that ``extra_body`` may not set."""


def config_members(config: Cohere) -> _Object:
    """The members that *config* adds to each request."""
    own: _Object = {}
    if config.citation_mode is not None:
        own["citation_options"] = {"mode": config.citation_mode.upper()}
    if config.safety_mode is not None:
        own["safety_mode"] = config.safety_mode.upper()
    if config.priority is not None:
        own["priority"] = config.priority
    return merged(own, config.extra_body)


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    encoded = request.memo.forms(request.messages, dialect, partial(wire_messages, dialect.media))
    system = system_text(request.settings.system)
    first = [_json({"role": "system", "content": system})] if system else []
    head = merged(_head(request.settings, dialect, streaming), dialect.members)
    return json_body(head, "messages", [*first, *filter(None, encoded)])


def _head(settings: Settings, dialect: Dialect, streaming: bool) -> _Object:
    """Everything but the messages."""
    head: _Object = {"model": dialect.model, "stream": streaming}
    head |= tool_members(settings, function_tool, _tool_choice)
    if any(isinstance(tool, Tool) and tool.strict for tool in settings.tools):
        head["strict_tools"] = True
    if settings.stop_sequences:
        head["stop_sequences"] = settings.stop_sequences
    if settings.thinking is not None and (thinking := _thinking(settings.thinking, dialect)):
        head["thinking"] = thinking
    if settings.output_schema is not None:
        head["response_format"] = {"type": "json_object", "json_schema": settings.output_schema}
    return head | members(settings, _MEMBERS)


def _tool_choice(choice: ToolChoice) -> _Object:
    return {"tool_choice": _MODES[choice.mode]} if choice.mode in _MODES else {}


def _thinking(thinking: Reasoning, dialect: Dialect) -> _Object:
    """https://docs.cohere.com/docs/reasoning. A model that does not think needs no member to leave it out."""
    if thinking.effort == "none":
        return {} if dialect.rules.facts.thinks is False else {"type": "disabled"}
    budget = {} if thinking.budget_tokens is None else {"token_budget": thinking.budget_tokens}
    return {"type": "enabled", **budget}
