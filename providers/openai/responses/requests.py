"""Requests to OpenAI's Responses API: https://platform.openai.com/docs/api-reference/responses/create.

Nothing is stored with the provider: each request brings the whole history.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from ...schema.errors import InvalidConfig
from ...schema.request import Reasoning, Request, Settings
from ...schema.tools import Tool
from ...wire.cache_points import system_text
from ...wire.extra_body import merged
from ...wire.request_body import json_body, members, schema_json, tool_definition, tool_members
from ...wire.settings_rules import OPTIONAL_SETTINGS, SettingsRules
from .. import model_rules
from ..api_choice import RESPONSES_MIN_OUTPUT_TOKENS
from ..config import ReasoningOptions
from ..dialect import Dialect
from ..rules import TOOL_NAMES, label_members, schema_format
from ..tools import responses_choice
from .input_items import input_items

_SAME_NAMES = ("temperature", "top_p", "prompt_cache_key", "metadata", "service_tier")
OWN_MEMBERS = frozenset(
    {
        *_SAME_NAMES,
        "input",
        "instructions",
        "max_output_tokens",
        "model",
        "parallel_tool_calls",
        "prompt_cache_options.ttl",
        "reasoning.context",
        "reasoning.effort",
        "reasoning.mode",
        "reasoning.summary",
        "safety_identifier",
        "stream",
        "text.verbosity",
        "tool_choice",
        "tools",
        "user",
    }
)
"""The members that ``extra_body`` may not set."""

LISTS = ("include",)
"""The members to which entries of ``extra_body`` are added."""

_ENCRYPTED_THINKING = "reasoning.encrypted_content"
_NO_OPTIONS = ReasoningOptions()
_HAS_CHAT = "Chat Completions (api='chat') have it"
_COMPATIBLE_RULES = SettingsRules(
    api="the Responses API",
    absent={
        "top_k": "use top_p",
        **dict.fromkeys(("frequency_penalty", "presence_penalty", "seed", "stop_sequences"), _HAS_CHAT),
    },
    takes_thinking_budget=False,
    present=frozenset(OPTIONAL_SETTINGS),
    strict_tools=True,
    deferred_tools=True,
    limits_tool_choice=True,
)
_OWN_RULES = replace(_COMPATIBLE_RULES, tool_names=TOOL_NAMES)
_NAMES: dict[str, str] = {name: name for name in _SAME_NAMES}
_Object = dict[str, Any]


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    model_rules.check_settings(settings, dialect, _OWN_RULES if dialect.own else _COMPATIBLE_RULES)
    if settings.output_schema is not None and "format" in (dialect.extra_body or {}).get("text", {}):
        raise InvalidConfig("output_schema", "provider.extra_body has a text.format of its own; give one of them")
    limit = settings.max_output_tokens
    if dialect.own and limit is not None and limit < RESPONSES_MIN_OUTPUT_TOKENS:
        raise InvalidConfig("max_output_tokens", f"the Responses API takes {RESPONSES_MIN_OUTPUT_TOKENS} or more")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    return json_body(_head(request.settings, dialect, streaming), "input", input_items(request, dialect))


def _head(settings: Settings, dialect: Dialect, streaming: bool) -> _Object:
    """Everything but the messages."""
    head: _Object = {"model": dialect.sent_model, "stream": streaming, "store": False}
    if system := system_text(settings.system):
        head["instructions"] = system
    if settings.max_output_tokens is not None:
        head["max_output_tokens"] = settings.max_output_tokens
    head |= tool_members(settings, _tool, partial(responses_choice, settings.tools))
    head |= members(settings, _NAMES)
    head |= label_members(settings, dialect.own)
    if reasoning := _reasoning_member(settings.thinking, dialect):
        head["reasoning"] = reasoning
    if text := _text_member(settings):
        head["text"] = text
    head = merged(head, dialect.extra_body)
    if _wants_encrypted_thinking(settings.thinking, dialect):
        head["include"] = [
            _ENCRYPTED_THINKING,
            *(name for name in head.get("include", ()) if name != _ENCRYPTED_THINKING),
        ]
    return head


def _wants_encrypted_thinking(thinking: Reasoning | None, dialect: Dialect) -> bool:
    """True for a model that thinks, or is asked to. Others reject that: "Encrypted content is not supported"."""
    thinks = dialect.known.thinks
    return bool(thinks) or (thinks is None and thinking is not None and thinking.effort != "none")


def _reasoning_member(thinking: Reasoning | None, dialect: Dialect) -> _Object:
    options = dialect.reasoning
    member: _Object = {} if options == _NO_OPTIONS else msgspec.to_builtins(options)
    if thinking is None:
        return member
    if effort := dialect.effort(thinking):
        member["effort"] = effort
    if thinking.show and thinking.effort != "none":
        member.setdefault("summary", "auto")
    else:
        member.pop("summary", None)
    return member


def _text_member(settings: Settings) -> _Object:
    text: _Object = {}
    if settings.output_schema is not None:
        text["format"] = {"type": "json_schema", **schema_format(settings.output_schema)}
    if settings.verbosity is not None:
        text["verbosity"] = settings.verbosity
    return text


def _tool(tool: Tool) -> _Object:
    # Without "strict", this API takes every schema for one of the strict subset, if it can.
    schema = {"parameters": schema_json(tool), "strict": tool.strict}
    deferred = {"defer_loading": True} if tool.deferred else {}
    return {"type": "function", **tool_definition(tool, schema), **deferred}
