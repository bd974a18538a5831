"""Every error of Rayconteur. The trees are drawn in ``providers/schema/errors.py`` and ``runtime/api/errors.py``."""

from rayconteur.providers.schema.errors import (
    AuthenticationFailed,
    ConfigError,
    ContextOverflow,
    IncompleteAnswer,
    InvalidConfig,
    InvalidPlugin,
    InvalidRequest,
    MissingExtra,
    MissingKey,
    Overloaded,
    ProtocolError,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RayconteurError,
    ThinkingRejected,
    UnknownModel,
    UnknownProvider,
    UnsupportedContent,
)
from rayconteur.runtime.api.errors import (
    EmptyMessage,
    EventsMissed,
    InvalidRecord,
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

# fmt: off
__all__ = [
    "AuthenticationFailed", "ConfigError", "ContextOverflow", "EmptyMessage", "EventsMissed", "IncompleteAnswer",
    "InvalidConfig", "InvalidPlugin", "InvalidRecord", "InvalidRequest", "MailboxError", "MailboxFull",
    "MessageTooLarge", "MissingExtra", "MissingKey", "MissingToolResults", "NothingToRetry", "Overloaded",
    "ProtocolError", "ProviderError", "ProviderUnavailable", "RateLimited", "RayUnreachable", "RayconteurError",
    "RuntimeClosed", "SessionBusy", "SessionClosed", "SessionDied", "SessionError", "SessionExists",
    "ThinkingRejected", "ToolResultError", "ToolUseAnswered", "ToolsWaiting", "TurnFailed", "TurnInterrupted",
    "UnknownModel", "UnknownProvider", "UnknownSession", "UnknownToolUse", "UnsupportedContent",
]
# fmt: on
