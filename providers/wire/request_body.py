"""Parts of request bodies that several APIs have in common."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from ..schema.request import Settings
from ..schema.tools import ProviderTool, Tool, ToolChoice

_Object = dict[str, Any]
_json = msgspec.json.encode

_KEPT_SCHEMAS = 1_000
_schemas: OrderedDict[int, tuple[_Object, msgspec.Raw]] = OrderedDict()
"""Schemas of tools, and their JSON, by identity: sessions with equal tools hold the same ones."""


def members(settings: Settings, names: Mapping[str, str]) -> _Object:
    """The settings that are given, by the API's names: *names* maps the fields of ``Settings`` to these."""
    values = {theirs: getattr(settings, ours) for ours, theirs in names.items()}
    return {name: value for name, value in values.items() if value is not None}


def tool_definition(tool: Tool, schema: Mapping[str, Any]) -> _Object:
    """Name and description of *tool*, and the member that holds its *schema*."""
    description = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **description, **schema}


def schema_json(tool: Tool) -> msgspec.Raw:
    """The schema of *tool* as JSON, which is made once: it is a part of each request."""
    schema = tool.input_schema
    kept = _schemas.get(id(schema))
    if kept is None:
        kept = _schemas[id(schema)] = schema, msgspec.Raw(_json(schema))
        if len(_schemas) > _KEPT_SCHEMAS:
            _schemas.popitem(last=False)
    return kept[1]


def function_tool(tool: Tool) -> _Object:
    """*tool* as Chat Completions define it, and those who follow them."""
    return {"type": "function", "function": tool_definition(tool, {"parameters": schema_json(tool)})}


def tool_members(
    settings: Settings, define: Callable[[Tool], _Object], choose: Callable[[ToolChoice], _Object]
) -> _Object:
    """The tools of *settings*, and the members for the tool choice if there is one; empty without tools.

    The provider's own tools are sent as they are.
    """
    if not settings.tools:
        return {}
    choice = {} if settings.tool_choice is None else choose(settings.tool_choice)
    return {"tools": tool_definitions(settings.tools, define), **choice}


def tool_definitions(tools: Iterable[Tool | ProviderTool], define: Callable[[Tool], _Object]) -> list[_Object]:
    """*tools* in the API's form: *define* makes it of those that the program runs."""
    return [dict(tool.definition) if isinstance(tool, ProviderTool) else define(tool) for tool in tools]


def json_body(head: _Object, name: str, items: Iterable[bytes]) -> bytes:
    """*head* as JSON with one more member: *name*, the array of *items*, which are encoded already.

    The opening and the end go to the first and the last item, so that a long history is copied once.
    """
    pieces = [*items] or [b""]
    pieces[0] = b'%b,"%b":[%b' % (_json(head)[:-1], name.encode(), pieces[0])
    pieces[-1] += b"]}"
    return b",".join(pieces)
