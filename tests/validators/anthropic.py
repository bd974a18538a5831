"""Anthropic's rules for the body of a request to its Messages API.

They come from its documents (Messages, Handle tool calls, Extended thinking) and from the errors that its API gives;
the names of fields are those of its SDK's parameter types. Where its API is lenient (it joins messages of one role),
this is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from validators.anthropic_blocks import (
    VISIBLE,
    AssistantBlock,
    CacheControl,
    Given,
    NonEmpty,
    RedactedThinking,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    UserBlock,
)
from validators.anthropic_settings import misfits


class _User(Given, tag_field="role", tag="user"):
    forms: ClassVar[Mapping[str, str]] = {"content": VISIBLE}

    content: str | Annotated[list[UserBlock], Meta(min_length=1)]


class _Assistant(Given, tag_field="role", tag="assistant"):
    forms: ClassVar[Mapping[str, str]] = {"content": VISIBLE}

    content: str | Annotated[list[AssistantBlock], Meta(min_length=1)]


class _Schema(Struct):
    type: Literal["object"]


class _Tool(Given):
    name: str
    input_schema: _Schema
    description: str | None = None
    type: Literal["custom"] | None = None
    cache_control: CacheControl | None = None
    strict: bool = False


class _Choice(Given, tag_field="type"):
    disable_parallel_tool_use: bool = False


class _Auto(_Choice, kw_only=True, tag="auto"):
    pass


class _Any(_Choice, kw_only=True, tag="any"):
    pass


class _NoTool(Given, tag_field="type", tag="none"):
    pass


class _OneTool(_Choice, kw_only=True, tag="tool"):
    name: str


class _ThinkingOn(Given, tag_field="type", tag="enabled"):
    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: str | None = None


class _ThinkingAdaptive(Given, tag_field="type", tag="adaptive"):
    display: str | None = None


class _ThinkingOff(Given, tag_field="type", tag="disabled"):
    pass


class _Body(Given):
    model: NonEmpty
    max_tokens: Annotated[int, Meta(ge=1)]
    messages: Annotated[list[_User | _Assistant], Meta(min_length=1)]
    system: str | Annotated[list[Text], Meta(min_length=1)] | None = None
    tools: tuple[_Tool, ...] = ()
    tool_choice: _Auto | _Any | _OneTool | _NoTool | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: _ThinkingOn | _ThinkingAdaptive | _ThinkingOff | None = None
    stop_sequences: tuple[str, ...] = ()
    stream: bool = False
    metadata: dict[str, Any] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    output_config: dict[str, Any] | None = None


def violations(body: Mapping[str, object]) -> list[str]:
    """What Anthropic would refuse in *body*; nothing, if the request is good."""
    try:
        asked = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    messages = asked.messages
    of_messages = [*_roles(messages), *_tool_pairs(messages), *_last_words(messages)]
    return [*of_messages, *_tools(asked), *_thinking(asked), *misfits(body)]


def _roles(messages: Sequence[_User | _Assistant]) -> Iterator[str]:
    if not isinstance(messages[0], _User):
        yield "messages.0: the first message must be the user's"
    for at, (before, message) in enumerate(pairwise(messages), start=1):
        if type(before) is type(message):
            yield f"messages.{at}: roles must alternate"


def _tool_pairs(messages: Sequence[_User | _Assistant]) -> Iterator[str]:
    seen: set[str] = set()
    open_ids: list[str] = []
    for at, message in enumerate(messages):
        blocks = _blocks(message)
        results = [block for block in blocks if isinstance(block, ToolResult)]
        answered = [block.tool_use_id for block in results]
        if any(isinstance(block, ToolResult) for block in blocks[len(results) :]):
            yield f"messages.{at}: tool results must come before all else"
        for missing in set(open_ids) - set(answered):
            yield f"messages.{at}: no tool_result for the tool_use {missing!r} right before"
        for unknown in set(answered) - set(open_ids):
            yield f"messages.{at}: a tool_result for {unknown!r}, which the message before does not ask for"
        if len(set(answered)) < len(answered):
            yield f"messages.{at}: each tool_use must have a single result"
        for result in results:
            yield from (f"messages.{at}: {problem}" for problem in _result(result))
        open_ids = [block.id for block in blocks if isinstance(block, ToolUse)]
        if len(seen | set(open_ids)) < len(seen) + len(open_ids):
            yield f"messages.{at}: `tool_use` ids must be unique"
        seen.update(open_ids)
    if open_ids:
        yield f"messages: no tool_result for the tool_use {open_ids} at the end"


def _result(result: ToolResult) -> Iterator[str]:
    if result.is_error and not result.content:
        yield "tool_result: content cannot be empty if `is_error` is true"
    if result.is_error and any(not isinstance(part, str | Text) for part in result.content):
        yield "tool_result: all content must be type `text` if `is_error` is true"


def _last_words(messages: Sequence[_User | _Assistant]) -> Iterator[str]:
    if isinstance(last := messages[-1], _Assistant):
        end = last.content if isinstance(last.content, str) else last.content[-1]
        text = end.text if isinstance(end, Text) else end
        if isinstance(text, str) and text != text.rstrip():
            yield "messages: final assistant content cannot end with trailing whitespace"


def _tools(asked: _Body) -> Iterator[str]:
    names = [tool.name for tool in asked.tools]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    if asked.tool_choice and not names:
        yield "tool_choice may only be specified while providing tools"
    if isinstance(asked.tool_choice, _OneTool) and asked.tool_choice.name not in names:
        yield f"tool_choice: there is no tool {asked.tool_choice.name!r}"


def _thinking(asked: _Body) -> Iterator[str]:
    for at, message in enumerate(asked.messages):
        kinds = [type(block) for block in _blocks(message)]
        if ToolUse in kinds and {Thinking, RedactedThinking} & set(kinds[kinds.index(ToolUse) :]):
            yield f"messages.{at}: thinking must come before tool_use"
    if not isinstance(asked.thinking, _ThinkingOn):
        return
    if asked.thinking.budget_tokens >= asked.max_tokens:
        yield "`max_tokens` must be greater than `thinking.budget_tokens`"
    if asked.temperature not in (None, 1):
        yield "`temperature` may only be set to 1 when thinking is enabled"
    if isinstance(asked.tool_choice, _Any | _OneTool):
        yield "Thinking may not be enabled when tool_choice forces tool use."
    if any(isinstance(block, ToolResult) for block in _blocks(asked.messages[-1])):
        first, *_ = _blocks(asked.messages[-2]) if len(asked.messages) > 1 else [None]
        if not isinstance(first, Thinking | RedactedThinking):
            yield "When `thinking` is enabled, a final `assistant` message must start with a thinking block"


def _blocks(message: _User | _Assistant) -> Sequence[UserBlock | AssistantBlock | None]:
    return [] if isinstance(message.content, str) else message.content
