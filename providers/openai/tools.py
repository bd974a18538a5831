"""How OpenAI's two APIs refer to tools in a tool choice."""

from collections.abc import Callable, Sequence
from typing import Any

from ..schema.tools import ProviderTool, Tool, ToolChoice

_Object = dict[str, Any]

# The hosted tools that a tool choice may force by their type. Others are forced as the only tool that is allowed.
# https://developers.openai.com/api/docs/api-reference/responses/create#responses-create-tool_choice
_FORCED_TYPES = frozenset(
    {
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use",
        "computer_use_preview",
        "file_search",
        "image_generation",
        "programmatic_tool_calling",
        "shell",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    }
)


def chat_choice(tools: Sequence[Tool | ProviderTool], choice: ToolChoice) -> _Object:
    """The members for *choice* of *tools* in Chat Completions."""
    return _members(choice, tools, _chat_reference, nested=True)


def responses_choice(tools: Sequence[Tool | ProviderTool], choice: ToolChoice) -> _Object:
    """The members for *choice* of *tools* in the Responses API."""
    return _members(choice, tools, _responses_reference, nested=False)


def custom_tool_name(definition: _Object) -> str:
    """The name in the *definition* of a custom tool, which Chat Completions nest."""
    nested: _Object = definition.get("custom") or definition
    return str(nested.get("name"))


def _members(
    choice: ToolChoice,
    tools: Sequence[Tool | ProviderTool],
    reference: Callable[[str, ProviderTool | None], _Object],
    nested: bool,
) -> _Object:
    own = {_name(tool): tool for tool in tools if isinstance(tool, ProviderTool)}
    chosen: str | _Object
    if choice.name is not None:
        tool = reference(choice.name, own.get(choice.name))
        is_forced = len(tool) > 1 or tool["type"] in _FORCED_TYPES
        chosen = tool if is_forced else _allowed("required", [tool], nested)
    elif choice.allowed:
        chosen = _allowed(choice.mode, [reference(name, own.get(name)) for name in choice.allowed], nested)
    else:
        chosen = choice.mode
    return {"tool_choice": chosen, **({} if choice.parallel else {"parallel_tool_calls": False})}


def _allowed(mode: str, references: list[_Object], nested: bool) -> _Object:
    allowed = {"mode": mode, "tools": references}
    return {"type": "allowed_tools", **({"allowed_tools": allowed} if nested else allowed)}


def _name(tool: ProviderTool) -> str:
    match tool.definition:
        case {"type": "custom"}:
            return custom_tool_name(tool.definition)
        case {"type": "mcp", "server_label": str(label)}:
            return label
        case _:
            return tool.name


def _chat_reference(name: str, tool: ProviderTool | None) -> _Object:
    kind = "function" if tool is None else "custom"
    return {"type": kind, kind: {"name": name}}


def _responses_reference(name: str, tool: ProviderTool | None) -> _Object:
    match tool.definition if tool else {"type": "function"}:
        case {"type": ("function" | "custom") as kind}:
            return {"type": kind, "name": name}
        case {"type": "mcp"}:
            return {"type": "mcp", "server_label": name}
        case definition:
            return {"type": str(definition.get("type"))}
