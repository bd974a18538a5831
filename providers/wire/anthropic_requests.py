"""Requests to Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ..content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ..errors import InvalidConfig
from ..messages import Message, Role
from ..request import Request, Settings
from ..tools import Tool, ToolChoice
from .anthropic_words import PROVIDER

MAX_OUTPUT_TOKENS = 8_192
"""What an answer may have where the settings don't say: the API wants a number, and every current model takes this one.

A thinking budget comes on top, because the API counts it in.
"""

_LEAST_BUDGET_TOKENS = 1_024
_MODES = {"auto": "auto", "required": "any", "none": "none", "tool": "tool"}
_ERROR = {"type": "text", "text": "Error"}
_END = b"]}"
_TO_USER = _END + b',{"role":"user","content":['
_TO_ASSISTANT = _END + b',{"role":"assistant","content":['
_foreign_in_id = re.compile(r"[^a-zA-Z0-9_-]").sub
_json = msgspec.json.encode


def check(settings: Settings) -> None:
    """Refuse what the API would refuse.

    Raises:
        InvalidConfig: the field is named.
    """
    if settings.temperature is not None and settings.temperature > 1:
        raise InvalidConfig("temperature", "Anthropic takes 0 to 1")
    if settings.thinking is None:
        return
    if settings.thinking.effort == "minimal":
        raise InvalidConfig("thinking.effort", "Anthropic takes low, medium, high, xhigh and max")
    budget = settings.thinking.budget_tokens
    if budget is not None and budget < _LEAST_BUDGET_TOKENS:
        raise InvalidConfig("thinking.budget_tokens", f"Anthropic takes {_LEAST_BUDGET_TOKENS} or more")
    if budget is not None and settings.max_output_tokens is not None and budget >= settings.max_output_tokens:
        raise InvalidConfig("thinking.budget_tokens", "it must be less than max_output_tokens")


def body(request: Request, model: str, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    forms = request.memo.forms(request.messages, PROVIDER, _blocks)
    given = _head(request.settings, model, streaming)
    if not _may_think(request.messages):
        given.pop("thinking", None)
    return b"".join((_json(given)[:-1], b',"messages":[', *_messages(request.messages, forms), b"]}"))


def _head(settings: Settings, model: str, streaming: bool) -> dict[str, Any]:
    """Everything but the messages."""
    given: dict[str, Any] = {
        "model": model,
        "max_tokens": settings.max_output_tokens or _default_max_tokens(settings),
        "stream": streaming,
    }
    if settings.system:
        given["system"] = settings.system
    if settings.tools:
        given["tools"] = [_tool(tool) for tool in settings.tools]
        if settings.tool_choice is not None:
            given["tool_choice"] = _tool_choice(settings.tool_choice)
    if settings.temperature is not None:
        given["temperature"] = settings.temperature
    if settings.stop_sequences:
        given["stop_sequences"] = settings.stop_sequences
    if settings.thinking is not None and settings.thinking.budget_tokens is not None:
        given["thinking"] = {"type": "enabled", "budget_tokens": settings.thinking.budget_tokens}
    if settings.thinking is not None and settings.thinking.effort is not None:
        given["output_config"] = {"effort": settings.thinking.effort}
    return given


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


def _messages(messages: Sequence[Message], forms: Iterable[bytes]) -> list[bytes]:
    """The messages in pieces: neighbours of one role in one message, those that have nothing to say here left out."""
    pieces: list[bytes] = []
    last: Role | None = None
    for message, blocks in zip(messages, forms, strict=True):
        if not blocks:
            continue
        if message.role is last:
            pieces.append(b",")
        else:
            last = message.role
            pieces.append(_TO_USER if last is Role.USER else _TO_ASSISTANT)
        pieces.append(blocks)
    if not pieces:
        return []
    return [pieces[0].removeprefix(_END + b","), *pieces[1:], _END]


def _may_think(messages: Sequence[Message]) -> bool:
    """Whether the next answer may think: one that goes on from tool results may only if the one before it did."""
    for at in reversed(range(len(messages))):
        if any(isinstance(block, ToolResult) for block in messages[at].content):
            first = next(_each(messages[at - 1].content))
            return isinstance(first, Mapping) and first["type"] in ("thinking", "redacted_thinking")
        if messages[at].role is Role.ASSISTANT and any(_each(messages[at].content)):
            return True
    return True


def _blocks(message: Message) -> list[Any]:
    match message.content:
        case (Text(text=text),) if text and not text.isspace():  # most of them are this: the way below takes longer
            return [{"type": "text", "text": text}]
        case content:
            return list(_each(content))


def _each(content: Iterable[Block]) -> Iterator[Mapping[str, Any] | msgspec.Raw]:
    for block in content:
        match block:
            case Text(text=text):
                # The API refuses text of nothing but white space.
                if text and not text.isspace():
                    yield {"type": "text", "text": text}
            case Image() | Document():
                yield _media(block)
            case Thinking(provider=provider, signature=signature):
                if provider == PROVIDER and signature:
                    yield _thinking(block)
            case ToolUse():
                yield {"type": "tool_use", "id": _id(block.id), "name": block.name, "input": block.input}
            case ToolResult():
                yield _tool_result(block)
            case Opaque():
                if block.provider == PROVIDER:
                    yield msgspec.Raw(block.json)


def _thinking(block: Thinking) -> dict[str, Any]:
    if block.redacted:
        return {"type": "redacted_thinking", "data": block.signature}
    return {"type": "thinking", "thinking": block.text, "signature": block.signature}


def _tool_result(result: ToolResult) -> dict[str, Any]:
    given: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(result.tool_use_id)}
    content = list(_each(result.content))
    if result.is_error and all(isinstance(block, Text) for block in result.content):
        return {**given, "is_error": True, "content": content or [_ERROR]}
    if result.is_error:
        # The API takes an error in words only: with anything else in it, the words must say that it is one.
        content.insert(0, _ERROR)
    return {**given, "content": content} if content else given


def _media(block: Image | Document) -> dict[str, Any]:
    source: dict[str, Any]
    if block.data is None:
        source = {"type": "url", "url": block.url}
    elif isinstance(block, Document) and block.media_type == "text/plain":
        source = {"type": "text", "media_type": block.media_type, "data": block.data.decode(errors="replace")}
    else:
        source = {"type": "base64", "media_type": block.media_type, "data": block.data}
    if isinstance(block, Image):
        return {"type": "image", "source": source}
    title = {"title": block.name} if block.name else {}
    return {"type": "document", "source": source, **title}


def _id(tool_use_id: str) -> str:
    """*tool_use_id* in the letters that the API takes: another provider may have made it."""
    return _foreign_in_id("_", tool_use_id)
