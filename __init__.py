"""Rayconteur: many LLM conversations at once, each one an actor on Ray.

The packages, from the bottom layer up; each imports only from those above it in this list:

    providers/   the shared vocabulary, HTTP transport, and one package per vendor
    compaction/  history compaction, one file per strategy
    runtime/     sessions, their actors, event delivery, and the API that a Python program uses
    cli/         the command line
    benchmarks/  what it costs, measured side by side with the alternatives

This module has the names that most programs need. The others are in groups: ``rayconteur.errors``,
``rayconteur.scripted`` (scripts for tests and demos), ``rayconteur.compaction`` (strategies), ``rayconteur.providers``
(vocabulary, and what a provider plug-in needs), ``rayconteur.runtime`` (status and result types) and
``rayconteur.blocking`` (the API for scripts without asyncio).
"""

from importlib import import_module
from typing import TYPE_CHECKING

from rayconteur.providers.lazy_names import LazyNames as _LazyNames

if TYPE_CHECKING:
    from rayconteur import blocking, compaction, errors, providers, runtime, scripted
    from rayconteur.errors import RayconteurError
    from rayconteur.providers.anthropic.config import Anthropic
    from rayconteur.providers.bedrock.config import Bedrock
    from rayconteur.providers.cohere.config import Cohere
    from rayconteur.providers.google.config import Google
    from rayconteur.providers.model_names import model
    from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
    from rayconteur.providers.schema.content import Document, Image, Opaque, Text, Thinking, ToolResult, ToolUse
    from rayconteur.providers.schema.messages import Message
    from rayconteur.providers.schema.request import Reasoning
    from rayconteur.providers.schema.tools import ProviderTool, Tool, ToolChoice
    from rayconteur.providers.schema.usage import Usage
    from rayconteur.providers.scripted.config import Scripted
    from rayconteur.runtime.api.config import SessionConfig
    from rayconteur.runtime.api.events import (
        Cited,
        Cleared,
        Closed,
        Compacted,
        Completed,
        Configured,
        Failed,
        FromLLM,
        Interrupted,
        Missed,
        Retrying,
        StreamStarted,
        TextChunk,
        ThinkingChunk,
        TokenUpdate,
        ToolBatch,
        ToolInputChunk,
        TurnStarted,
    )
    from rayconteur.runtime.api.fleet.templates import Template
    from rayconteur.runtime.api.messages import (
        Clear,
        Compact,
        Configure,
        Interrupt,
        Retry,
        ToLLM,
        ToolResults,
        UserMessage,
    )
    from rayconteur.runtime.api.options import RuntimeOptions
    from rayconteur.runtime.api.placement import Dedicated, Packed
    from rayconteur.runtime.api.settings.policies import Limits, RetryPolicy
    from rayconteur.runtime.driver.exports import load
    from rayconteur.runtime.driver.reply import Reply
    from rayconteur.runtime.driver.runtime import Runtime
    from rayconteur.runtime.driver.session_handle import SessionHandle
    from rayconteur.runtime.tools.decorator import tool

_GROUPS = ("errors", "scripted", "compaction", "providers", "runtime", "blocking")

_names = _LazyNames(
    __name__,
    {
        ".errors": "RayconteurError",
        ".providers.anthropic.config": "Anthropic",
        ".providers.bedrock.config": "Bedrock",
        ".providers.cohere.config": "Cohere",
        ".providers.google.config": "Google",
        ".providers.model_names": "model",
        ".providers.openai.config": "AzureOpenAI OpenAI",
        ".providers.schema.content": "Document Image Opaque Text Thinking ToolResult ToolUse",
        ".providers.schema.messages": "Message",
        ".providers.schema.request": "Reasoning",
        ".providers.schema.tools": "ProviderTool Tool ToolChoice",
        ".providers.schema.usage": "Usage",
        ".providers.scripted.config": "Scripted",
        ".runtime.api.config": "SessionConfig",
        ".runtime.api.events": (
            "Cited Cleared Closed Compacted Completed Configured Failed FromLLM Interrupted Missed Retrying "
            "StreamStarted TextChunk ThinkingChunk TokenUpdate ToolBatch ToolInputChunk TurnStarted"
        ),
        ".runtime.api.fleet.templates": "Template",
        ".runtime.api.messages": "Clear Compact Configure Interrupt Retry ToLLM ToolResults UserMessage",
        ".runtime.api.options": "RuntimeOptions",
        ".runtime.api.placement": "Dedicated Packed",
        ".runtime.api.settings.policies": "Limits RetryPolicy",
        ".runtime.driver.exports": "load",
        ".runtime.driver.reply": "Reply",
        ".runtime.driver.runtime": "Runtime",
        ".runtime.driver.session_handle": "SessionHandle",
        ".runtime.tools.decorator": "tool",
    },
)


def __getattr__(name: str) -> object:
    if name in _GROUPS:
        return import_module(f"rayconteur.{name}")
    if name in _names:
        return _names(name)
    for provider in import_module("rayconteur.providers.registry").PROVIDERS.values():
        if provider.config.__name__ == name:  # a registered provider that is not exported above, such as a plug-in
            return provider.config
    groups = (f"rayconteur.{group}" for group in _GROUPS if group != "blocking")  # that imports Ray
    hint = next((f"; use {group}.{name}" for group in groups if name in import_module(group).__all__), "")
    raise AttributeError(f"module 'rayconteur' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return __all__


# fmt: off
__all__ = [
    "Anthropic", "AzureOpenAI", "Bedrock", "Cited", "Clear", "Cleared", "Closed", "Cohere", "Compact", "Compacted",
    "Completed", "Configure", "Configured", "Dedicated", "Document", "Failed", "FromLLM", "Google", "Image",
    "Interrupt", "Interrupted", "Limits", "Message", "Missed", "Opaque", "OpenAI", "Packed", "ProviderTool",
    "RayconteurError", "Reasoning", "Reply", "Retry", "RetryPolicy", "Retrying", "Runtime", "RuntimeOptions",
    "Scripted", "SessionConfig", "SessionHandle", "StreamStarted", "Template", "Text", "TextChunk", "Thinking",
    "ThinkingChunk", "ToLLM", "TokenUpdate", "Tool", "ToolBatch", "ToolChoice", "ToolInputChunk", "ToolResult",
    "ToolResults", "ToolUse", "TurnStarted", "Usage", "UserMessage", "blocking", "compaction", "errors", "load",
    "model", "providers", "runtime", "scripted", "tool",
]
# fmt: on
