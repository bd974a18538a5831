"""Requests to Chat Completions: https://platform.openai.com/docs/api-reference/chat/create."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from ...schema.content import Block, Document, Image, Opaque, Text, ToolResult, ToolUse, is_blank
from ...schema.errors import InvalidConfig, ThinkingRejected
from ...schema.messages import Message, Role
from ...schema.request import Request, Settings
from ...schema.tools import Tool
from ...wire.extra_body import merged
from ...wire.media import MediaRules
from ...wire.request_body import json_body, members, tool_definition, tool_members
from ...wire.settings_rules import OPTIONAL_SETTINGS, SettingsRules
from .. import model_rules
from ..custom_tools import CallMark, input_text, is_compacted, marked_uses
from ..dialect import Dialect
from ..rules import (
    TOOL_NAMES,
    data_url,
    file_name,
    image_detail,
    label_members,
    schema_format,
    tool_id,
    tool_name,
)
from ..tools import chat_choice
from .alternation import alternating
from .kept_parts import kept_in

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
    encoded = request.memo.forms(request.messages, dialect, partial(_messages, dialect))
    if not dialect.own:
        encoded = alternating(request.memo, request.messages, encoded, "text")
    system = request.settings.system
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
    return {"type": "function", "function": tool_definition(tool, {"parameters": tool.input_schema, **strict})}


def _messages(dialect: Dialect, message: Message) -> list[_Object]:
    """What *message* is on the wire: maybe none, maybe several."""
    match message.content:
        case (Text(text=text),) if not is_blank(text):  # most of them are this: the way below takes three times as long
            return [{"role": message.role, "content": text}]
        case content:
            if message.role is Role.USER:
                return list(_user(dialect, content))
            return list(_assistant(dialect, content, message.readable_by(dialect.source)))


def _assistant(dialect: Dialect, content: Sequence[Block], readable: bool) -> Iterator[_Object]:
    """Text and tool uses, with what is kept for the server that the answer came from, if *readable*.

    Other thinking and blocks of other providers have no form here.

    Raises:
        ThinkingRejected: *content* is a compaction, which stands for earlier messages.
    """
    has_opaque = Opaque in map(type, content)
    if has_opaque and is_compacted(content, dialect.provider):
        raise ThinkingRejected("Chat Completions can't read what the Responses API compacted", dialect.provider)
    text = "".join(block.text for block in content if isinstance(block, Text))
    text = "" if is_blank(text) else text
    calls = [_tool_call(use, mark, dialect.id_chars) for use, mark in marked_uses(content, dialect.provider)]
    if not (text or calls):
        return
    message: _Object = {"role": "assistant", "content": text or None}
    kept = kept_in(content, dialect.provider) if has_opaque and readable else None
    if kept is not None:
        message |= kept.message
        calls = [call | kept.calls.get(number, {}) for number, call in enumerate(calls)]
    yield {**message, "tool_calls": calls} if calls else message


def _tool_call(use: ToolUse, mark: CallMark, id_chars: int | None) -> _Object:
    call_id, name = tool_id(use.id, id_chars), tool_name(use.name)
    if mark.custom:
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": input_text(use.input)}}
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": _json(use.input).decode()}}


def _user(dialect: Dialect, content: Sequence[Block]) -> Iterator[_Object]:
    """The tool results, which must follow their uses at once, then all else.

    A tool message holds text only: what else is in a result follows in the user message, after a line that says whose
    it is.
    """
    media = dialect.media
    rest: list[_Object] = []
    for block in content:
        if isinstance(block, ToolResult):
            made_by = tool_id(block.tool_use_id, dialect.id_chars)
            parts = [_part(media, piece) for piece in block.content]
            yield {"role": "tool", "tool_call_id": made_by, "content": _result_text(block, parts)}
            if others := [part for part in parts if part["type"] != "text"]:
                rest += [_text(f"From the result of {made_by}:"), *others]
    rest += [_part(media, block) for block in content if isinstance(block, Text | Image | Document)]
    match [part for part in rest if part["type"] != "text" or not is_blank(part["text"])]:
        case []:
            pass
        case [{"type": "text", "text": text}]:
            yield {"role": "user", "content": text}
        case parts:
            yield {"role": "user", "content": parts}


def _result_text(result: ToolResult, parts: Sequence[_Object]) -> str:
    """The text of *result*; there is no flag for an error, so the text says it."""
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    return _ERROR + text if result.is_error else text


def _part(media: MediaRules, block: Text | Image | Document) -> _Object:
    if isinstance(block, Text):
        return _text(block.text)
    if note := media.note(block):
        return _text(note)
    match block:
        case Image():
            return {
                "type": "image_url",
                "image_url": {"url": block.url or data_url(block), **image_detail(block)},
            }
        case Document():
            return {"type": "file", "file": {"filename": file_name(block), "file_data": data_url(block)}}


def _text(text: str) -> _Object:
    return {"type": "text", "text": text}
