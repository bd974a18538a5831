"""The rules for the body of a request to Cohere's v2 chat.

They come from Cohere's API reference, from its list of errors (docs.cohere.com/reference/errors), and from its SDK's
parameter types.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from validators.patterns import VISIBLE, PatternChecked

NonEmpty = Annotated[str, Meta(min_length=1)]
Penalty = Annotated[float, Meta(ge=0, le=1)]


class _Strict(PatternChecked, kw_only=True, forbid_unknown_fields=True):
    """Unknown members are rejected: Cohere ignores them, but they are a mistake of ours."""


class _Text(_Strict, tag_field="type", tag="text"):
    text: str


class _ImageUrl(_Strict):
    patterns: ClassVar[Mapping[str, str]] = {"url": "^(https?://|data:image/)"}

    url: str
    detail: Literal["auto", "low", "high"] | None = None


class _Image(_Strict, tag_field="type", tag="image_url"):
    image_url: _ImageUrl


class _Thinking(_Strict, tag_field="type", tag="thinking"):
    thinking: NonEmpty


class _DocumentData(_Strict):
    data: dict[str, Any]
    id: NonEmpty | None = None


class _Document(_Strict, tag_field="type", tag="document"):
    document: _DocumentData


class _Function(_Strict):
    name: NonEmpty
    arguments: str


class _ToolCall(_Strict):
    id: NonEmpty
    type: Literal["function"]
    function: _Function


class _System(_Strict, tag_field="role", tag="system"):
    content: NonEmpty | Annotated[list[_Text], Meta(min_length=1)]


class _User(_Strict, tag_field="role", tag="user"):
    content: NonEmpty | Annotated[list[_Text | _Image], Meta(min_length=1)]


class _Assistant(_Strict, tag_field="role", tag="assistant"):
    content: NonEmpty | Annotated[list[_Text | _Thinking], Meta(min_length=1)] | None = None
    tool_calls: Annotated[list[_ToolCall], Meta(min_length=1)] | None = None
    tool_plan: str | None = None
    citations: list[dict[str, Any]] | None = None


class _Tool(_Strict, tag_field="role", tag="tool"):
    tool_call_id: NonEmpty
    content: NonEmpty | Annotated[list[_Text | _Document], Meta(min_length=1)]


_Message = _System | _User | _Assistant | _Tool


class _FunctionDeclaration(_Strict):
    name: NonEmpty
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _DeclaredTool(_Strict):
    type: Literal["function"]
    function: _FunctionDeclaration


class _Format(_Strict):
    type: Literal["text", "json_object"]
    json_schema: dict[str, Any] | None = None


class _Reasoning(_Strict):
    type: Literal["enabled", "disabled"]
    token_budget: Annotated[int, Meta(ge=1)] | None = None


class _CitationOptions(_Strict):
    mode: Literal["ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF"]


class _Body(_Strict):
    model: NonEmpty
    messages: Annotated[list[_Message], Meta(min_length=1)]
    stream: bool = False
    tools: Annotated[list[_DeclaredTool], Meta(min_length=1)] | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    strict_tools: bool | None = None
    documents: list[NonEmpty | _DocumentData] | None = None
    citation_options: _CitationOptions | None = None
    safety_mode: Literal["CONTEXTUAL", "STRICT", "OFF"] | None = None
    priority: Annotated[int, Meta(ge=0)] | None = None
    logprobs: bool | None = None
    response_format: _Format | None = None
    thinking: _Reasoning | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop_sequences: Annotated[list[NonEmpty], Meta(min_length=1, max_length=5)] | None = None
    temperature: Annotated[float, Meta(ge=0)] | None = None
    seed: Annotated[int, Meta(ge=0)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    k: Annotated[int, Meta(ge=0, le=500)] | None = None
    p: Annotated[float, Meta(ge=0.01, le=0.99)] | None = None


def violations(body: Mapping[str, object]) -> list[str]:
    """The reasons for which the API would reject *body*; empty if it is valid."""
    try:
        request = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    return [
        *_turns(request.messages),
        *_tool_calls(request.messages),
        *_settings(request),
        *_strict_tools(request),
        *_of_model(request),
    ]


def _turns(messages: Sequence[_Message]) -> Iterator[str]:
    if any(isinstance(message, _System) for message in messages[1:]):
        yield "system turn must be the first in the list"
    if not any(isinstance(message, _User) for message in messages):
        yield "messages: there must be a user message"
    if isinstance(messages[-1], _Assistant):
        yield "messages: the last message must be the user's or a tool's"
    for index, message in enumerate(messages):
        calls = isinstance(message, _Assistant) and message.tool_calls
        if not calls and not _has_content(message.content):
            yield f"messages[{index}]: message must not be empty in a turn"
        if isinstance(message, _Assistant) and message.tool_plan and not calls:
            yield f"messages[{index}]: a tool_plan needs tool_calls"


def _has_content(content: str | Sequence[_Text | _Image | _Thinking | _Document] | None) -> bool:
    match content:
        case None:
            return False
        case str():
            return bool(re.search(VISIBLE, content))
        case _:
            return any(not isinstance(part, _Text) or re.search(VISIBLE, part.text) for part in content)


def _tool_calls(messages: Sequence[_Message]) -> Iterator[str]:
    seen: set[str] = set()
    open_ids: set[str] = set()
    for index, message in enumerate(messages):
        if isinstance(message, _Tool):
            if message.tool_call_id not in open_ids:
                yield f"messages[{index}]: a tool message must answer a tool call right before it"
            open_ids.discard(message.tool_call_id)
            continue
        if open_ids:
            yield f"messages[{index}]: these tool calls have no results: {sorted(open_ids)}"
        calls = message.tool_calls or [] if isinstance(message, _Assistant) else []
        open_ids = {call.id for call in calls}
        if len(seen | open_ids) < len(seen) + len(calls):
            yield f"messages[{index}]: the ids of tool calls must differ"
        seen |= open_ids
        yield from (f"messages[{index}]: arguments must be a JSON object" for call in calls if not _is_object(call))
    if open_ids:
        yield f"messages: these tool calls have no results: {sorted(open_ids)}"


def _is_object(call: _ToolCall) -> bool:
    try:
        return isinstance(msgspec.json.decode(call.function.arguments), dict)
    except msgspec.DecodeError:
        return False


def _settings(request: _Body) -> Iterator[str]:
    names = [tool.function.name for tool in request.tools or []]
    if len(set(names)) < len(names):
        yield "tools: the names of tools must differ"
    if request.tool_choice is not None and not names:
        yield "tool_choice is only allowed with tools"
    if request.response_format is not None and (names or request.documents):
        yield "response_format is not supported with tools or documents"
    if request.frequency_penalty and request.presence_penalty:
        yield "cannot specify both frequency_penalty and presence_penalty"
    if request.safety_mode is not None and (names or request.documents):
        yield "safety_mode is not yet configurable in combination with tools and documents"


def _strict_tools(request: _Body) -> Iterator[str]:
    if not request.strict_tools:
        return
    schemas = [tool.function.parameters or {} for tool in request.tools or []]
    if not schemas:
        yield "strict_tools is only allowed with tools"
    if not all(schema.get("required") for schema in schemas):
        yield "strict_tools: a tool must have at least one required parameter"
    if sum(len(schema.get("properties", {})) for schema in schemas) > 200:
        yield "strict_tools: the tools may have at most 200 fields"


# By the beginning of the name. https://docs.cohere.com/docs/models and https://docs.cohere.com/reference/chat
THINKING = ("command-a-plus", "command-a-reasoning")
TEXT_ONLY = ("command-a-03", "command-a-translate", "command-r7b", "command-r-")
WITHOUT_TOOL_CHOICE = ("command-r-",)
NOT_ACCURATE = ("command-a-03", "command-r7b")
ALWAYS_SAFE = ("command-a-", "command-r7b")
OUTPUT_TOKENS = (
    ("command-a-plus", 64_000),
    ("command-a-reasoning", 32_000),
    ("command-a-03", 8_000),
    ("command-r7b", 4_096),
    ("command-r-", 4_096),
)


def _of_model(request: _Body) -> Iterator[str]:
    """The rules that differ between models. Nothing is known about names that are not Cohere's."""
    model = request.model
    if re.match(r"command-(?:a|r|r7b)-", model) is None:
        return
    if request.thinking is not None and not model.startswith(THINKING):
        yield "thinking is not supported by this model"
    if request.tool_choice is not None and model.startswith(WITHOUT_TOOL_CHOICE):
        yield "tool_choice is not supported by this model"
    mode = request.citation_options.mode if request.citation_options else None
    if mode == "ACCURATE" and model.startswith(NOT_ACCURATE):
        yield f"citation_options: this model does not support the mode {mode}"
    if request.safety_mode == "OFF" and model.startswith(ALWAYS_SAFE):
        yield "safety_mode: this model supports CONTEXTUAL and STRICT"
    parts = [part for message in request.messages if isinstance(message, _User) for part in message.content]
    if any(isinstance(part, _Image) for part in parts) and model.startswith(TEXT_ONLY):
        yield "image inputs are not supported by this model"
    limit = next((limit for name, limit in OUTPUT_TOKENS if model.startswith(name)), None)
    if limit is not None and (request.max_tokens or 0) > limit:
        yield f"too many tokens: max tokens must be less than or equal to {limit}"
