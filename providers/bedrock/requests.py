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
from ..wire.media import MediaRules
from .content import MEDIA, TOOL_NAME, Blocks
from .errors import PROVIDER
from .events import WholeBlock
from .model_families import Family, ModelTraits, traits_of

_MODES = {"auto": "auto", "required": "any", "tool": "tool"}
_OPENINGS = message_openings(user="user", assistant="assistant", content="content")
# https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: up to four in a request. A prefix that is
# too short to be kept is passed over.
_MARK = {"cachePoint": {"type": "default"}}
_MARK_JSON = b',{"cachePoint":{"type":"default"}}'
_UNKNOWN = ModelFacts()
_json = msgspec.json.encode
_served = msgspec.json.Decoder(WholeBlock).decode


@dataclass(frozen=True)
class Dialect:
    """The API as it is spoken with *model*, of which *facts* are known."""

    model: str
    facts: ModelFacts = _UNKNOWN

    @cached_property
    def traits(self) -> ModelTraits:
        """What the id of the model shows."""
        return traits_of(self.model)

    @cached_property
    def media(self) -> MediaRules:
        """What images and documents are taken."""
        return MEDIA.of(self.facts)


def path(model: str, streaming: bool) -> str:
    """Where requests to *model* go: an id has a colon in it, an ARN slashes, and neither may stand in a path."""
    return f"/model/{quote(model, safe='')}/{'converse-stream' if streaming else 'converse'}"


def body(request: Request, dialect: Dialect) -> bytes:
    """The body of *request*, streamed or not. Each message is encoded once in the life of ``request.memo``."""
    messages, settings = request.messages, request.settings
    tools = dialect.facts.uses_tools is not False
    forms = request.memo.forms(messages, dialect, Blocks(messages, dialect.media, tools).of)
    given = _head(settings, dialect)
    if tools and not settings.tools and (missing := _tools_of(messages)):
        given["toolConfig"] = {"tools": missing}
    if not _may_think(messages):
        given.get("additionalModelRequestFields", {}).pop("thinking", None)
    if settings.prompt_caching and dialect.traits.caches:
        forms = _marked(messages, forms)
    rest = _json(given)[1:]
    pieces = (b'{"messages":[', *alternating_messages(messages, forms, _OPENINGS), b"]", b"," if given else b"", rest)
    return b"".join(pieces)


def _head(settings: Settings, dialect: Dialect) -> dict[str, Any]:
    """Everything but the messages."""
    given: dict[str, Any] = {}
    caching = settings.prompt_caching and dialect.traits.caches
    if settings.system and not settings.system.isspace():
        given["system"] = [{"text": settings.system}, *([_MARK] if caching else ())]
    limits = {
        "maxTokens": settings.max_output_tokens,
        "temperature": settings.temperature,
        "topP": settings.top_p,
        "stopSequences": settings.stop_sequences or None,
    }
    if inference := {name: value for name, value in limits.items() if value is not None}:
        given["inferenceConfig"] = inference
    if settings.tools:
        marks = [_MARK] if caching and dialect.traits.caches_tools else []
        choice = {} if settings.tool_choice is None else {"toolChoice": _tool_choice(settings.tool_choice)}
        given["toolConfig"] = {"tools": [*map(_tool, settings.tools), *marks], **choice}
    if own := _own_fields(settings, dialect.traits.family):
        given["additionalModelRequestFields"] = own
    if output := _output(settings, dialect.traits.family):
        given["outputConfig"] = output
    return given


def _own_fields(settings: Settings, family: Family) -> dict[str, Any]:
    """What a model of *family* is asked for in its maker's words.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
    """
    given: dict[str, Any] = {}
    thinking = settings.thinking
    match family:
        case Family.CLAUDE:
            if thinking is not None and thinking.budget_tokens is not None:
                given["thinking"] = {"type": "enabled", "budget_tokens": thinking.budget_tokens}
            if settings.top_k is not None:
                given["top_k"] = settings.top_k
        case Family.NOVA:
            if thinking is not None and thinking.effort is not None:
                given["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": thinking.effort}
            if settings.top_k is not None:
                given["inferenceConfig"] = {"topK": settings.top_k}
        case Family.GPT_OSS:
            if thinking is not None and thinking.effort is not None:
                given["reasoning_effort"] = thinking.effort
        case Family.QWEN:
            if thinking is not None and thinking.effort is not None:
                given["reasoning_config"] = thinking.effort
        case Family.OTHER:
            pass
    return given


def _output(settings: Settings, family: Family) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if settings.output_schema is not None:
        schema = {"name": "answer", "schema": _json(settings.output_schema).decode()}
        given["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
    if family is Family.CLAUDE and settings.thinking is not None and settings.thinking.effort is not None:
        given["effort"] = settings.thinking.effort
    return given


def _tool(tool: Tool) -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"toolSpec": {"name": tool.name, **described, "inputSchema": {"json": tool.input_schema}}}


def _tool_choice(choice: ToolChoice) -> dict[str, Any]:
    return {_MODES[choice.mode]: {"name": choice.name} if choice.mode == "tool" else {}}


def _tools_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The tools that were used: the API wants them told as long as the history has uses of them."""
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


def _marked(messages: Sequence[Message], forms: Sequence[bytes]) -> list[bytes]:
    """*forms* with marks behind what was said before this turn, and behind what tools said in it.

    The provider keeps everything up to a mark, and the next request begins with it: so a turn with many tools pays for
    each step once.
    """
    turn = messages[-1].turn if messages else 0
    before = next((at for at in range(len(messages), 0, -1) if messages[at - 1].turn != turn), 0)
    ends = [before, len(messages)] if len(messages) - before > 1 else [before]
    found = (next((at for at in range(end - 1, -1, -1) if _can_be_marked(messages[at])), None) for end in ends)
    marked = list(forms)
    for at in {at for at in found if at is not None}:
        marked[at] += _MARK_JSON
    return marked


def _can_be_marked(message: Message) -> bool:
    """A mark is refused in a message with thinking in it, and right behind most documents."""
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
    """Whether the next answer of a Claude may think: one that goes on from tool results only if the one before did.

    https://platform.claude.com/docs/en/build-with-claude/extended-thinking#extended-thinking-with-tool-use
    """
    for at in reversed(range(len(messages))):
        if messages[at].role is Role.ASSISTANT:
            return True
        if any(isinstance(block, ToolResult) for block in messages[at].content):
            first = next(iter(messages[at - 1].content), None)
            return isinstance(first, Thinking) and first.provider == PROVIDER and bool(first.signature)
    return True
