"""Recorded requests as our messages and settings, as far as these can express them.

The estimate of input tokens is measured on them.
"""

import json
from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from typing import Any

from servers.recordings import exchanges

from rayconteur.providers.schema.content import Block, Document, Image, Text, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Settings
from rayconteur.providers.schema.tools import Tool

RecordedRequest = tuple[list[Message], Settings, int]
"""A history, its settings, and the input tokens that the provider reported."""

_EXCLUDED_TAGS = {"server_tools", "structured", "audio", "video", "no_usage"}
"""Tags of records whose requests we cannot express, or whose token count is not that of the whole request."""


class Unsupported(Exception):
    """A request has content that our messages cannot express."""


@cache
def recorded_requests(file: str, api: str) -> tuple[RecordedRequest, ...]:
    """The requests of *api* in *file* that our messages can express."""
    return tuple(_convert_all(file, api))


def _convert_all(file: str, api: str) -> Iterator[RecordedRequest]:
    convert = _CONVERTERS[api]
    for exchange in exchanges(file, api):
        record, expected = exchange.record, exchange.expected
        usage = expected.usage if expected else None
        if not record["request"] or record.get("request_truncated") or _EXCLUDED_TAGS & set(record["tags"]):
            continue
        if usage is None or not usage.input_tokens or (file != "cohere" and usage.cache_read_tokens):
            continue
        try:
            messages, settings = convert(record["request"])
        except (Unsupported, KeyError, TypeError, AttributeError, ValueError):
            continue
        if messages:
            yield messages, settings, usage.input_tokens


def _anthropic(body: dict[str, Any]) -> tuple[list[Message], Settings]:
    _require_only(
        body, "model max_tokens messages stream system tools temperature tool_choice stop_sequences top_p metadata"
    )
    tools = [(tool["name"], tool.get("description"), tool["input_schema"]) for tool in body.get("tools", ())]
    messages = [_message(one["role"], _blocks(one["content"])) for one in body["messages"]]
    return messages, _settings(_text(body.get("system")), tools)


def _blocks(content: Any) -> Iterator[Block]:
    blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks:
        match block:
            case {"type": "text", "text": text}:
                yield Text(text)
            case {"type": "tool_use", "id": name, "name": tool, "input": tool_input}:
                yield ToolUse(name, tool, tool_input)
            case {"type": "tool_result", "tool_use_id": use}:
                parts = tuple(part for part in _blocks(block.get("content") or "") if isinstance(part, Text | Image))
                yield ToolResult(use, parts)
            case {"type": "image", "source": {"type": "base64", "data": data, "media_type": kind}}:
                yield Image(data=b64decode(data), media_type=kind)
            case {"type": "document", "source": {"type": "base64", "data": data, "media_type": kind}}:
                yield Document(data=b64decode(data), media_type=kind)
            case _:
                raise Unsupported


def _chat(body: dict[str, Any]) -> tuple[list[Message], Settings]:
    _require_only(
        body,
        "model messages stream stream_options tools tool_choice temperature max_tokens max_completion_tokens top_p"
        " parallel_tool_calls seed user n stop frequency_penalty presence_penalty store",
    )
    tools = [_function(tool["function"]) for tool in body.get("tools", ())]
    system = [one for one in body["messages"] if one["role"] in ("system", "developer")]
    messages = [_chat_message(one) for one in body["messages"] if one not in system]
    return messages, _settings("\n".join(_text(one["content"]) or "" for one in system), tools)


def _chat_message(one: dict[str, Any]) -> Message:
    if one["role"] == "tool":
        content = one["content"]
        text = content if isinstance(content, str) else json.dumps(content)
        return _message("user", [ToolResult(one["tool_call_id"], (Text(text),))])
    texts = [Text(_text(one.get("content") or one.get("tool_plan")) or "")]
    calls = (call["function"] for call in one.get("tool_calls") or ())
    uses = [ToolUse("", call["name"], json.loads(call["arguments"] or "{}")) for call in calls]
    return _message(one["role"], [*(block for block in texts if block.text), *uses])


