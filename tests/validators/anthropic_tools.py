"""Anthropic's rules for tools, and for the messages that change them in the middle of a conversation.

https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview, .../strict-tool-use, .../tool-search-tool;
https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct

from validators.anthropic_blocks import CacheControl, Strict, Text

Json = Mapping[str, Any]
MAX_STRICT_TOOLS = 20


class _Schema(Struct):
    type: Literal["object"]


class _Tool(Strict):
    name: str
    input_schema: _Schema
    description: str | None = None
    type: Literal["custom"] | None = None
    cache_control: CacheControl | None = None
    strict: bool = False
    defer_loading: bool = False
    eager_input_streaming: bool | None = None
    input_examples: list[dict[str, Any]] | None = None
    allowed_callers: list[str] | None = None


class _Reference(Strict, tag_field="type", tag="tool_reference"):
    name: str


class _Definition(Strict, tag_field="type", tag="tool_definition"):
    definition: dict[str, Any]


class _Addition(Strict, tag_field="type", tag="tool_addition"):
    tool: _Reference | _Definition
    cache_control: CacheControl | None = None


class _Removal(Strict, tag_field="type", tag="tool_removal"):
    tool: _Reference
    cache_control: CacheControl | None = None


SystemBlock = Text | _Addition | _Removal


def tool_violations(tools: Sequence[Json]) -> Iterator[str]:
    """What is wrong with the definitions *tools*."""
    for index, tool in enumerate(tools):
        yield from (f"tools.{index}: {problem}" for problem in _definition(tool))
    names = [tool.get("name") for tool in tools]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    if tools and all(tool.get("defer_loading") for tool in tools):
        yield "All tools have defer_loading set. At least one tool must be non-deferred."
    if sum(bool(tool.get("strict")) for tool in tools) > MAX_STRICT_TOOLS:
        yield f"tools: at most {MAX_STRICT_TOOLS} strict tools"


def change_violations(messages: Sequence[Json], tools: Sequence[Json], betas: Sequence[str]) -> Iterator[str]:
    """What is wrong with the place and the content of the system messages among *messages*."""
    declared = {tool.get("name"): tool for tool in tools}
    for index, message in enumerate(messages):
        if message["role"] != "system":
            continue
        yield from (f"messages.{index}: {problem}" for problem in _placement(messages, index))
        content: str | list[Json] = message["content"]
        for block in content if isinstance(content, list) else ():
            yield from (f"messages.{index}: {problem}" for problem in _change(block, declared, betas))


def _definition(tool: Json) -> Iterator[str]:
    if tool.get("defer_loading") and "cache_control" in tool:
        yield "a tool with defer_loading cannot have cache_control"
    if tool.get("type", "custom") != "custom":  # one of the provider's own
        if not isinstance(tool.get("name"), str) and tool["type"] != "mcp_toolset":
            yield "name: Field required"
        return
    try:
        msgspec.convert(tool, _Tool)
    except msgspec.ValidationError as error:
        yield str(error)
    if tool.get("strict") and not is_closed(tool["input_schema"]):
        yield "For 'object' type, 'additionalProperties' must be explicitly set to false"


def is_closed(schema: object) -> bool:
    """True if no object in *schema* may have members that it does not name."""
    if isinstance(schema, list):
        return all(map(is_closed, cast("list[object]", schema)))
    if not isinstance(schema, dict):
        return True
    members = cast("dict[str, object]", schema)
    is_open = members.get("type") == "object" and members.get("additionalProperties") is not False
    return not is_open and all(map(is_closed, members.values()))


def _placement(messages: Sequence[Json], index: int) -> Iterator[str]:
    before = next((message for message in reversed(messages[:index]) if message["role"] != "system"), None)
    after = next((message for message in messages[index + 1 :] if message["role"] != "system"), None)
    if before is None or not (before["role"] == "user" or _ends_in_server_result(before)):
        yield "role 'system' must follow a user message"
    if after is not None and after["role"] != "assistant":
        yield "role 'system' must be last, or be followed by an assistant message"


def _ends_in_server_result(message: Json) -> bool:
    content = message["content"]
    return isinstance(content, list) and cast("Json", content[-1]).get("type", "").endswith("_tool_result")


def _change(block: Json, declared: dict[Any, Json], betas: Sequence[str]) -> Iterator[str]:
    if block["type"] == "text":
        return
    if not any(beta.startswith(("inline-tools-", "mid-conversation-tool-changes-")) for beta in betas):
        yield f"{block['type']}: requires a beta header"
    tool = block["tool"]
    if tool["type"] == "tool_reference":
        if tool["name"] not in declared:
            yield f"tool_reference_unresolved: {tool['name']!r}"
        return
    definition = tool["definition"]
    if not any(beta.startswith("inline-tools-") for beta in betas):
        yield "tool_definition: requires a beta header"
    yield from _definition(definition)
    known = declared.get(definition.get("name"))
    if known is not None and known.get("type", "custom") != definition.get("type", "custom"):
        yield f"tool_name_conflict: {definition['name']!r}"
    declared[definition.get("name")] = definition
