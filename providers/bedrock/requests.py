"""Requests to Amazon Bedrock's Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from ..claude.bound_thinking import BoundThinking, Context
from ..claude.output_limits import default_output_tokens
from ..schema.content import Opaque, Text, Thinking, ToolResult, ToolUse, is_blank
from ..schema.messages import Message, Role
from ..schema.request import Request, Settings
from ..schema.tools import Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from ..wire.cache_points import cache_points, system_parts
from ..wire.extra_body import merged
from ..wire.request_body import members, schema_json, tool_definition, tool_definitions
from .content import TOOL_NAME, Blocks
from .dialect import Dialect
from .errors import PROVIDER
from .events import WholeBlock
from .model_families import Family
from .request_fields import BETAS, is_converse_choice, request_fields

OWN_MEMBERS = (
    "messages",
    "system",
    "inferenceConfig.maxTokens",
    "inferenceConfig.temperature",
    "inferenceConfig.topP",
    "inferenceConfig.stopSequences",
    "toolConfig",
    "outputConfig.textFormat.type",
    "outputConfig.textFormat.structure.jsonSchema.schema",
    "guardrailConfig",
    "performanceConfig.latency",
    "serviceTier",
    "requestMetadata",
)
"""What only the settings and the config set, for every family: see also ``own_members``."""

_MODES = {"auto": "auto", "required": "any", "tool": "tool"}
_INFERENCE_MEMBERS = {"max_output_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}
_MAX_MARKS = 4
_FIELDS = "additionalModelRequestFields"
LISTS = (f"{_FIELDS}.{BETAS}",)
"""The members to which entries of ``extra_body`` are added."""
_CLAUDE_FIELDS = (
    "output_config.effort",
    "thinking.budget_tokens",
    "thinking.display",
    "thinking.type",
    "tool_choice",
    "top_k",
)
_OPENINGS = message_openings(user="user", assistant="assistant", content="content")
_json = msgspec.json.encode
_served = msgspec.json.Decoder(WholeBlock).decode


def own_members(dialect: Dialect) -> tuple[str, ...]:
    """The members of requests that only the settings and the config set."""
    traits = dialect.traits
    fields: tuple[str, ...]
    match traits.family:
        case Family.CLAUDE:
            fields = _CLAUDE_FIELDS
        case Family.NOVA:
            fields = ("inferenceConfig.topK", *filter(None, [traits.thinking_field]))
        case _:
            fields = tuple(filter(None, [traits.thinking_field]))
    return (*OWN_MEMBERS, *(f"{_FIELDS}.{field}" for field in fields))


def path(model: str, streaming: bool) -> str:
    """The path of requests to *model*. An id contains a colon and an ARN slashes, which a path must not."""
    return f"/model/{quote(model, safe='')}/{'converse-stream' if streaming else 'converse'}"


def body(request: Request, dialect: Dialect, streaming: bool = False) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``.

    The memo gets what binds the thinking in the answer to what is sent here.
    """
    messages, settings = request.messages, request.settings
    has_tools = dialect.facts.uses_tools is not False
    blocks = Blocks(messages, dialect.media, dialect.traits, dialect.source, has_tools)
    encoded = request.memo.forms(messages, dialect, blocks.of)
    mark = _mark(settings, dialect)
    head = _head(settings, dialect, mark)
    if has_tools and not settings.tools and (missing := _tools_of(messages, dialect.source)):
        head["toolConfig"] = {"tools": missing}
    fields = head.get(_FIELDS, {})
    if fields.get("thinking", {}).get("type") == "enabled" and not _may_think(messages, dialect.source):
        del fields["thinking"]
    if dialect.facts.binds_thinking:
        bound = BoundThinking.of(request.memo, PROVIDER)
        base = bound.prompt(settings.system, settings.tools or _definitions(head), lambda: _definitions(head))
        encoded = bound.valid_forms(request.memo, messages, encoded, Context(base, blocks.of))
    if dialect.config is not None:
        head = _with_extra(head | dialect.fixed_members(streaming), dialect)
    if mark is not None:
        encoded = list(encoded)
        free = _MAX_MARKS - sum("cachePoint" in each for each in (*head.get("system", ()), *_tools_in(head)))
        for index in sorted(cache_points(messages, _can_be_marked), reverse=True)[:free]:
            encoded[index] += b"," + _json(mark)
    pieces = alternating_messages(messages, encoded, _OPENINGS, memo=request.memo)
    return b"".join((b'{"messages":[', *pieces, b"]", b"," if head else b"", _json(head)[1:]))


