"""Requests to models that use tools in the text of their answers, and the settings that say so."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from ..schema.checks.shown import shown
from ..schema.client import Client
from ..schema.content import ToolResult
from ..schema.errors import InvalidConfig
from ..schema.facts import ModelFacts
from ..schema.request import Prompt, Request, Settings
from ..schema.tools import Tool, ToolChoice

S = TypeVar("S", bound=Settings)

_MAX_NAME_LENGTH = 200


def uses_text(settings: Settings, facts: ModelFacts) -> bool:
    """True if a model with *facts* gets tools, and a history with tool uses, as text."""
    return settings.tool_protocol == "text" or (settings.tool_protocol == "auto" and facts.uses_tools is False)


def text_tools_of(settings: Settings) -> tuple[Tool, ...]:
    """The tools in *settings* that are described in the prompt: those of a provider are its own affair."""
    return tuple(tool for tool in settings.tools if isinstance(tool, Tool))


def tool_schemas(settings: Settings) -> Mapping[str, dict[str, Any]]:
    """The schema of each such tool's input, by the tool's name."""
    return {tool.name: tool.input_schema for tool in text_tools_of(settings)}


def text_settings(settings: S) -> S:
    """*settings* as the API gets them: the tools are in the system prompt."""
    from .instructions import with_tools

    tools = text_tools_of(settings)
    return msgspec.structs.replace(
        settings,
        system=with_tools(settings.system, tools, settings.text_tools, settings.tool_choice)
        if tools
        else settings.system,
        tools=tuple(tool for tool in settings.tools if not isinstance(tool, Tool)),
        tool_choice=None,
    )


def check_settings(client: Client, settings: Settings, facts: ModelFacts) -> None:
    """Reject *settings* that *client*, of a model with *facts*, does not take, with or without tools as text.

    Raises:
        InvalidConfig: the field is named.
    """
    if not uses_text(settings, facts):
        client.check_settings(settings)
        return
    tools = text_tools_of(settings)
    for number, tool in enumerate(tools):
        _check_tool(tool, f"tools[{number}]")
    if tools and settings.output_schema is not None:
        raise InvalidConfig("output_schema", "an answer that is one JSON object has no room for tool uses in its text")
    client.check_settings(text_settings(settings))


def check_results(client: Client, settings: Settings, facts: ModelFacts, results: Sequence[ToolResult]) -> None:
    """Reject *results* with content that *client* does not take in the form in which it gets them.

    Raises:
        UnsupportedContent: a block is named.
    """
    if uses_text(settings, facts):
        client.check_content([block for result in results for block in result.content])
    else:
        client.check_content(results)


def _check_tool(tool: Tool, place: str) -> None:
    if len(tool.name) > _MAX_NAME_LENGTH or not tool.name.isprintable() or set(tool.name) & set("<>&\"'"):
        raise InvalidConfig(f"{place}.name", f"{shown(tool.name)} can't be the name in a tag of the text protocol")
    for field in ("strict", "deferred"):
        if getattr(tool, field):
            raise InvalidConfig(f"{place}.{field}", "the text protocol has no such tools; leave it out")


def text_request(request: Request) -> Request:
    """*request* with all that is about tools as text. What has been rendered before is in its memo."""
    from .rendering import RenderedHistory  # with how tools are described: few models need it

    settings, memo = request.settings, request.memo
    tools = text_tools_of(settings)
    results = settings.text_tools.results
    history = memo.rendered if isinstance(memo.rendered, RenderedHistory) else RenderedHistory()
    memo.rendered = history
    messages = history.messages(request.messages, (results, [*map(id, tools)], tools), tool_schemas(settings), results)
    prompts = tuple(_text_prompt(prompt, settings) for prompt in request.prompts)
    return msgspec.structs.replace(request, messages=messages, settings=text_settings(settings), prompts=prompts)


def max_calls(settings: Settings) -> int:
    """How many tool uses an answer may have."""
    choice = settings.tool_choice or ToolChoice()
    return settings.text_tools.max_calls if choice.parallel else 1


def usable(settings: Settings) -> frozenset[str] | None:
    """The names of the tools that the tool choice leaves; ``None`` if it does not limit them."""
    match settings.tool_choice:
        case ToolChoice(mode="none"):
            return frozenset()
        case ToolChoice(mode="tool", name=str() as name):
            return frozenset((name,))
        case ToolChoice(allowed=allowed) if allowed:
            return frozenset(allowed)
        case _:
            return None


def _text_prompt(prompt: Prompt, settings: Settings) -> Prompt:
    """*prompt* as the API gets it; the last one is that of *settings*."""
    is_current = (prompt.system, prompt.tools) == (settings.system, settings.tools)
    choice = settings.tool_choice if is_current else None
    own = Settings(system=prompt.system, tools=prompt.tools, text_tools=settings.text_tools, tool_choice=choice)
    text = text_settings(own)
    return Prompt(start=prompt.start, system=text.system, tools=text.tools)
