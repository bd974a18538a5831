"""Why a model stopped."""

from enum import StrEnum


class StopReason(StrEnum):
    """One vocabulary for all providers; the provider's own word is kept beside it wherever this is used."""

    END_TURN = "end_turn"
    TOOL_USE = "tool_use"
    MAX_TOKENS = "max_tokens"
    STOP_SEQUENCE = "stop_sequence"
    REFUSAL = "refusal"
    """The model declined."""
    CONTENT_FILTER = "content_filter"
    """The provider's filter cut in."""
    PAUSED = "paused"
    """The provider paused a long turn; sending the history again goes on."""
    CONTEXT_FULL = "context_full"
    """The context window ran full while the model answered."""
    OTHER = "other"
    """A word that this version does not know, or none where the provider gives none."""
