"""The rules for the body of a request to Cohere's v2 chat.

They come from Cohere's API reference, from the list of errors in its documents (docs.cohere.com/reference/errors), and
from the parameter types of its SDK.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from validators.forms import Formed

NonEmpty = Annotated[str, Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0, le=1)]


class _Given(Formed, kw_only=True, forbid_unknown_fields=True):
    """A member that is not known is no harm to Cohere, but a slip of ours."""


class _Text(_Given, tag_field="type", tag="text"):
    text: str


class _ImageUrl(_Given):
    forms: ClassVar[Mapping[str, str]] = {"url": "^(https?://|data:image/)"}

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class _Image(_Given, tag_field="type", tag="image_url"):
    image_url: _ImageUrl


class _Thinking(_Given, tag_field="type", tag="thinking"):
    thinking: NonEmpty


class _DocumentData(_Given):
    data: dict[str, Any]
    id: NonEmpty | None = None


class _Document(_Given, tag_field="type", tag="document"):
    document: _DocumentData


class _Function(_Given):
    name: NonEmpty
    arguments: str


class _ToolCall(_Given):
    id: NonEmpty
    type: Literal["function"]
    function: _Function


class _System(_Given, tag_field="role", tag="system"):
    content: NonEmpty | Annotated[list[_Text], Meta(min_length=1)]


class _User(_Given, tag_field="role", tag="user"):
    content: NonEmpty | Annotated[list[_Text | _Image], Meta(min_length=1)]


class _Assistant(_Given, tag_field="role", tag="assistant"):
    content: NonEmpty | Annotated[list[_Text | _Thinking], Meta(min_length=1)] | None = None
    tool_calls: Annotated[list[_ToolCall], Meta(min_length=1)] | None = None
    tool_plan: str | None = None
    citations: list[dict[str, Any]] | None = None


class _Tool(_Given, tag_field="role", tag="tool"):
    tool_call_id: NonEmpty
    content: NonEmpty | Annotated[list[_Text | _Document], Meta(min_length=1)]


_Message = _System | _User | _Assistant | _Tool


class _Offer(_Given):
    name: NonEmpty
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _OfferedTool(_Given):
    type: Literal["function"]
    function: _Offer


class _Format(_Given):
    type: Literal["text", "json_object"]
    json_schema: dict[str, Any] | None = None


class _Reasoning(_Given):
    type: Literal["enabled", "disabled"]
    token_budget: Annotated[int, Meta(ge=1)] | None = None


class _Body(_Given):
    model: NonEmpty
    messages: Annotated[list[_Message], Meta(min_length=1)]
    stream: bool = False
    tools: Annotated[list[_OfferedTool], Meta(min_length=1)] | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    strict_tools: bool | None = None
    documents: list[Any] | None = None
    response_format: _Format | None = None
    thinking: _Reasoning | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop_sequences: Annotated[list[NonEmpty], Meta(min_length=1, max_length=5)] | None = None
    temperature: Annotated[float, Meta(ge=0)] | None = None
    seed: Annotated[int, Meta(ge=0)] | None = None
    frequency_penalty: Share | None = None
    presence_penalty: Share | None = None
    k: Annotated[int, Meta(ge=0, le=500)] | None = None
    p: Annotated[float, Meta(ge=0.01, le=0.99)] | None = None


def violations(body: Mapping[str, object]) -> list[str]:
    """What the API would refuse in *body*; nothing, if the request is good."""
    try:
        asked = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    return [*_turns(asked.messages), *_tool_calls(asked.messages), *_settings(asked)]


def _turns(messages: Sequence[_Message]) -> Iterator[str]:
    if any(isinstance(message, _System) for message in messages[1:]):
        yield "system turn must be the first in the list"
    if not any(isinstance(message, _User) for message in messages):
        yield "messages: there must be a user's"
    if isinstance(messages[-1], _Assistant):
        yield "messages: the last is the user's or a tool's"
    for at, message in enumerate(messages):
        calls = isinstance(message, _Assistant) and message.tool_calls
        if not calls and not _says(message.content):
            yield f"messages[{at}]: message must not be empty in a turn"
        if isinstance(message, _Assistant) and message.tool_plan and not calls:
            yield f"messages[{at}]: a tool_plan comes with tool_calls"


def _says(content: str | Sequence[_Text | _Image | _Thinking | _Document] | None) -> bool:
    match content:
        case None:
            return False
        case str():
            return bool(content.strip())
        case _:
            return any(not isinstance(part, _Text) or part.text.strip() for part in content)


def _tool_calls(messages: Sequence[_Message]) -> Iterator[str]:
    seen: set[str] = set()
    waiting: set[str] = set()
    for at, message in enumerate(messages):
        if isinstance(message, _Tool):
            if message.tool_call_id not in waiting:
                yield f"messages[{at}]: a tool message must answer a tool call right before it"
            waiting.discard(message.tool_call_id)
            continue
        if waiting:
            yield f"messages[{at}]: these tool calls have no results: {sorted(waiting)}"
        calls = message.tool_calls or [] if isinstance(message, _Assistant) else []
        waiting = {call.id for call in calls}
        if len(seen | waiting) < len(seen) + len(calls):
            yield f"messages[{at}]: the ids of tool calls must differ"
        seen |= waiting
        yield from (f"messages[{at}]: arguments are an object's JSON" for call in calls if not _is_object(call))
    if waiting:
        yield f"messages: these tool calls have no results: {sorted(waiting)}"


def _is_object(call: _ToolCall) -> bool:
    try:
        return isinstance(msgspec.json.decode(call.function.arguments), dict)
    except msgspec.DecodeError:
        return False


def _settings(asked: _Body) -> Iterator[str]:
    names = [tool.function.name for tool in asked.tools or []]
    if len(set(names)) < len(names):
        yield "tools: the names of tools must differ"
    if asked.tool_choice is not None and not names:
        yield "tool_choice is only allowed with tools"
    if asked.response_format is not None and (names or asked.documents):
        yield "response_format is not supported with tools or documents"
    if asked.frequency_penalty and asked.presence_penalty:
        yield "cannot specify both frequency_penalty and presence_penalty"
