"""Rayconteur: many conversations with language models at once, each an actor on Ray.

The folders, from the ground up; each imports only from those above it in this list:

    providers/   the words of a conversation, and one file per provider
    compaction/  ways to shorten a history, one file per strategy
    runtime/     sessions, their actors, the router, the driver's face
    benchmarks/  what it costs, next to what one would use instead
    cli/         the command line
"""

from importlib import import_module
from typing import TYPE_CHECKING

from rayconteur.compaction.config import Compaction, DropImages, DropThinking, Layered, Summarize, Threshold, Window
from rayconteur.compaction.config import Report as CompactionReport
from rayconteur.providers.anthropic.config import Anthropic
from rayconteur.providers.bedrock.config import Bedrock
from rayconteur.providers.cohere.config import Cohere
from rayconteur.providers.configs import ProviderConfig
from rayconteur.providers.google.config import Google
from rayconteur.providers.model_names import model
from rayconteur.providers.openai.config import AzureOpenAI, OpenAI
from rayconteur.providers.schema.content import (
    Block,
    Citation,
    Document,
    Image,
    Opaque,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    UserBlock,
)
from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ConfigError,
    ContextOverflow,
    IncompleteAnswer,
    InvalidConfig,
    InvalidRequest,
    MissingExtra,
    MissingKey,
    Overloaded,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RayconteurError,
    UnknownModel,
    UnknownProvider,
    UnsupportedContent,
)
from rayconteur.providers.schema.facts import ModelFacts, Prices
from rayconteur.providers.schema.messages import Message, Role, StandsFor
from rayconteur.providers.schema.rate_limits import RateLimit, RateLimits
from rayconteur.providers.schema.request import Reasoning
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool, ToolChoice
from rayconteur.providers.schema.usage import Cost, Count, Provenance, Usage
from rayconteur.providers.scripted.config import Scripted
from rayconteur.providers.scripted.script import Call, Cut, Fail, Say, Script, Step, Stop, Think, Wait
from rayconteur.runtime.api.config import Limits, OnInterrupt, RetryPolicy, SessionConfig, WhenBusy
from rayconteur.runtime.api.errors import (
    EmptyMessage,
    EventsMissed,
    MailboxError,
    MailboxFull,
    MessageTooLarge,
    MissingToolResults,
    NothingToRetry,
    RayUnreachable,
    RuntimeClosed,
    SessionBusy,
    SessionClosed,
    SessionDied,
    SessionError,
    SessionExists,
    ToolResultError,
    ToolsWaiting,
    ToolUseAnswered,
    TurnFailed,
    TurnInterrupted,
    UnknownSession,
    UnknownToolUse,
)
from rayconteur.runtime.api.messages import (
    Cited,
    Clear,
    Cleared,
    Close,
    Closed,
    Compact,
    Compacted,
    CompactReason,
    Completed,
    Configure,
    Configured,
    Failed,
    FromLLM,
    Interrupt,
    Interrupted,
    Missed,
    Receipt,
    Retry,
    Retrying,
    StreamStarted,
    TextChunk,
    ThinkingChunk,
    TokenUpdate,
    ToLLM,
    ToolBatch,
    ToolInputChunk,
    ToolResults,
    TurnEnd,
    TurnStarted,
    UserMessage,
)
from rayconteur.runtime.api.options import RouterLimits, RuntimeOptions
from rayconteur.runtime.api.placement import Dedicated, Packed, Placement
from rayconteur.runtime.api.status import CompactResult, SessionStatus, State

if TYPE_CHECKING:
    from rayconteur.runtime.driver import blocking
    from rayconteur.runtime.driver.reply import FinalAnswer, Reply
    from rayconteur.runtime.driver.runtime import Runtime
    from rayconteur.runtime.driver.session_handle import SessionHandle
    from rayconteur.runtime.events.reader import Reader

_WITH_RAY = {
    "FinalAnswer": "rayconteur.runtime.driver.reply",
    "Reader": "rayconteur.runtime.events.reader",
    "Reply": "rayconteur.runtime.driver.reply",
    "Runtime": "rayconteur.runtime.driver.runtime",
    "SessionHandle": "rayconteur.runtime.driver.session_handle",
    "blocking": "rayconteur.runtime.driver.blocking",
}
"""Names that are imported when they are first used: Ray takes a second, and many a program's part does without."""


def __getattr__(name: str) -> object:
    if name not in _WITH_RAY:
        raise AttributeError(f"module 'rayconteur' has no attribute {name!r}")
    module = import_module(_WITH_RAY[name])
    return module if name == "blocking" else getattr(module, name)


# fmt: off
__all__ = [
    "Anthropic", "AuthenticationFailed", "AzureOpenAI", "Bedrock", "Block", "Call", "Citation", "Cited", "Clear",
    "Cleared", "Close", "Closed", "Cohere", "Compact", "CompactReason", "CompactResult", "Compacted", "Compaction",
    "CompactionReport", "Completed", "ConfigError", "Configure", "Configured", "ContextOverflow", "Cost", "Count",
    "Cut", "Dedicated", "Document", "DropImages", "DropThinking", "EmptyMessage", "EventsMissed", "Fail", "Failed",
    "FinalAnswer", "FromLLM", "Google", "Image", "IncompleteAnswer", "Interrupt", "Interrupted", "InvalidConfig",
    "InvalidRequest", "Layered", "Limits", "MailboxError", "MailboxFull", "Message", "MessageTooLarge", "Missed",
    "MissingExtra", "MissingKey", "MissingToolResults", "ModelFacts", "NothingToRetry", "OnInterrupt", "Opaque",
    "OpenAI", "Overloaded", "Packed", "Placement", "Prices", "ProtocolError", "Provenance", "ProviderConfig",
    "ProviderError", "ProviderUnavailable", "RateLimit", "RateLimited", "RateLimits", "RayUnreachable",
    "RayconteurError", "Reader", "Reasoning", "Receipt", "Reply", "Retry", "RetryPolicy", "Retrying", "Role",
    "RouterLimits", "Runtime", "RuntimeClosed", "RuntimeOptions", "Say", "Script", "Scripted", "SessionBusy",
    "SessionClosed", "SessionConfig", "SessionDied", "SessionError", "SessionExists", "SessionHandle",
    "SessionStatus", "StandsFor", "State", "Step", "Stop", "StopReason", "StreamStarted", "Summarize", "Text",
    "TextChunk", "Think", "Thinking", "ThinkingChunk", "Threshold", "ToLLM", "TokenUpdate", "Tool", "ToolBatch",
    "ToolChoice", "ToolInputChunk", "ToolResult", "ToolResultError", "ToolResults", "ToolUse", "ToolUseAnswered",
    "ToolsWaiting", "TurnEnd", "TurnFailed", "TurnInterrupted", "TurnStarted", "UnknownModel", "UnknownProvider",
    "UnknownSession", "UnknownToolUse", "UnsupportedContent", "Usage", "UserBlock", "UserMessage", "Wait",
    "WhenBusy", "Window", "blocking", "model",
]
# fmt: on