def _head(settings: Settings, dialect: Dialect, mark: dict[str, Any] | None) -> dict[str, Any]:
    """Everything but the messages, with *mark* where the prompt is to be cached."""
    head: dict[str, Any] = {}
    if system := _system(settings, mark):
        head["system"] = system
    if inference := _inference(settings, dialect):
        head["inferenceConfig"] = inference
    in_system = any(part.is_marked for part in system_parts(settings.system))  # after the tools, which it covers
    if settings.tools:
        head["toolConfig"] = _tool_config(settings, mark if dialect.traits.caches_tools and not in_system else None)
    if fields := request_fields(settings, dialect.traits, dialect.facts):
        head[_FIELDS] = fields
    if settings.output_schema is not None:
        schema = {"name": "answer", "schema": _json(settings.output_schema).decode()}
        head["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    if settings.service_tier is not None:
        head["serviceTier"] = {"type": settings.service_tier}
    if settings.metadata:
        head["requestMetadata"] = settings.metadata
    return head


def _system(settings: Settings, mark: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The system prompt with *mark* after the blocks that are marked; without such, at its end."""
    parts = system_parts(settings.system)
    marks_end = not any(part.is_marked for part in parts)
    blocks: list[dict[str, Any]] = []
    for part in parts:
        blocks += [{"text": part.text}, *([mark] if mark and (part.is_marked or marks_end) else ())]
    return blocks


def _tools_in(head: dict[str, Any]) -> Sequence[dict[str, Any]]:
    config: dict[str, Any] = head.get("toolConfig", {})
    tools: Sequence[dict[str, Any]] = config.get("tools", ())
    return tools


def _definitions(head: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools in *head*, without cache points."""
    return [tool for tool in _tools_in(head) if "cachePoint" not in tool]


def _with_extra(head: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """*head* with the extra members of the config. Betas of both are sent."""
    extra = dialect.extra_body
    if not extra:
        return head
    ours = head.get(_FIELDS, {}).get(BETAS, [])
    result = merged(head, extra)
    if ours and (theirs := result[_FIELDS][BETAS]) is not ours:
        result[_FIELDS][BETAS] = [*ours, *(beta for beta in theirs if beta not in ours)]
    return result


def _inference(settings: Settings, dialect: Dialect) -> dict[str, Any]:
    inference = members(settings, _INFERENCE_MEMBERS)
    if settings.stop_sequences:
        inference["stopSequences"] = settings.stop_sequences
    # Where Claude thinks by default, the API's own limit is reported to be 4,096 tokens, thinking included. For others
    # the model's maximum is documented.
    if (
        settings.max_output_tokens is None
        and dialect.traits.family is Family.CLAUDE
        and dialect.facts.thinks_by_default
    ):
        inference["maxTokens"] = default_output_tokens(settings, dialect.facts)
    return inference


def _mark(settings: Settings, dialect: Dialect) -> dict[str, Any] | None:
    """A cache point, if there are to be any.

    https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: up to four in a request. A prefix that is
    too short to be cached is ignored.
    """
    if not (settings.prompt_caching and dialect.traits.caches):
        return None
    ttl = settings.prompt_cache_ttl
    return {"cachePoint": {"type": "default", **({"ttl": ttl} if ttl is not None else {})}}


def _tool_config(settings: Settings, mark: dict[str, Any] | None) -> dict[str, Any]:
    config: dict[str, Any] = {"tools": [*tool_definitions(settings.tools, _tool), *([mark] if mark else ())]}
    choice = settings.tool_choice
    if choice is not None and is_converse_choice(choice):
        config["toolChoice"] = _tool_choice(choice)
    return config


def _tool(tool: Tool) -> dict[str, Any]:
    strict = {"strict": True} if tool.strict else {}
    return {"toolSpec": tool_definition(tool, {"inputSchema": {"json": schema_json(tool)}, **strict})}


def _tool_choice(choice: ToolChoice) -> dict[str, Any]:
    return {_MODES[choice.mode]: {"name": choice.name} if choice.mode == "tool" else {}}


def _tools_of(messages: Sequence[Message], source: str) -> list[dict[str, Any]]:
    """The tools that *messages* use: the API wants their definitions as long as the history has uses of them.

    Those that the provider ran are in the history for *source* alone.
    """
    tools: dict[str, dict[str, Any]] = {}
    for message, block in [(each, block) for each in messages for block in each.content if type(block) is not Text]:
        match block:
            case ToolUse():
                name = TOOL_NAME.fitted(block.name)
                tools[name] = _tool(Tool(name=name))
            case Opaque(provider=provider, json=json) if provider == PROVIDER and message.readable_by(source):
                if (served := _served(json).tool_use) is not None:
                    tools[served.name] = {"systemTool": {"name": served.name}}
            case _:
                pass
    return list(tools.values())


def _can_be_marked(message: Message) -> bool:
    """The API rejects a mark in a message with thinking, and right after most documents."""
    if any(isinstance(block, Thinking) and block.provider == PROVIDER for block in message.content):
        return False
    match message.content:
        case (*_, Text(text=text)):
            return not is_blank(text)
        case (*_, ToolResult(content=content)):
            return all(isinstance(block, Text) for block in content)
        case (*_, ToolUse()):
            return True
        case _:
            return False


def _may_think(messages: Sequence[Message], source: str) -> bool:
    """True if the next answer of Claude may think with a budget.

    One that continues from tool results may only if the one before it did, and that can be sent back to *source*:
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use.
    """
    for index in reversed(range(len(messages))):
        if messages[index].role is Role.ASSISTANT:
            return True
        if any(isinstance(block, ToolResult) for block in messages[index].content):
            before = messages[index - 1]
            first = next(iter(before.content), None)
            signed = isinstance(first, Thinking) and first.provider == PROVIDER and bool(first.signature)
            return signed and before.readable_by(source)
    return True
