"""What a compaction works on. It never leaves its process."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from ..providers.registry import ProviderConfig
from ..providers.schema.draft import Answer
from ..providers.schema.messages import Message


@dataclass(frozen=True, slots=True)
class SideRequest:
    """A request to a model outside the conversation. With ``provider=None`` the session's own provider gets it."""

    messages: tuple[Message, ...]
    system: str
    max_output_tokens: int
    provider: ProviderConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionJob:
    """Reduce the history *messages* to *budget_tokens*.

    Recent turns are left alone once it has *recent_budget_tokens* at most. *window_tokens* is what a request may have
    of it: turns are only dropped to get below that, where a summary could have kept what they say. *limit_tokens* is
    all that the model takes in one request. Without these, they are the budget.

    *running_turn* is the turn that continues with the compacted history, if one is running. *count_tokens* estimates
    the tokens of a message. *send* sends a side request and raises ``ProviderError`` if it fails. A summary is
    requested up to *summary_attempts* times if the answers are none.

    *turns_since* is how many turns have passed since the last compaction, if their number is why this one runs:
    strategies that are due by it run in any case.

    *limit_time* is entered around what may take so many seconds; then it raises ``TimeoutError``. Waiting until a
    provider accepts a request again does not count: the retry policy bounds that.

    *compact_natively* has the session's provider compact messages, the first ones of the history, by the instructions
    given, and raises ``ProviderError`` or ``InvalidConfig`` if it fails. It is ``None`` where the provider can't.
    """

    messages: Sequence[Message]
    budget_tokens: int
    count_tokens: Callable[[Message], int]
    send: Callable[[SideRequest], Awaitable[Answer]]
    compact_natively: Callable[[Sequence[Message], str | None], Awaitable[Answer]] | None = None
    running_turn: int | None = None
    window_tokens: int | None = None
    limit_tokens: int | None = None
    recent_budget_tokens: int | None = None
    turns_since: int | None = None
    summary_attempts: int = 3
    limit_time: Callable[[float], AbstractAsyncContextManager[object]] = asyncio.timeout

    @property
    def most_tokens(self) -> int:
        """What a request may have of the history."""
        return max(self.window_tokens or 0, self.budget_tokens)

    @property
    def for_recent_turns(self) -> "CompactionJob":
        """The same job, with the budget down to which recent turns may be changed."""
        return replace(self, budget_tokens=max(self.budget_tokens, self.recent_budget_tokens or 0))

    @property
    def to_fit(self) -> "CompactionJob":
        """The same job, with no more to reduce than what a request has no room for."""
        return replace(self, budget_tokens=self.most_tokens)
