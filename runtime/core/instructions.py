"""What a conversation wants done: the output of ``Conversation.handle``, plain data, executed in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...compaction.estimate.estimator import Estimator
from ...providers.schema.messages import Message
from ...providers.schema.request import Prompt
from ..api.config import SessionConfig
from ..api.messages import FromLLM
from .events import Record


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The message was accepted. *turn* is the turn that it started, continued or ended."""

    turn: int | None


@dataclass(frozen=True, slots=True)
class Emit:
    """Deliver *event* to the readers. It has no session id and no number yet."""

    event: FromLLM


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Send the request *number* and report ``Answered`` or ``RequestFailed``.

    *attempt* counts from 1 for each answer. *prompts* are those of a ``Request``.
    """

    number: int
    turn: int
    attempt: int
    messages: Sequence[Message]
    config: SessionConfig
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class StartBackoff:
    """Report ``BackoffEnded`` after *delay_s*."""

    request: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class StartCompaction:
    """Compact *messages* and report ``CompactionEnded``. *number* counts the session's compactions.

    The messages may come to *budget_tokens* by *estimator*; *window_tokens* is what one request may hold. What the next
    request of *running_turn* needs is kept. *prompts* are those that answers were given under: without any, that is the
    one in *config*.
    """

    number: int
    messages: tuple[Message, ...]
    config: SessionConfig
    budget_tokens: int
    window_tokens: int
    estimator: Estimator
    running_turn: int | None
    prompts: tuple[Prompt, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel the running request, backoff or compaction. Its outcome is no longer wanted."""


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """*config* is in force from now on."""

    config: SessionConfig


@dataclass(frozen=True, slots=True)
class EndSession:
    """The session is over: deliver the remaining events and release everything."""


Instruction = (
    Record | Acknowledge | Emit | SendRequest | StartBackoff | StartCompaction | Cancel | ApplySettings | EndSession
)
"""``Record``: persist the event before the instructions that follow are executed."""
