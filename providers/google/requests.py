"""Requests to Google's generateContent: https://ai.google.dev/api/generate-content."""

import re
from collections.abc import Iterator
from itertools import chain, product
from typing import Any

import msgspec

from ..schema.request import Reasoning, Request, Settings
from ..schema.tools import ProviderTool, Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from ..wire.cache_points import system_text
from ..wire.extra_body import merged
from ..wire.request_body import members, schema_json, tool_definition
from .config import Google
from .content import Parts
from .models import BUDGET, EFFORT_BUDGETS, LEVEL
from .rules import Dialect

_MODES = {"auto": "AUTO", "required": "ANY", "tool": "ANY", "none": "NONE", "validated": "VALIDATED"}
_NUMBERS = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_output_tokens": "maxOutputTokens",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
}
_OPENINGS = message_openings(user="user", assistant="model", content="parts")
_json = msgspec.json.encode
_Object = dict[str, Any]


def _spellings(path: str) -> Iterator[str]:
    """*path* as the API also accepts it: ``generationConfig.top_p``."""
    parts = [(name, re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)) for name in path.split(".")]
    return map(".".join, product(*parts))


_OWN_MEMBERS = (
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig.functionCallingConfig.mode",
    "toolConfig.functionCallingConfig.allowedFunctionNames",
    "safetySettings",
    "cachedContent",
    "labels",
    "serviceTier",
    "generationConfig.candidateCount",  # only the first candidate is read
    "generationConfig.mediaResolution",
    "generationConfig.responseJsonSchema",
    "generationConfig.responseMimeType",
    "generationConfig.responseSchema",
    "generationConfig.stopSequences",
    "generationConfig.thinkingConfig",
    *(f"generationConfig.{name}" for name in _NUMBERS.values()),
)
# The API does not take both spellings of an object: further members go into the one that is sent.
_OTHER_SPELLINGS = ("generation_config", "tool_config")
OWN_MEMBERS = frozenset((*_OTHER_SPELLINGS, *chain.from_iterable(map(_spellings, _OWN_MEMBERS))))
"""The members of requests that ``extra_body`` may not set."""


def config_members(config: Google) -> _Object:
    """The members that *config* adds to each request."""
    own: _Object = {}
    if config.media_resolution is not None:
        own["generationConfig"] = {"mediaResolution": f"MEDIA_RESOLUTION_{config.media_resolution.upper()}"}
    if config.safety_settings is not None:
        own["safetySettings"] = config.safety_settings
    if config.cached_content is not None:
        own["cachedContent"] = config.cached_content
    if config.labels is not None:
        own["labels"] = config.labels
    return merged(own, config.extra_body)


def body(request: Request, dialect: Dialect) -> bytes:
    """The body of *request*, streamed or not. Each message is encoded once in the life of ``request.memo``."""
    messages = request.messages
    encoded = request.memo.forms(messages, dialect, Parts(messages, dialect.parts).of)
    head = merged(_head(request.settings, dialect), dialect.members)
    opening = _json(head)[:-1] + b"," if head else b"{"
    # Clients report that the API takes all parts of a message with tool results for the model's.
    pieces = alternating_messages(messages, encoded, _OPENINGS, results_apart=True, memo=request.memo)
    return b"".join((opening, b'"contents":[', *pieces, b"]}"))


def _head(settings: Settings, dialect: Dialect) -> _Object:
    """Everything but the messages."""
    head: _Object = {}
    if system := system_text(settings.system):
        head["systemInstruction"] = {"parts": [{"text": system}]}
    if settings.tools:
        head["tools"] = _tools(settings)
        if config := _tool_config(settings, dialect):
            head["toolConfig"] = config
    if config := _generation_config(settings, dialect):
        head["generationConfig"] = config
    if settings.service_tier is not None:
        head["serviceTier"] = settings.service_tier
    return head


def _tools(settings: Settings) -> list[_Object]:
    """The program's tools in one entry, and each of Google's own in another, in the order of the first of each."""
    entries: list[_Object] = []
    functions: list[_Object] = []
    for tool in settings.tools:
        if isinstance(tool, ProviderTool):
            entries.append(tool.definition)
            continue
        if not functions:
            entries.append({"functionDeclarations": functions})
        functions.append(_tool(tool))
    return entries


def _tool(tool: Tool) -> _Object:
    return tool_definition(tool, {"parametersJsonSchema": schema_json(tool)})


def _tool_config(settings: Settings, dialect: Dialect) -> _Object:
    config: _Object = {}
    kinds = {isinstance(tool, ProviderTool) for tool in settings.tools}
    if settings.tool_choice is not None and False in kinds:
        config["functionCallingConfig"] = _calling_config(settings.tool_choice)
    if len(kinds) > 1 and dialect.reports_tools:  # https://ai.google.dev/gemini-api/docs/tool-combination
        config["includeServerSideToolInvocations"] = True
    return config


def _calling_config(choice: ToolChoice) -> _Object:
    """The mode ``AUTO`` takes no names; ``VALIDATED`` leaves the model as much choice, and takes them."""
    names = [choice.name] if choice.name is not None else choice.allowed
    if not names:
        return {"mode": _MODES[choice.mode]}
    return {"mode": "VALIDATED" if choice.mode == "auto" else _MODES[choice.mode], "allowedFunctionNames": names}


def _generation_config(settings: Settings, dialect: Dialect) -> _Object:
    config = members(settings, _NUMBERS)
    if settings.stop_sequences:
        config["stopSequences"] = settings.stop_sequences
    if settings.output_schema is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": settings.output_schema}
    if settings.thinking is not None and (thinking := _thinking_config(settings.thinking, dialect)):
        config["thinkingConfig"] = thinking
    return config


def _thinking_config(thinking: Reasoning, dialect: Dialect) -> _Object:
    facts = dialect.rules.facts
    if thinking.effort == "none":
        return {} if facts.thinks is False else {BUDGET: 0}
    config: _Object = {"includeThoughts": True} if thinking.show else {}
    if thinking.budget_tokens is not None:
        config[BUDGET] = thinking.budget_tokens
    elif thinking.effort is not None:
        takes_levels = facts.thinking_types is None or LEVEL in facts.thinking_types
        budget = None if takes_levels else EFFORT_BUDGETS.get(thinking.effort)
        config |= {LEVEL: thinking.effort.upper()} if budget is None else {BUDGET: budget}
    return config or {"includeThoughts": False}
