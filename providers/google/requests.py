"""Requests to Google's generateContent: https://ai.google.dev/api/generate-content."""

from typing import Any

import msgspec

from ..schema.request import Request, Settings
from ..schema.tools import Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from .content import Parts
from .rules import Dialect

_MODES = {"auto": "AUTO", "required": "ANY", "tool": "ANY", "none": "NONE"}
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


def body(request: Request, dialect: Dialect) -> bytes:
    """The body of *request*, streamed or not. Each message is encoded once in the life of ``request.memo``."""
    messages = request.messages
    forms = request.memo.forms(messages, dialect, Parts(messages, dialect.media, dialect.signs).of)
    given = _head(request.settings)
    head = _json(given)[:-1] + b"," if given else b"{"
    return b"".join((head, b'"contents":[', *alternating_messages(messages, forms, _OPENINGS), b"]}"))


def _head(settings: Settings) -> _Object:
    """Everything but the messages."""
    given: _Object = {}
    if settings.system:
        given["systemInstruction"] = {"parts": [{"text": settings.system}]}
    if settings.tools:
        given["tools"] = [{"functionDeclarations": [_tool(tool) for tool in settings.tools]}]
        if settings.tool_choice is not None:
            given["toolConfig"] = {"functionCallingConfig": _tool_choice(settings.tool_choice)}
    if config := _generation_config(settings):
        given["generationConfig"] = config
    return given


def _generation_config(settings: Settings) -> _Object:
    numbers = {theirs: getattr(settings, ours) for ours, theirs in _NUMBERS.items()}
    config: _Object = {name: number for name, number in numbers.items() if number is not None}
    if settings.stop_sequences:
        config["stopSequences"] = settings.stop_sequences
    if settings.output_schema is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": settings.output_schema}
    if settings.thinking is not None:
        thinking: _Object = {"includeThoughts": True}
        if settings.thinking.budget_tokens is not None:
            thinking["thinkingBudget"] = settings.thinking.budget_tokens
        if settings.thinking.effort is not None:
            thinking["thinkingLevel"] = settings.thinking.effort.upper()
        config["thinkingConfig"] = thinking
    return config


def _tool(tool: Tool) -> _Object:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, "parametersJsonSchema": tool.input_schema}


def _tool_choice(choice: ToolChoice) -> _Object:
    named = {"allowedFunctionNames": [choice.name]} if choice.mode == "tool" else {}
    return {"mode": _MODES[choice.mode], **named}
