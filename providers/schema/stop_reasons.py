"""Stop reasons."""

from enum import StrEnum


class StopReason(StrEnum):
    """Why a model stopped, for all providers. It is always accompanied by the provider's own value."""

    END_TURN = "end_turn"
    TOOL_USE = "tool_use"
    MAX_TOKENS = "max_tokens"
    STOP_SEQUENCE = "stop_sequence"
    REFUSAL = "refusal"
    """The model declined."""
    CONTENT_FILTER = "content_filter"
    """The provider's content filter stopped the answer."""
    PAUSED = "paused"
    """The provider paused a long turn; sending the history again continues it."""
    CONTEXT_FULL = "context_full"
    """The context window was full before the answer ended."""
    OTHER = "other"
    """The provider gave a value that this version does not know, or none."""
