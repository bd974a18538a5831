"""What a conversation wants done. They never leave their process."""

from collections.abc import Callable
from dataclasses import dataclass

from ...providers.schema.messages import Message
from ..api.config import SessionConfig
from ..api.messages import FromLLM
from .events import Event


@dataclass(frozen=True, slots=True)
class Record:
    """Keep *event*: with those before it, it rebuilds the conversation."""

    event: Event


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell the readers. The event has no session id and no number yet."""

    event: FromLLM


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request *number* and tell what becomes of it: ``AnswerBegan``, then ``Answered`` or ``RequestFailed``.

    *attempt* counts from 1 for each answer that is wanted.
    """

    number: int
    turn: int
    attempt: int
    messages: tuple[Message, ...]
    config: SessionConfig


@dataclass(frozen=True, slots=True)
class Abandon:
    """Drop what is under way: the request, the pause or the compaction. Nothing of it is wanted any more."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Tell ``BackoffEnded`` after *delay_s*."""

    request: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class Shorten:
    """Shorten *messages* and tell ``CompactionEnded``. It is the session's compaction *number*.

    They must come to *budget_tokens* as *tokens* has it; *window_tokens* are what one request may hold. Of
    *running_turn*, what the next request needs stays.
    """

    number: int
    messages: tuple[Message, ...]
    config: SessionConfig
    budget_tokens: int
    window_tokens: int
    tokens: Callable[[Message], int]
    running_turn: int | None


@dataclass(frozen=True, slots=True)
class End:
    """The session is over: send what is left to the readers, and let go of everything."""


Instruction = Record | Emit | Send | Abandon | Backoff | Shorten | End
