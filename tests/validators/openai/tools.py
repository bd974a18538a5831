"""The rules for the tools and the tool choice of a request to the Responses API."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from validators.patterns import PatternChecked

NAME = r"^[a-zA-Z0-9_-]{1,64}\Z"
NonEmpty = Annotated[str, Meta(min_length=1)]


class _Strict(PatternChecked, kw_only=True, forbid_unknown_fields=True):
    """``Unknown parameter``"""


class _FunctionTool(_Strict, tag_field="type", tag="function"):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    parameters: dict[str, Any] | None
    strict: bool | None = None
    description: str | None = None
    defer_loading: bool | None = None


class _CustomTool(_Strict, tag_field="type", tag="custom"):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None
    defer_loading: bool | None = None


class _McpTool(_Strict, tag_field="type", tag="mcp"):
    server_label: NonEmpty
    server_url: NonEmpty | None = None
    connector_id: NonEmpty | None = None
    authorization: NonEmpty | None = None
    headers: dict[str, str] | None = None
    allowed_tools: Any = None
    require_approval: Any = None
    server_description: str | None = None
    defer_loading: bool | None = None


KnownTool = _FunctionTool | _CustomTool | _McpTool
_HOSTED = (
    "apply_patch",
    "code_interpreter",
    "computer",
    "file_search",
    "image_generation",
    "namespace",
    "shell",
    "tool_search",
    "web_search",
    "web_search_preview",
)
"""Tools that OpenAI runs itself, and groups of tools. Their members are not checked."""

_FORCED = (
    "apply_patch",
    "code_interpreter",
    "computer",
    "file_search",
    "image_generation",
    "shell",
    "web_search_preview",
)
"""Those that a tool choice may name by their type."""


class _OneTool(_Strict, tag_field="type", tag="function"):
    patterns: ClassVar[Mapping[str, str]] = {"name": NAME}

    name: str


class _OneCustomTool(_Strict, tag_field="type", tag="custom"):
    name: str


class _OneServer(_Strict, tag_field="type", tag="mcp"):
    server_label: str
    name: str | None = None


class _AllowedTools(_Strict, tag_field="type", tag="allowed_tools"):
    mode: Literal["auto", "required"]
    tools: Annotated[list[dict[str, Any]], Meta(min_length=1)]


Reference = _OneTool | _OneCustomTool | _OneServer


def decoded_tool(tool: Mapping[str, Any]) -> KnownTool | str:
    """The decoded *tool*, or the type of one that OpenAI runs itself."""
    if tool.get("type") in _HOSTED:
        return str(tool["type"])
    decoded: KnownTool = msgspec.convert(tool, KnownTool)
    return decoded


def chosen_tools(choice: str | dict[str, Any] | None) -> list[Reference | str]:
    """The tools that *choice* names."""
    if not isinstance(choice, dict):
        return []
    if choice.get("type") == "allowed_tools":
        allowed = msgspec.convert(choice, _AllowedTools).tools
        return [_reference(tool, _HOSTED) for tool in allowed]
    return [_reference(choice, _FORCED)]


def _reference(tool: Mapping[str, Any], types: Sequence[str]) -> Reference | str:
    if tool.get("type") in types and len(tool) == 1:
        return str(tool["type"])
    decoded: Reference = msgspec.convert(tool, Reference)
    return decoded


def tool_violations(
    tool_choice: object, tools: Sequence[KnownTool | str], chosen: Sequence[Reference | str]
) -> Iterator[str]:
    """What is wrong with *tools* and *tool_choice*, which names those that are *chosen*."""
    names = [_name(tool) for tool in tools]
    if len(set(names)) < len(names):
        yield "tools: the names of tools must differ"
    if tool_choice is not None and tool_choice != "auto" and not names:
        yield "Tool choice must not be specified when no tools are specified."
    for tool in chosen:
        if _name(tool) not in names:
            yield f"Tool choice '{_name(tool)}' not found in 'tools' parameter."
    deferred = [tool for tool in tools if not isinstance(tool, str) and tool.defer_loading]
    if deferred and "tool_search" not in tools:
        yield "tools: defer_loading needs a tool_search"


def _name(tool: KnownTool | Reference | str) -> str:
    match tool:
        case _McpTool(server_label=label) | _OneServer(server_label=label):
            return label
        case str():
            return tool
        case _:
            return tool.name
