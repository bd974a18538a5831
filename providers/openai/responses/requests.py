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
from ...schema.request import Reasoning, Request, Settings
from ...schema.tools import Tool, ToolChoice
from ...wire.extra_body import merged
from ...wire.media import MediaRules
from ...wire.request_body import json_body, members, tool_definition, tool_members
from ...wire.settings_rules import OPTIONAL_SETTINGS, SettingsRules
from .. import model_rules
from ..dialect import Dialect
from ..rules import (
    TOOL_NAMES,
    data_url,
    file_name,
    label_members,
    schema_format,
    tool_choice_members,
    tool_id,
    tool_name,
)
from .events import PHASE, Sealed

_ERROR = "Error"
_ID_CHARS = 64
_MIN_OUTPUT_TOKENS = 16
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

_ENCRYPTED_THINKING = "reasoning.encrypted_content"
_HAS_CHAT = "Chat Completions (api='chat') have it"
_COMPATIBLE_RULES = SettingsRules(
    api="the Responses API",
    absent={
        "top_k": "use top_p",
        **dict.fromkeys(("frequency_penalty", "presence_penalty", "seed", "stop_sequences"), _HAS_CHAT),
    },
    takes_thinking_budget=False,
    present=frozenset(OPTIONAL_SETTINGS),
)
_OWN_RULES = replace(_COMPATIBLE_RULES, tool_names=TOOL_NAMES)
_NAMES: dict[str, str] = {name: name for name in _SAME_NAMES}
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
    model_rules.check_settings(settings, dialect, _OWN_RULES if dialect.own else _COMPATIBLE_RULES)
    if settings.output_schema is not None and "format" in (dialect.extra_body or {}).get("text", {}):
        raise InvalidConfig("output_schema", "provider.extra_body has a text.format of its own; give one of them")
    limit = settings.max_output_tokens
    if dialect.own and limit is not None and limit < _MIN_OUTPUT_TOKENS:
        raise InvalidConfig("max_output_tokens", f"the Responses API takes {_MIN_OUTPUT_TOKENS} or more")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``."""
    encoded = request.memo.forms(request.messages, dialect, partial(_items, dialect))
    return json_body(_head(request.settings, dialect, streaming), "input", filter(None, encoded))


def _head(settings: Settings, dialect: Dialect, streaming: bool) -> _Object:
    """Everything but the messages."""
    head: _Object = {"model": dialect.sent_model, "stream": streaming, "store": False}
    if settings.system:
        head["instructions"] = settings.system
    if settings.max_output_tokens is not None:
        head["max_output_tokens"] = settings.max_output_tokens
    head |= tool_members(settings, _tool, _tool_choice)
    head |= members(settings, _NAMES)
    head |= label_members(settings, dialect.own)
    if reasoning := _reasoning_member(settings.thinking, dialect):
        head["reasoning"] = reasoning
    if text := _text_member(settings):
        head["text"] = text
    head = merged(head, dialect.extra_body)
    if _wants_encrypted_thinking(settings.thinking, dialect):
        head["include"] = list(dict.fromkeys([_ENCRYPTED_THINKING, *head.get("include", ())]))
    return head


def _wants_encrypted_thinking(thinking: Reasoning | None, dialect: Dialect) -> bool:
    """True for a model that thinks, or is asked to. Others reject that: "Encrypted content is not supported"."""
    thinks = dialect.known.thinks
    return bool(thinks) or (thinks is None and thinking is not None and thinking.effort != "none")


def _reasoning_member(thinking: Reasoning | None, dialect: Dialect) -> _Object:
    options = dialect.reasoning
    member: _Object = {"effort": dialect.effort(thinking), "context": options.context, "mode": options.mode}
    if thinking is None:
        member["summary"] = options.summary
    elif thinking.show and thinking.effort != "none":
        member["summary"] = options.summary or "auto"
    return {name: value for name, value in member.items() if value is not None}


def _text_member(settings: Settings) -> _Object:
    text: _Object = {}
    if settings.output_schema is not None:
        text["format"] = {"type": "json_schema", **schema_format(settings.output_schema)}
    if settings.verbosity is not None:
        text["verbosity"] = settings.verbosity
    return text


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
                _thought_out(_assistant(dialect, content, message.readable_by(dialect.source)))
                if message.role is Role.ASSISTANT
                else list(_user(dialect, content))
            )


def _thought_out(items: Iterable[_Item]) -> list[_Item]:
    """*items* without thinking at their end: the API wants what it led to, and of an answer cut short there is none."""
    kept = list(items)
    while kept and isinstance(kept[-1], dict) and kept[-1].get("type") == "reasoning":
        del kept[-1]
    return kept


def _assistant(dialect: Dialect, content: Sequence[Block], readable: bool) -> Iterator[_Item]:
    """The items of an answer, each in its place.

    What another provider made, and only it understands, is left out. So is what is encrypted for another model,
    endpoint or account, and what another one keeps: *readable* is false for those.
    """
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
            case Thinking(provider=provider, signature=str(signature)) if readable and provider == dialect.provider:
                yield from _reasoning(block.text, signature, dialect.own)
            case Opaque(type=kind) if block.provider == dialect.provider:
                if kind == PHASE:
                    phase = _phase(block.json)
                elif readable:
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
