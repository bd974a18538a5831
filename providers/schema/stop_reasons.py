"""Stop reasons."""

from enum import StrEnum
from typing import Any

import msgspec

from .checks.shown import short_repr


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
    TOOL_LIMIT = "tool_limit"
    """The answer went on after the last tool use that ``text_tools.max_calls`` allows: the rest was not read."""
    MAX_STEPS = "max_steps"
    """The session stopped the turn: it has used tools as often as ``max_steps`` allows."""
    PROCESS_LOST = "process_lost"
    """The session's process was lost before the answer was complete."""
    ENDED_BY_TOOL = "ended_by_tool"
    """A tool that ends the turn (``ends_turn``) has its result."""
    OTHER = "other"
    """The provider gave a value that this version does not know, or none."""

    @property
    def cuts_off(self) -> bool:
        """True if an answer may end with it within a tool use, or before its input."""
        return self in (
            StopReason.MAX_TOKENS,
            StopReason.CONTEXT_FULL,
            StopReason.CONTENT_FILTER,
            StopReason.REFUSAL,
        )


class StopDetails(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Why a model or a content filter stopped, as far as the provider says so.

    *category* is the provider's word for the kind of content, *explanation* a text for people. *vendor* is the
    provider's own object, as it arrived.
    """

    __repr__ = short_repr

    category: str | None = None
    explanation: str | None = None
    vendor: dict[str, Any] = {}
