"""Requests to Google's generateContent: https://ai.google.dev/api/generate-content."""

from typing import Any

import msgspec

from ..schema.request import Request, Settings
from ..schema.tools import Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from ..wire.request_body import members, tool_definition, tool_members
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
    encoded = request.memo.forms(messages, dialect, Parts(messages, dialect.media, dialect.signs).of)
    head = _head(request.settings)
    opening = _json(head)[:-1] + b"," if head else b"{"
    return b"".join((opening, b'"contents":[', *alternating_messages(messages, encoded, _OPENINGS), b"]}"))


def _head(settings: Settings) -> _Object:
    """Everything but the messages."""
    head: _Object = {}
    if settings.system:
        head["systemInstruction"] = {"parts": [{"text": settings.system}]}
    if tools := tool_members(settings, _tool, _tool_choice):
        head["tools"] = [{"functionDeclarations": tools.pop("tools")}]
        head |= tools
    if config := _generation_config(settings):
        head["generationConfig"] = config
    return head


def _generation_config(settings: Settings) -> _Object:
    config = members(settings, _NUMBERS)
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
    return tool_definition(tool, {"parametersJsonSchema": tool.input_schema})


def _tool_choice(choice: ToolChoice) -> _Object:
    allowed = {"allowedFunctionNames": [choice.name]} if choice.mode == "tool" else {}
    return {"toolConfig": {"functionCallingConfig": {"mode": _MODES[choice.mode], **allowed}}}
