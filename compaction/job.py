"""What a compaction works on. It never leaves its process."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

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
    """Reduce the history *messages* to at most *budget_tokens*.

    *running_turn* is the turn that continues with the compacted history, if one is running. *count_tokens* estimates
    the tokens of a message. *send* sends a side request and raises ``ProviderError`` if it fails. *window_tokens* is
    what the session's model takes in one request, if that is more than the budget.

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