def _function(function: dict[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    return function["name"], function.get("description"), function.get("parameters") or {}


def _google(body: dict[str, Any]) -> tuple[list[Message], Settings]:
    _require_only(body, "contents systemInstruction tools generationConfig safetySettings toolConfig")
    if {"responseSchema", "responseJsonSchema"} & set(body.get("generationConfig") or {}):
        raise Unsupported
    tools: list[tuple[str, str | None, dict[str, Any]]] = []
    for tool in body.get("tools", ()):
        _require_only(tool, "functionDeclarations")
        tools += [
            (one["name"], one.get("description"), one.get("parameters") or one.get("parametersJsonSchema") or {})
            for one in tool["functionDeclarations"]
        ]
    instruction: dict[str, Any] = body.get("systemInstruction") or {}
    system = "".join(part["text"] for part in instruction.get("parts", ()))
    messages = [_message(one.get("role", "user"), map(_part, one["parts"])) for one in body["contents"]]
    return messages, _settings(system, tools)


def _part(part: dict[str, Any]) -> Block:
    match part:
        case {"text": text}:
            return Text(text)
        case {"functionCall": {"name": name}}:
            return ToolUse("", name, part["functionCall"].get("args") or {})
        case {"functionResponse": {"response": response}}:
            return ToolResult("", (Text(json.dumps(response)),))
        case {"inlineData": {"mimeType": kind, "data": data}} if kind.startswith("image/"):
            return Image(data=b64decode(data), media_type=kind)
        case _:
            raise Unsupported


def _converse(body: dict[str, Any]) -> tuple[list[Message], Settings]:
    _require_only(body, "messages system inferenceConfig toolConfig")
    config: dict[str, Any] = body.get("toolConfig") or {}
    specs = [tool["toolSpec"] for tool in config.get("tools", ())]
    tools = [(spec["name"], spec.get("description"), spec["inputSchema"]["json"]) for spec in specs]
    messages = [_message(one["role"], map(_converse_block, one["content"])) for one in body["messages"]]
    return messages, _settings("".join(one["text"] for one in body.get("system") or ()), tools)


def _converse_block(block: dict[str, Any]) -> Block:
    match block:
        case {"text": text}:
            return Text(text)
        case {"toolUse": {"toolUseId": name, "name": tool, "input": tool_input}}:
            return ToolUse(name, tool, tool_input)
        case {"toolResult": {"toolUseId": use, "content": content}}:
            texts = (part["text"] if "text" in part else json.dumps(part) for part in content)
            return ToolResult(use, tuple(map(Text, texts)))
        case _:
            raise Unsupported


def _responses(body: dict[str, Any]) -> tuple[list[Message], Settings]:
    _require_only(
        body, "model input instructions stream tools tool_choice include store temperature max_output_tokens text"
    )
    if (body.get("text") or {}).get("format", {"type": "text"}) != {"type": "text"}:
        raise Unsupported
    tools = [_function(tool) for tool in body.get("tools", ()) if tool["type"] == "function" or _raise_unsupported()]
    body_input = body["input"]
    items = [{"role": "user", "content": body_input}] if isinstance(body_input, str) else body_input
    system = [item for item in items if item.get("role") in ("system", "developer")]
    messages = [_item(item) for item in items if item not in system]
    system_texts = [body.get("instructions") or "", *(_text(item["content"]) or "" for item in system)]
    return messages, _settings("\n".join(system_texts).strip(), tools)


def _item(item: dict[str, Any]) -> Message:
    match item:
        case {"type": "function_call", "name": name, "arguments": arguments}:
            return _message("assistant", [ToolUse("", name, json.loads(arguments or "{}"))])
        case {"type": "function_call_output", "output": str(output)}:
            return _message("user", [ToolResult("", (Text(output),))])
        case {"role": role, "content": content}:
            return _message(role, [Text(_text(content) or "")])
        case _:
            raise Unsupported


def _require_only(body: dict[str, Any], names: str) -> None:
    if set(body) - set(names.split()):
        raise Unsupported


def _raise_unsupported() -> bool:
    raise Unsupported


def _text(content: Any) -> str | None:
    if content is None or isinstance(content, str):
        return content
    return "".join(block["text"] for block in content)


def _message(role: str, content: Any) -> Message:
    ours = Role.ASSISTANT if role in ("assistant", "model") else Role.USER
    return Message(role=ours, content=tuple(content), turn=1)


def _settings(system: str | None, tools: list[tuple[str, str | None, dict[str, Any]]]) -> Settings:
    declared = tuple(Tool(name=name, description=text or "", input_schema=schema) for name, text, schema in tools)
    return Settings(system=system or None, tools=declared)


_CONVERTERS = {
    "messages": _anthropic,
    "chat_completions": _chat,
    "responses": _responses,
    "generate_content": _google,
    "chat_v2": _chat,
    "converse": _converse,
}
