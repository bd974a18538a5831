"""Requests to Chat Completions: https://platform.openai.com/docs/api-reference/chat/create."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from ..content import Block, Document, Image, Text, ToolResult, ToolUse
from ..errors import InvalidConfig, InvalidRequest
from ..messages import Message, Role
from ..request import Request, Settings
from ..tools import Tool, ToolChoice

_ERROR = "Error: "
_json = msgspec.json.encode
_Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Chat Completions as *provider* has them: the *model* it is asked for, and its word for the limit of an answer."""

    provider: str
    model: str
    limit_word: str = "max_completion_tokens"


def check(settings: Settings) -> None:
    """Refuse what the API has no member for.

    Raises:
        InvalidConfig: the field is named.
    """
    if settings.thinking is not None and settings.thinking.budget_tokens is not None:
        raise InvalidConfig("thinking.budget_tokens", "Chat Completions take an effort, not a budget")


def body(request: Request, dialect: Dialect, streaming: bool) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``.

    Raises:
        InvalidRequest: it holds what the API has no form for.
    """
    forms = request.memo.forms(request.messages, "chat", partial(_messages, dialect.provider))
    system = request.settings.system
    first = [_json({"role": "system", "content": system})] if system else []
    messages = [*first, *filter(None, forms)] or [b""]
    # The ends go to the first and the last message, so that a long history is copied once.
    messages[0] = b'%b,"messages":[%b' % (_json(_head(request.settings, dialect, streaming))[:-1], messages[0])
    messages[-1] += b"]}"
    return b",".join(messages)


def _head(settings: Settings, dialect: Dialect, streaming: bool) -> _Object:
    """Everything but the messages."""
    given: _Object = {"model": dialect.model, "stream": streaming}
    if streaming:
        given["stream_options"] = {"include_usage": True}
    if settings.max_output_tokens is not None:
        given[dialect.limit_word] = settings.max_output_tokens
    if settings.tools:
        given["tools"] = [_tool(tool) for tool in settings.tools]
        if settings.tool_choice is not None:
            given |= _tool_choice(settings.tool_choice)
    if settings.temperature is not None:
        given["temperature"] = settings.temperature
    if settings.stop_sequences:
        given["stop"] = settings.stop_sequences
    if settings.thinking is not None and settings.thinking.effort is not None:
        given["reasoning_effort"] = settings.thinking.effort
    return given


def _tool(tool: Tool) -> _Object:
    described = {"description": tool.description} if tool.description else {}
    return {"type": "function", "function": {"name": tool.name, **described, "parameters": tool.input_schema}}


def _tool_choice(choice: ToolChoice) -> _Object:
    named = {"type": "function", "function": {"name": choice.name}}
    given: _Object = {"tool_choice": named if choice.mode == "tool" else choice.mode}
    if not choice.parallel:
        given["parallel_tool_calls"] = False
    return given


def _messages(provider: str, message: Message) -> list[_Object]:
    """What *message* is on the wire: maybe none, maybe several."""
    match message.content:
        case (Text(text=text),) if text:  # most of them are this: the way below takes three times as long
            return [{"role": message.role, "content": text}]
        case content:
            return list(_assistant(content) if message.role is Role.ASSISTANT else _user(provider, content))


def _assistant(content: Sequence[Block]) -> Iterator[_Object]:
    """Text and tool uses; thinking and blocks of other providers have no form here."""
    text = "".join(block.text for block in content if isinstance(block, Text))
    calls = [_tool_call(block) for block in content if isinstance(block, ToolUse)]
    if text or calls:
        yield {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}


def _tool_call(use: ToolUse) -> _Object:
    return {
        "id": use.id,
        "type": "function",
        "function": {"name": use.name, "arguments": _json(use.input).decode()},
    }


def _user(provider: str, content: Sequence[Block]) -> Iterator[_Object]:
    """The tool results, which must follow their uses at once, then all else.

    A tool message holds text only: what else is in a result follows in the user message, after a line that says whose
    it is.
    """
    rest: list[_Object] = []
    for block in content:
        if isinstance(block, ToolResult):
            yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": _result_text(block)}
            rest += _result_media(provider, block)
    rest += _parts(provider, content)
    match rest:
        case []:
            pass
        case [{"type": "text", "text": text}]:
            yield {"role": "user", "content": text}
        case _:
            yield {"role": "user", "content": rest}


def _result_text(result: ToolResult) -> str:
    """The text of *result*; there is no flag for an error, so the text says it."""
    text = "\n".join(block.text for block in result.content if isinstance(block, Text))
    return _ERROR + text if result.is_error else text


def _result_media(provider: str, result: ToolResult) -> list[_Object]:
    media = list(_parts(provider, (block for block in result.content if not isinstance(block, Text))))
    return [{"type": "text", "text": f"From the result of {result.tool_use_id}:"}, *media] if media else []


def _parts(provider: str, content: Iterable[Block]) -> Iterator[_Object]:
    for block in content:
        match block:
            case Text(text=text):
                if text:
                    yield {"type": "text", "text": text}
            case Image(url=str(url)):
                yield {"type": "image_url", "image_url": {"url": url}}
            case Image():
                yield {"type": "image_url", "image_url": {"url": _data_url(block)}}
            case Document(url=None):
                yield {"type": "file", "file": {"filename": block.name or "document", "file_data": _data_url(block)}}
            case Document():
                raise InvalidRequest("Chat Completions take documents by their bytes, not by URL", provider)
            case _:
                pass


def _data_url(block: Image | Document) -> str:
    return f"data:{block.media_type};base64,{b64encode(block.data or b'').decode()}"
