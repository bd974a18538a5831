"""What a strategy works on. It never leaves its process."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ..providers.configs import ProviderConfig
from ..providers.schema.draft import Answer
from ..providers.schema.messages import Message


@dataclass(frozen=True, slots=True)
class Ask:
    """What a model is asked besides the conversation; ``provider=None`` is the session's own."""

    messages: tuple[Message, ...]
    system: str
    max_output_tokens: int
    provider: ProviderConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The history *messages*, whose tokens must come to at most *budget_tokens*.

    *running_turn* is the one that goes on with the history that comes out. *tokens* estimates those of a message. *ask*
    asks a model and raises ``ProviderError``; the session's history knows nothing of it. *window_tokens* is what the
    session's model takes in one request, where that is more than the budget.
    """

    messages: Sequence[Message]
    budget_tokens: int
    tokens: Callable[[Message], int]
    ask: Callable[[Ask], Awaitable[Answer]]
    running_turn: int | None = None
    window_tokens: int | None = None
