"""Why a history is compacted."""

from enum import StrEnum


class CompactReason(StrEnum):
    """Why a history is compacted."""

    THRESHOLD = "threshold"
    """The next request would exceed the strategy's threshold."""
    OVERFLOW = "overflow"
    """The provider rejected a request as too long."""
    ASKED = "asked"
    """A ``Compact`` message."""
    EAGER = "eager"
    """The threshold is near and the session is idle."""
    TURNS = "turns"
    """The history has more turns than a strategy allows."""
