"""What a session says about itself."""

from enum import StrEnum
from typing import Self

import msgspec

from ...compaction.report import CompactionReport
from ...providers.schema.usage import Count, Usage
from .messages import Compacted


class State(StrEnum):
    """What a session is doing."""

    IDLE = "idle"
    REQUESTING = "requesting"
    """A request is out, and nothing has come of it yet."""
    STREAMING = "streaming"
    RETRYING = "retrying"
    """It waits before the next attempt."""
    TOOLS_OUT = "tools_out"
    """It waits for tool results."""
    COMPACTING = "compacting"
    CLOSED = "closed"


class SessionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A session at one moment.

    *context_tokens* is what the last request and its answer took of the context window of *context_limit_tokens*,
    *context_share* the quotient (0 to 1; ``None`` where the tokens are not known). *usage* sums all requests,
    *last_seq* numbers the last event.
    """

    id: str
    state: State
    provider: str
    model: str
    created_at: float
    turns: int
    turn: int | None
    messages: int
    waiting: int
    open_tool_use_ids: tuple[str, ...]
    requests: int
    usage: Usage
    context_tokens: Count
    context_limit_tokens: int
    last_seq: int

    @property
    def context_share(self) -> float | None:
        """The part of the context window in use."""
        tokens = self.context_tokens.tokens
        return None if tokens is None else tokens / self.context_limit_tokens


class CompactResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a compaction that was asked for: whether the history was *compacted*, and if not or not enough, the
    *problem*.
    """

    compacted: bool
    messages_before: int
    messages_after: int
    problem: str | None
    report: CompactionReport | None

    @classmethod
    def of(cls, event: Compacted) -> Self:
        """As *event* tells it."""
        return cls(
            compacted=event.messages_after != event.messages_before or _saved(event.report),
            messages_before=event.messages_before,
            messages_after=event.messages_after,
            problem=event.problem,
            report=event.report,
        )


def _saved(report: CompactionReport | None) -> bool:
    return report is not None and report.tokens_after < report.tokens_before
