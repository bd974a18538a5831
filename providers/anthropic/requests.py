"""Requests to Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import msgspec

from ..claude.bound_thinking import BoundThinking, Context
from ..claude.output_limits import default_output_tokens
from ..claude.prompt_changes import PromptPlan, prompt_plan
from ..claude.thinking import effort_level, thinking_member
from ..schema.content import Opaque, Thinking, ToolResult
from ..schema.facts import ModelFacts
from ..schema.messages import Message, Role
from ..schema.request import Prompt, Request, Settings
from ..schema.tools import ProviderTool, Tool, ToolChoice
from ..wire.alternating_messages import alternating_messages, message_openings
from ..wire.cache_points import system_parts, system_text
from ..wire.extra_body import merged
from ..wire.media import MediaRules
from ..wire.request_body import members, schema_json, tool_definition
from .blocks.tool_searches import without_missing_tools
from .cache_marks import cache_mark, mark_messages
from .content import MEDIA, TOOL_NAME, starts_with_thinking, unanswered_ids, wire_blocks
from .errors import PROVIDER

OWN_MEMBERS = frozenset(
    {
        "cache_control",
        "compaction",
        "fallbacks",
        "max_tokens",
        "messages",
        "metadata.user_id",
        "model",
        "output_config.effort",
        "output_config.format",
        "service_tier",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking.budget_tokens",
        "thinking.display",
        "thinking.type",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
"""The members of a body that come from the settings."""

_INLINE_TOOLS = "inline-tools-2026-09-15"
_VERSION = "2026-10-21"
_VERSION_WITH_SAMPLING = "2023-06-01"
_MODES = {"auto": "auto", "required": "any", "none": "none", "tool": "tool"}
_MEMBERS = {name: name for name in ("temperature", "top_p", "top_k", "service_tier")}
_OPENINGS = message_openings(user="user", assistant="assistant", content="content")
_UNKNOWN = ModelFacts()
_Head = dict[str, Any]
_json = msgspec.json.encode


@dataclass(frozen=True)
class Dialect:
    """What shapes requests to *model*, about which *facts* are known.

    *source* is that of the config: what is signed or encrypted goes back to it alone. *extra_body* are members that the
    package does not know.
    """

    model: str
    facts: ModelFacts = _UNKNOWN
    source: str = ""
    extra_body: Mapping[str, Any] | None = None

    @cached_property
    def media(self) -> MediaRules:
        """The images and documents that the model takes."""
        return MEDIA.of(self.facts)

    @property
    def api_version(self) -> str:
        """The header ``anthropic-version``, the same for all requests to the model: clients reuse their headers.

        Since 2026-10-21 the API rejects sampling settings for every model, at their defaults too. A model that takes
        them is asked under the version before, which still works; nothing else that is sent differs between the two:
        https://platform.claude.com/docs/en/api/versioning.
        """
        return _VERSION if self.facts.takes_sampling is False else _VERSION_WITH_SAMPLING

    @property
    def headers(self) -> dict[str, str]:
        """The headers of all requests: the version, and the beta that changes of tools in messages are part of."""
        betas = {"anthropic-beta": _INLINE_TOOLS} if self.facts.appends_prompts else {}
        return {"anthropic-version": self.api_version, **betas}

    def parts(self, message: Message, tools: Collection[str] | None = None) -> list[Any]:
        """The blocks of *message*, for a request with *tools*, if that is known."""
        if tools is not None and Opaque in map(type, message.content):
            message = without_missing_tools(message, tools)
        return wire_blocks(message, self.media, self.source)


def body(request: Request, dialect: Dialect, streaming: bool, finish: Callable[[_Head], _Head] = dict) -> bytes:
    """The body of *request*. Each message is encoded once in the life of ``request.memo``.

    *finish* makes the final head of what comes before the messages. The memo gets what binds the thinking in the answer
    to what is sent here.
    """
    messages, settings, facts = request.messages, request.settings, dialect.facts
    tools = frozenset(tool.name for tool in settings.tools)
    parts = partial(dialect.parts, tools=tools)
    forms = encoded = request.memo.forms(messages, (dialect, tools), parts)
    prompt = _plan(request, forms, dialect)
    if facts.binds_thinking:
        bound, base = BoundThinking.of(request.memo, PROVIDER), prompt.base
        fingerprint = bound.prompt(base.system, base.tools, lambda: map(definition, base.tools))
        context = Context(fingerprint, parts, prompt.appended)
        forms = bound.valid_forms(request.memo, messages, forms, context)
    if messages[-1].role is Role.ASSISTANT and unanswered_ids(messages[-1].content):
        forms = [*forms[:-1], _continued(messages[-1], dialect, thinks=forms[-1] is encoded[-1])]
    head = _head(settings, prompt.base, dialect, streaming)
    if head.get("thinking", {}).get("type") == "enabled" and not _may_think(messages, dialect):
        del head["thinking"]
    pieces = _pieces(request, mark_messages(messages, forms, settings, head), prompt.appended)
    extra = {name: value for name, value in (dialect.extra_body or {}).items() if name != "thinking" or name in head}
    head = finish(merged(head, extra))
    return b"".join((_json(head)[:-1], b',"messages":[', *pieces, b"]}"))


def _continued(message: Message, dialect: Dialect, thinks: bool) -> bytes:
    """The form of a paused answer that the request has continued; it *thinks* if its thinking is still valid."""
    if not thinks:
        content = tuple(block for block in message.content if not isinstance(block, Thinking))
        message = msgspec.structs.replace(message, content=content)
    return _json(wire_blocks(message, dialect.media, dialect.source, continued=True))[1:-1]


def definition(tool: Tool | ProviderTool) -> dict[str, Any]:
    """*tool* as the API defines it."""
    if isinstance(tool, ProviderTool):
        return dict(tool.definition)
    wire_tool = tool_definition(tool, {"input_schema": schema_json(tool)})
    if tool.strict:
        wire_tool["strict"] = True
    if tool.deferred:
        wire_tool["defer_loading"] = True
    return wire_tool


def defers(tool: Tool | ProviderTool) -> bool:
    """True if the model does not see *tool* before a tool search has found it."""
    return bool(definition(tool).get("defer_loading"))


def _plan(request: Request, forms: Sequence[bytes], dialect: Dialect) -> PromptPlan:
    prompts = _own_prompts(request.prompts) if dialect.facts.appends_prompts else ()
    if len(prompts) > 1:
        return prompt_plan(prompts, request.messages, forms, definition)
    return PromptPlan(Prompt(system=request.settings.system, tools=request.settings.tools))


def _own_prompts(prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    """The last of *prompts* without a tool that only another provider has: one that answered before may have had it."""
    foreign = (index for index in reversed(range(len(prompts))) if not all(map(_is_known, prompts[index].tools)))
    return prompts[next(foreign, -1) + 1 :]


def _is_known(tool: Tool | ProviderTool) -> bool:
    return tool.provider == PROVIDER if isinstance(tool, ProviderTool) else TOOL_NAME.fits(tool.name)


def _pieces(request: Request, forms: Sequence[bytes], appended: Mapping[int, bytes]) -> list[bytes]:
    """The JSON of the messages, with the *appended* system messages, each after the message with its index."""
    messages = request.messages
    if not appended:
        return alternating_messages(messages, forms, _OPENINGS, memo=request.memo)
    pieces: list[bytes] = []
    start = 0
    for index, system_message in appended.items():
        pieces += [*alternating_messages(messages[start : index + 1], forms[start : index + 1], _OPENINGS)]
        pieces += [b",", system_message, b","]
        start = index + 1
    rest = alternating_messages(messages[start:], forms[start:], _OPENINGS)
    return [*pieces, *rest] if rest else pieces[:-1]


def _head(settings: Settings, prompt: Prompt, dialect: Dialect, streaming: bool) -> dict[str, Any]:
    """Everything but the messages. *prompt* is at the top level; that of the settings may be among the messages."""
    head: dict[str, Any] = {
        "model": dialect.model,
        "max_tokens": settings.max_output_tokens or default_output_tokens(settings, dialect.facts),
        "stream": streaming,
    }
    mark = cache_mark(settings)
    system = _system(prompt, mark) if prompt.system else ""
    if system:
        head["system"] = system
    if prompt.tools:
        head["tools"] = list(map(definition, prompt.tools))
        if not system:  # tools come before the system prompt, so its mark covers them too
            # The API rejects a mark on a deferred tool.
            next(tool for tool in [{}, *head["tools"]][::-1] if not tool.get("defer_loading")).update(mark)
        if settings.tool_choice is not None and settings.tools:
            head["tool_choice"] = _tool_choice(settings.tool_choice)
    head |= members(settings, _MEMBERS)
    if settings.stop_sequences:
        head["stop_sequences"] = settings.stop_sequences
    if settings.user is not None:
        head["metadata"] = {"user_id": settings.user}
    if thinking := thinking_member(settings.thinking, dialect.facts):
        head["thinking"] = thinking
    return head | _output_config(settings)


def _system(prompt: Prompt, mark: dict[str, Any]) -> list[dict[str, Any]] | str:
    """The system prompt with *mark* where its blocks are marked; without such, at its end."""
    if not mark:
        return system_text(prompt.system)
    parts = system_parts(prompt.system)
    marks_end = not any(part.is_marked for part in parts)
    return [{"type": "text", "text": part.text, **(mark if part.is_marked or marks_end else {})} for part in parts]


def _output_config(settings: Settings) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if effort := effort_level(settings.thinking):
        config["effort"] = effort
    if settings.output_schema is not None:
        config["format"] = {"type": "json_schema", "schema": settings.output_schema}
    return {"output_config": config} if config else {}


def _tool_choice(choice: ToolChoice) -> dict[str, Any]:
    wire_choice: dict[str, Any] = {"type": _MODES[choice.mode]}
    if choice.mode == "tool":
        wire_choice["name"] = choice.name
    if not choice.parallel and choice.mode != "none":
        wire_choice["disable_parallel_tool_use"] = True
    return wire_choice


def _may_think(messages: Sequence[Message], dialect: Dialect) -> bool:
    """True if the next answer may think with a budget.

    One that continues from tool results may only if the one before it did. Adaptive thinking has no such rule:
    https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking.
    """
    for index in reversed(range(len(messages))):
        message = messages[index]
        if any(isinstance(block, ToolResult) for block in message.content):
            return starts_with_thinking(messages[index - 1], dialect.media, dialect.source)
        if message.role is Role.ASSISTANT and dialect.parts(message):
            return True
    return True
