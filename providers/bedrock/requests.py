"""Requests to Amazon Bedrock's Converse and ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import msgspec

from ..schema.content import Opaque, Text, Thinking, ToolResult, ToolUse
from ..schema.facts import ModelFacts
from ..schema.messages import Message, Role
from ..schema.request import Request, Settings
from ..schema.tools import Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from ..wire.cache_points import cache_points
from ..wire.media import MediaRules
from ..wire.request_body import members, tool_definition, tool_members
from .content import MEDIA, TOOL_NAME, Blocks
from .errors import PROVIDER
from .events import WholeBlock
from .model_families import Family, ModelTraits, traits_of

_MODES = {"auto": "auto", "required": "any", "tool": "tool"}
_INFERENCE_MEMBERS = {"max_output_tokens": "maxTokens", "temperature": "temperature", "top_p": "topP"}
_OPENINGS = message_openings(user="user", assistant="assistant", content="content")
# https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: up to four in a request. A prefix that is
# too short to be cached is ignored.
_MARK = {"cachePoint": {"type": "default"}}
_MARK_JSON = b',{"cachePoint":{"type":"default"}}'
_UNKNOWN = ModelFacts()
_json = msgspec.json.encode
_served = msgspec.json.Decoder(WholeBlock).decode


@dataclass(frozen=True)
class Dialect:
    """What shapes requests to *model*, about which *facts* are known."""

    model: str
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def traits(self) -> ModelTraits:
        """What the id of the model shows."""
        return traits_of(self.model)

    @cached_property
    def media(self) -> MediaRules:
        """The images and documents that the model takes."""
        return MEDIA.of(self.facts)


def path(model: str, streaming: bool) -> str:
    """The path of requests to *model*. An id contains a colon and an ARN slashes, which a path must not."""
    return f"/model/{quote(model, safe='')}/{'converse-stream' if streaming else 'converse'}"


def body(request: Request, dialect: Dialect) -> bytes:
    """The body of *request*, streamed or not. Each message is encoded once in the life of ``request.memo``."""
    messages, settings = request.messages, request.settings
    has_tools = dialect.facts.uses_tools is not False
    encoded = request.memo.forms(messages, dialect, Blocks(messages, dialect.media, has_tools).of)
    head = _head(settings, dialect)
    if has_tools and not settings.tools and (missing := _tools_of(messages)):
        head["toolConfig"] = {"tools": missing}
    if not _may_think(messages):
        head.get("additionalModelRequestFields", {}).pop("thinking", None)
    if settings.prompt_caching and dialect.traits.caches:
        encoded = list(encoded)
        for index in cache_points(messages, _can_be_marked):
            encoded[index] += _MARK_JSON
    pieces = alternating_messages(messages, encoded, _OPENINGS)
    return b"".join((b'{"messages":[', *pieces, b"]", b"," if head else b"", _json(head)[1:]))


def _head(settings: Settings, dialect: Dialect) -> dict[str, Any]:
    """Everything but the messages."""
    head: dict[str, Any] = {}
    caching = settings.prompt_caching and dialect.traits.caches
    if settings.system and not settings.system.isspace():
        head["system"] = [{"text": settings.system}, *([_MARK] if caching else ())]
    inference = members(settings, _INFERENCE_MEMBERS)
    if settings.stop_sequences:
        inference["stopSequences"] = settings.stop_sequences
    if inference:
        head["inferenceConfig"] = inference
    if tool_config := tool_members(settings, _tool, _tool_choice):
        if caching and dialect.traits.caches_tools:
            tool_config["tools"].append(_MARK)
        head["toolConfig"] = tool_config
    if own := _own_fields(settings, dialect.traits.family):
        head["additionalModelRequestFields"] = own
    if output := _output(settings, dialect.traits.family):
        head["outputConfig"] = output
    return head


def _own_fields(settings: Settings, family: Family) -> dict[str, Any]:
    """The settings that Converse has no member for, in the form of the model's maker.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
    """
    fields: dict[str, Any] = {}
    thinking = settings.thinking
    match family:
        case Family.CLAUDE:
            if thinking is not None and thinking.budget_tokens is not None:
                fields["thinking"] = {"type": "enabled", "budget_tokens": thinking.budget_tokens}
            if settings.top_k is not None:
                fields["top_k"] = settings.top_k
        case Family.NOVA:
            if thinking is not None and thinking.effort is not None:
                fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": thinking.effort}
            if settings.top_k is not None:
                fields["inferenceConfig"] = {"topK": settings.top_k}
        case Family.GPT_OSS:
            if thinking is not None and thinking.effort is not None:
                fields["reasoning_effort"] = thinking.effort
        case Family.QWEN:
            if thinking is not None and thinking.effort is not None:
                fields["reasoning_config"] = thinking.effort
        case Family.OTHER:
            pass
    return fields


def _output(settings: Settings, family: Family) -> dict[str, Any]:
    output: dict[str, Any] = {}
    if settings.output_schema is not None:
        schema = {"name": "answer", "schema": _json(settings.output_schema).decode()}
        output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
    if family is Family.CLAUDE and settings.thinking is not None and settings.thinking.effort is not None:
        output["effort"] = settings.thinking.effort
    return output


def _tool(tool: Tool) -> dict[str, Any]:
    return {"toolSpec": tool_definition(tool, {"inputSchema": {"json": tool.input_schema}})}


def _tool_choice(choice: ToolChoice) -> dict[str, Any]:
    return {"toolChoice": {_MODES[choice.mode]: {"name": choice.name} if choice.mode == "tool" else {}}}


def _tools_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The tools that *messages* use: the API wants their definitions as long as the history has uses of them."""
    tools: dict[str, dict[str, Any]] = {}
    for block in [block for message in messages for block in message.content if type(block) is not Text]:
        match block:
            case ToolUse():
                name = TOOL_NAME.fitted(block.name)
                tools[name] = _tool(Tool(name=name))
            case Opaque(provider=provider, json=json) if provider == PROVIDER:
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
            return bool(text) and not text.isspace()
        case (*_, ToolResult(content=content)):
            return all(isinstance(block, Text) for block in content)
        case (*_, ToolUse()):
            return True
        case _:
            return False


def _may_think(messages: Sequence[Message]) -> bool:
    """True if the next answer of Claude may think. One that continues from tool results may only if the last one did.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use
    """
    for index in reversed(range(len(messages))):
        if messages[index].role is Role.ASSISTANT:
            return True
        if any(isinstance(block, ToolResult) for block in messages[index].content):
            first = next(iter(messages[index - 1].content), None)
            return isinstance(first, Thinking) and first.provider == PROVIDER and bool(first.signature)
    return True
