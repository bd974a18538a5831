"""Requests to OpenAI's Responses API: https://platform.openai.com/docs/api-reference/responses/create.

Nothing is stored with the provider: each request brings the whole history.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from ...schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from ...schema.errors import InvalidConfig
from ...schema.messages import Message, Role
from ...schema.request import Request, Settings
from ...schema.tools import Tool, ToolChoice
from ...wire.media import MediaRules
from ...wire.request_body import json_body, members, tool_definition, tool_members
from ...wire.settings_rules import SettingsRules
from ..dialect import Dialect
from ..rules import TOOL_NAMES, data_url, file_name, schema_format, tool_choice_members, tool_id, tool_name
from .events import PHASE, Sealed

_ERROR = "Error"
_ID_CHARS = 64
_MIN_OUTPUT_TOKENS = 16
_NUMBERS = {"temperature": "temperature", "top_p": "top_p"}
_COMPATIBLE_RULES = SettingsRules(
    api="the Responses API",
    absent={
        **dict.fromkeys(("top_k", "frequency_penalty", "presence_penalty", "seed"), ""),
        "stop_sequences": "Chat Completions have it",
    },
    takes_thinking_budget=False,
)
_OWN_RULES = replace(_COMPATIBLE_RULES, tool_names=TOOL_NAMES)
_json = msgspec.json.encode
_sealed = msgspec.json.Decoder(Sealed).decode
_phase = msgspec.json.Decoder(dict[str, str]).decode
_Object = dict[str, Any]
_Item = _Object | msgspec.Raw


def check_settings(settings: Settings, dialect: Dialect) -> None:
    """Reject what the API does not take, and what the model is not able to do.

    Raises:
        InvalidConfig: the field is named.
    """
    rules = _OWN_RULES if dialect.own else _COMPATIBLE_RULES
    rules.check(settings, dialect.model, dialect.facts)
    limit = settings.max_output_tokens
    if dialect.own and limit is not None and limit < _MIN_OUTPUT_TOKENS:
        raise InvalidConfig("max_output_tokens", f"the Responses API takes {_MIN_OUTPUT_TOKENS} or more")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    encoded = request.memo.forms(request.messages, dialect, partial(_items, dialect))
    return json_body(_head(request.settings, dialect, streaming), "input", filter(None, encoded))


def _head(settings: Settings, dialect: Dialect, streaming: bool) -> _Object:
    """Everything but the messages."""
    head: _Object = {"model": dialect.model, "stream": streaming, "store": False}
    if settings.thinking is not None or dialect.facts.thinks:
        # Models that don't think reject this.
        head["include"] = ["reasoning.encrypted_content"]
    if settings.system:
        head["instructions"] = settings.system
    if settings.max_output_tokens is not None:
        head["max_output_tokens"] = settings.max_output_tokens
    head |= tool_members(settings, _tool, _tool_choice)
    head |= members(settings, _NUMBERS)
    if settings.thinking is not None:
        effort = {"effort": settings.thinking.effort} if settings.thinking.effort is not None else {}
        head["reasoning"] = {**effort, "summary": "auto"}
    if settings.output_schema is not None:
        head["text"] = {"format": {"type": "json_schema", **schema_format(settings.output_schema)}}
    return head


def _tool(tool: Tool) -> _Object:
    # Without the last member, this API takes every schema for one of the strict subset.
    return {"type": "function", **tool_definition(tool, {"parameters": tool.input_schema, "strict": False})}


def _tool_choice(choice: ToolChoice) -> _Object:
    return tool_choice_members(choice, {"type": "function", "name": choice.name})


def _items(dialect: Dialect, message: Message) -> list[_Item]:
    """What *message* is on the wire: maybe none, maybe several."""
    match message.content:
        case (Text(text=text),) if text:  # most of them are this: the way below takes several times as long
            return [{"role": message.role, "content": text}]
        case content:
            return (
                _thought_out(_assistant(dialect, content))
                if message.role is Role.ASSISTANT
                else list(_user(dialect, content))
            )


def _thought_out(items: Iterable[_Item]) -> list[_Item]:
    """*items* without thinking at their end: the API wants what it led to, and of an answer cut short there is none."""
    kept = list(items)
    while kept and isinstance(kept[-1], dict) and kept[-1].get("type") == "reasoning":
        del kept[-1]
    return kept


def _assistant(dialect: Dialect, content: Sequence[Block]) -> Iterator[_Item]:
    """The items of an answer, each in its place; what another provider made, and only it understands, is left out."""
    phase: dict[str, str] = {}
    for block in content:
        match block:
            case Text(text=text):
                if text:
                    yield {"role": "assistant", "content": text, **phase}
                phase = {}
            case ToolUse():
                call_id, name = tool_id(block.id, _ID_CHARS), tool_name(block.name)
                yield {
                    "type": "function_call",
                    "call_id": call_id,
                    "name": name,
                    "arguments": _json(block.input).decode(),
                }
            case Thinking(provider=provider, signature=str(signature)) if provider == dialect.provider:
                yield from _reasoning(block.text, signature, dialect.own)
            case Opaque(type=kind) if block.provider == dialect.provider:
                if kind == PHASE:
                    phase = _phase(block.json)
                else:
                    yield msgspec.Raw(block.json)
            case _:
                pass


def _reasoning(text: str, signature: str, own: bool) -> Iterator[_Object]:
    """The reasoning item that *signature* seals; nothing where it is not this API's.

    OpenAI's own servers are given no id: by one they look for what they have not stored, or for the message after it,
    which goes back without its id, too ("provided without its required following item"). Others ask for it.
    """
    try:
        sealed = _sealed(signature)
    except (ValueError, UnicodeEncodeError):
        return
    summary = [{"type": "summary_text", "text": text}] if text else []
    named = {} if own else {"id": sealed.id}
    yield {"type": "reasoning", **named, "summary": summary, "encrypted_content": sealed.encrypted_content}


def _user(dialect: Dialect, content: Sequence[Block]) -> Iterator[_Object]:
    """The tool results, which must follow their uses at once, then all else."""
    for block in content:
        if isinstance(block, ToolResult):
            yield {
                "type": "function_call_output",
                "call_id": tool_id(block.tool_use_id, _ID_CHARS),
                "output": _output(dialect.media, block),
            }
    parts = [_part(dialect.media, block) for block in content if isinstance(block, Text | Image | Document)]
    match [part for part in parts if part.get("text") != ""]:
        case []:
            pass
        case [{"type": "input_text", "text": text}]:
            yield {"role": "user", "content": text}
        case rest:
            yield {"role": "user", "content": rest}


def _output(media: MediaRules, result: ToolResult) -> str | list[_Object]:
    """The text of *result* and, if there is more in it, all its parts; an error has no flag, so the text says it."""
    parts = [_part(media, block) for block in result.content]
    texts = [part["text"] for part in parts if part["type"] == "input_text"]
    if len(texts) == len(parts):
        return "\n".join([f"{_ERROR}: {texts[0]}" if texts else _ERROR, *texts[1:]] if result.is_error else texts)
    said = [part for part in parts if part.get("text") != ""]
    return [_text(f"{_ERROR}:"), *said] if result.is_error else said


def _part(media: MediaRules, block: Text | Image | Document) -> _Object:
    if isinstance(block, Text):
        return _text(block.text)
    if note := media.note(block):
        return _text(note)
    match block:
        case Image(url=str(url)):
            return {"type": "input_image", "image_url": url}
        case Image():
            return {"type": "input_image", "image_url": data_url(block)}
        case Document(url=str(url)):
            return {"type": "input_file", "file_url": url}
        case Document():
            return {"type": "input_file", "filename": file_name(block), "file_data": data_url(block)}


def _text(text: str) -> _Object:
    return {"type": "input_text", "text": text}
