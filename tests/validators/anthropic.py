"""Anthropic's rules for the body of a request to its Messages API.

They come from its documentation (Messages, Handle tool calls, Extended thinking, Prompt caching) and from its errors;
the names of fields are those of its SDK's parameter types. They are stricter than the API where it is lenient (it
merges consecutive messages of one role). The rules by model and those for tools are in files of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, cast

import msgspec
from msgspec import Meta

from validators.anthropic_blocks import (
    AssistantBlock,
    NonEmpty,
    RedactedThinking,
    Strict,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    UserBlock,
)
from validators.anthropic_models import model_violations
from validators.anthropic_tools import SystemBlock, change_violations, is_closed, tool_violations
from validators.betas.anthropic import Compaction, CompactionBlock, Fallback, beta_violations
from validators.patterns import VISIBLE

MAX_MARKS = 4
NO_HEADERS: Mapping[str, str] = {}


class _User(Strict, tag_field="role", tag="user"):
    patterns: ClassVar[Mapping[str, str]] = {"content": VISIBLE}

    content: str | Annotated[list[UserBlock], Meta(min_length=1)]


class _Assistant(Strict, tag_field="role", tag="assistant"):
    patterns: ClassVar[Mapping[str, str]] = {"content": VISIBLE}

    content: str | Annotated[list[AssistantBlock], Meta(min_length=1)]


class _System(Strict, tag_field="role", tag="system"):
    patterns: ClassVar[Mapping[str, str]] = {"content": VISIBLE}

    content: str | Annotated[list[SystemBlock], Meta(min_length=1)]


class _Choice(Strict, tag_field="type"):
    disable_parallel_tool_use: bool = False


class _Auto(_Choice, kw_only=True, tag="auto"):
    pass


class _Any(_Choice, kw_only=True, tag="any"):
    pass


class _NoTool(Strict, tag_field="type", tag="none"):
    pass


class _OneTool(_Choice, kw_only=True, tag="tool"):
    name: str


class _Binding(Strict):
    prefix_mismatch_behavior: Literal["error", "drop_block"]


class _ThinkingOn(Strict, tag_field="type", tag="enabled"):
    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: Literal["summarized", "omitted"] | None = None
    block_binding: _Binding | None = None


class _ThinkingAdaptive(Strict, tag_field="type", tag="adaptive"):
    display: Literal["summarized", "omitted"] | None = None
    block_binding: _Binding | None = None


class _ThinkingOff(Strict, tag_field="type", tag="disabled"):
    pass


class _ThinkingBetweenTools(Strict, tag_field="type", tag="between_tools"):
    pass


class _Metadata(Strict):
    user_id: str | None = None


class _Format(Strict):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class _OutputConfig(Strict):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Body(Strict):
    model: NonEmpty
    max_tokens: Annotated[int, Meta(ge=1)]
    messages: Annotated[list[_User | _Assistant | _System], Meta(min_length=1)]
    system: str | Annotated[list[Text], Meta(min_length=1)] | None = None
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: _Auto | _Any | _OneTool | _NoTool | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: float | None = None
    top_k: int | None = None
    thinking: _ThinkingOn | _ThinkingAdaptive | _ThinkingOff | _ThinkingBetweenTools | None = None
    stop_sequences: tuple[str, ...] = ()
    stream: bool = False
    metadata: _Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    output_config: _OutputConfig | None = None
    compaction: Compaction | None = None
    fallbacks: Literal["default"] | Annotated[list[Fallback], Meta(min_length=1)] | None = None


def violations(body: Mapping[str, Any], headers: Mapping[str, str] = NO_HEADERS) -> list[str]:
    """The reasons for which Anthropic would reject *body*, sent with *headers*; empty if it is valid."""
    try:
        request = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        return [str(error)]
    betas = headers.get("anthropic-beta", "").split(",")
    messages = [message for message in request.messages if not isinstance(message, _System)]
    in_messages = [*_roles(messages), *_tool_pairs(messages), *_trailing_whitespace(messages)]
    in_tools = [*tool_violations(request.tools), *change_violations(body["messages"], request.tools, betas)]
    in_settings = [*_tools(request), *_thinking(request), *_settings(body), *_version(body, headers)]
    return [*in_messages, *in_tools, *in_settings, *model_violations(body), *beta_violations(body, betas)]


def _roles(messages: Sequence[_User | _Assistant]) -> Iterator[str]:
    begins_with_summary = isinstance(next(iter(_blocks(messages[0])), None), CompactionBlock)
    if not isinstance(messages[0], _User) and not begins_with_summary:
        yield "messages.0: the first message must be the user's"
    summaries = [
        index
        for index, message in enumerate(messages)
        for block in _blocks(message)
        if isinstance(block, CompactionBlock)
    ]
    if summaries[1:]:
        yield "compaction_block_ambiguous"
    elif summaries and not begins_with_summary:
        yield f"messages.{summaries[0]}: compaction_block_misplaced"
    for index, (before, message) in enumerate(pairwise(messages), start=1):
        if type(before) is type(message) and not (index == 1 and begins_with_summary):
            yield f"messages.{index}: roles must alternate"


def _tool_pairs(messages: Sequence[_User | _Assistant]) -> Iterator[str]:
    seen: set[str] = set()
    open_ids: list[str] = []
    for index, message in enumerate(messages):
        blocks = _blocks(message)
        results = [block for block in blocks if isinstance(block, ToolResult)]
        answered = [block.tool_use_id for block in results]
        if any(isinstance(block, ToolResult) for block in blocks[len(results) :]):
            yield f"messages.{index}: tool results must come before other content"
        for missing in set(open_ids) - set(answered):
            yield f"messages.{index}: no tool_result for the tool_use {missing!r} right before"
        for unknown in set(answered) - set(open_ids):
            yield f"messages.{index}: a tool_result for {unknown!r}, which is not a tool_use of the message before"
        if len(set(answered)) < len(answered):
            yield f"messages.{index}: each tool_use must have a single result"
        for result in results:
            yield from (f"messages.{index}: {problem}" for problem in _result(result))
        open_ids = [block.id for block in blocks if isinstance(block, ToolUse)]
        if len(seen | set(open_ids)) < len(seen) + len(open_ids):
            yield f"messages.{index}: `tool_use` ids must be unique"
        seen.update(open_ids)
    if open_ids:
        yield f"messages: no tool_result for the tool_use {open_ids} at the end"


def _result(result: ToolResult) -> Iterator[str]:
    if result.is_error and not result.content:
        yield "tool_result: content cannot be empty if `is_error` is true"
    if result.is_error and any(not isinstance(part, str | Text) for part in result.content):
        yield "tool_result: all content must be type `text` if `is_error` is true"


def _trailing_whitespace(messages: Sequence[_User | _Assistant]) -> Iterator[str]:
    if isinstance(last := messages[-1], _Assistant):
        end = last.content if isinstance(last.content, str) else last.content[-1]
        text = end.text if isinstance(end, Text) else end
        if isinstance(text, str) and text != text.rstrip():
            yield "messages: final assistant content cannot end with trailing whitespace"


def _tools(request: _Body) -> Iterator[str]:
    names = [tool.get("name") for tool in request.tools]
    if request.tool_choice and not names:
        yield "tool_choice may only be specified while providing tools"
    if isinstance(request.tool_choice, _OneTool) and request.tool_choice.name not in names:
        yield f"tool_choice: there is no tool {request.tool_choice.name!r}"


def _thinking(request: _Body) -> Iterator[str]:
    for index, message in enumerate(request.messages):
        kinds = [type(block) for block in _blocks(message)]
        if kinds and kinds[-1] in (Thinking, RedactedThinking):
            yield f"messages.{index}: the final block in an assistant message cannot be `thinking`"
        if ToolUse in kinds and {Thinking, RedactedThinking} & set(kinds[kinds.index(ToolUse) :]):
            yield f"messages.{index}: thinking must come before tool_use"
    if not isinstance(request.thinking, _ThinkingOn):
        return
    if request.thinking.budget_tokens >= request.max_tokens:
        yield "`max_tokens` must be greater than `thinking.budget_tokens`"
    if isinstance(request.tool_choice, _Any | _OneTool):
        yield "Thinking may not be enabled when tool_choice forces tool use."
    if any(isinstance(block, ToolResult) for block in _blocks(request.messages[-1])):
        first, *_ = _blocks(request.messages[-2]) if len(request.messages) > 1 else [None]
        if not isinstance(first, Thinking | RedactedThinking):
            yield "When `thinking` is enabled, a final `assistant` message must start with a thinking block"


def _blocks(message: _User | _Assistant | _System) -> Sequence[UserBlock | AssistantBlock | SystemBlock | None]:
    return [] if isinstance(message.content, str) else message.content


def _settings(body: Mapping[str, object]) -> Iterator[str]:
    """Rules for the cache marks and for settings with a thinking budget."""
    marks = list(_marks({name: body[name] for name in ("tools", "system", "messages") if name in body}))
    if len(marks) > MAX_MARKS:
        yield f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {len(marks)}."
    ttls = [cast("Mapping[str, str]", mark).get("ttl", "5m") for mark in marks]
    if ttls != sorted(ttls):
        yield "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
    output_format = cast("Mapping[str, Any]", body.get("output_config") or {}).get("format")
    if output_format and not is_closed(output_format["schema"]):
        yield "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
    thinking = body.get("thinking")
    if isinstance(thinking, Mapping) and cast("Mapping[str, object]", thinking).get("type") in ("enabled", "adaptive"):
        yield from _while_thinking(body)


def _version(body: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[str]:
    """Rules of the versions since 2026-10-21."""
    if headers.get("anthropic-version", "") < "2026-10-21":
        return
    for name in ("temperature", "top_p", "top_k"):
        if name in body:
            yield f"{name}: Extra inputs are not permitted"
    for index, message in enumerate(body["messages"]):
        blocks: list[Mapping[str, Any]] = message["content"] if isinstance(message["content"], list) else []
        if message["role"] == "user" and any(block.get("citations") for block in blocks if block["type"] == "text"):
            yield f"messages.{index}: citations are not permitted in a user message"


def _while_thinking(body: Mapping[str, object]) -> Iterator[str]:
    if body.get("temperature") not in (None, 1):
        yield "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode"
    if "top_k" in body:
        yield "`top_k` must be unset when thinking is enabled"
    if not 0.95 <= cast(float, body.get("top_p", 1.0)) <= 1:
        yield "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled"


def _marks(part: object) -> Iterator[object]:
    """The cache marks in *part*, except members of that name in tool inputs and schemas."""
    if isinstance(part, Mapping):
        members = cast("Mapping[str, object]", part)
        yield from (value for name, value in members.items() if name == "cache_control")
        for name, value in members.items():
            if name not in ("input", "input_schema", "output_config"):
                yield from _marks(value)
    elif isinstance(part, list | tuple):
        for value in cast("list[object]", part):
            yield from _marks(value)
