"""Recorded requests of Anthropic's Messages API."""

from collections.abc import Iterator
from typing import Any

import msgspec

from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
from rayconteur.providers.schema.messages import Role
from rayconteur.providers.schema.request import Reasoning, Settings
from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
from recorded_requests.expression import Expression, Members, NotExpressible, Recorded, messages, system_text
from recorded_requests.json_values import JSON
from recorded_requests.media import media_bytes

_NUMBERS = {name: name for name in ("temperature", "top_p", "top_k")} | {"max_output_tokens": "max_tokens"}
_MODES: JSON = {"any": "required"}


def read(recorded: Recorded) -> Expression:
    """*recorded* as settings and messages."""
    body = Members(recorded.body)
    config = Anthropic(model=body.take("model"), extra_body=body.extra("mcp_servers", "context_management"))
    settings = Settings(
        **body.renamed(_NUMBERS),
        **_prompt(body),
        **_thinking(body),
        **body.renamed({"service_tier": "service_tier"}),
        user=Members(body.take("metadata", {})).take("user_id"),
        stop_sequences=tuple(body.take("stop_sequences", ())),
        prompt_caching='"cache_control"' in str(recorded.body).replace("'", '"'),
        streaming=body.take("stream", False),
    )
    turns = [(Role(turn["role"]), list(_blocks(turn["content"]))) for turn in _turns(body)]
    body.end("body")
    return Expression(config, settings, messages(turns))


def _turns(body: Members) -> list[JSON]:
    turns = body.take("messages")
    if not all(isinstance(turn, dict) for turn in turns):
        raise NotExpressible("an invalid request: messages that are no objects")
    return list(turns)


def _prompt(body: Members) -> JSON:
    system = body.take("system", [])
    blocks: list[JSON] = [{"text": system}] if isinstance(system, str) else system
    choice = body.take("tool_choice")
    return {
        "system": system_text(blocks),
        "tools": tuple(_tool(tool) for tool in body.take("tools", ())),
        "tool_choice": _tool_choice(choice) if choice else None,
    }


def _tool(tool: JSON) -> Tool | ProviderTool:
    if tool.get("type", "custom") != "custom":
        return ProviderTool(provider="anthropic", definition=tool)
    members = Members(tool)
    read = Tool(
        name=members.take("name"),
        description=members.take("description", ""),
        input_schema=members.take("input_schema"),
        strict=members.take("strict", False),
        deferred=members.take("defer_loading", False),
    )
    members.taken |= {"type", "cache_control"}
    members.end("tool")
    return read


def _tool_choice(choice: JSON) -> ToolChoice:
    mode: Any = _MODES.get(choice["type"], choice["type"])
    return ToolChoice(mode=mode, name=choice.get("name"), parallel=not choice.get("disable_parallel_tool_use"))


def _thinking(body: Members) -> JSON:
    """The fields for thinking and the output. Where thinking is adaptive, the effort is the model's own or given."""
    thinking, output = Members(body.take("thinking", {})), Members(body.take("output_config", {}))
    schema = Members(output.take("format", {}))
    kind, effort = thinking.take("type"), output.take("effort")
    budget, display = thinking.take("budget_tokens"), thinking.take("display")
    thinking.end("thinking")
    output.end("output_config")
    if kind == "disabled":
        effort = "none"
    asked = kind is not None or effort is not None
    reasoning = Reasoning(budget_tokens=budget, effort=effort, show=display != "omitted") if asked else None
    return {"thinking": reasoning, "output_schema": schema.take("schema")}


def _blocks(content: str | list[JSON]) -> Iterator[Block]:
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        yield _block(Members(block))


def _block(block: Members) -> Block:
    block.taken.add("cache_control")
    match block.take("type"):
        case "text" if not block.values.get("citations"):
            read: Block = Text(text=block.take("text"))
            block.taken.add("citations")
        case "image" | "document":
            return _media(block)
        case "thinking":
            read = Thinking(text=block.take("thinking"), provider="anthropic", signature=block.take("signature"))
        case "redacted_thinking":
            read = Thinking(text="", provider="anthropic", signature=block.take("data"), redacted=True)
        case "tool_use":
            read = ToolUse(id=block.take("id"), name=block.take("name"), input=block.take("input"))
            block.taken.add("caller")
        case "tool_result":
            read = _tool_result(block)
        case kind:
            return Opaque(provider="anthropic", type=kind, json=msgspec.json.encode(block.values))
    block.end(f"{block.values['type']} block")
    return read


def _tool_result(block: Members) -> ToolResult:
    content = tuple(_blocks(block.take("content", [])))
    parts = tuple(part for part in content if isinstance(part, Text | Image | Document))
    if len(parts) < len(content):
        raise NotExpressible("a tool result with other blocks than text, images and documents")
    return ToolResult(tool_use_id=block.take("tool_use_id"), content=parts, is_error=block.take("is_error", False))


def _media(block: Members) -> Image | Document:
    source = Members(block.take("source"))
    fields: dict[str, Any] = {"media_type": source.take("media_type")}
    match source.take("type"):
        case "base64":
            fields["data"] = media_bytes(source.take("data"))
        case "text":
            fields["data"] = source.take("data").encode()
        case "url":
            fields["url"] = source.take("url")
        case kind:
            raise NotExpressible(f"media by {kind}")
    if block.values["type"] == "image":
        return Image(**fields)
    cite = block.take("citations", {}).get("enabled", False)
    return Document(**fields, name=block.take("title"), cite=cite)
