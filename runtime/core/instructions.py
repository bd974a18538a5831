"""What a conversation wants done: the output of ``Conversation.handle``, plain data, executed in order."""

from collections.abc import Sequence

import msgspec

from ...compaction.estimate.estimator import Estimator
from ...providers.schema.content import ToolUse
from ...providers.schema.messages import Message
from ...providers.schema.request import Prompt
from ..api.config import SessionConfig
from ..api.events import FromLLM, ToolBatch
from ..api.tools.approval_policy import ApprovalPolicy
from .events import Record


class _Instruction(msgspec.Struct, frozen=True, gc=False):
    """Something to do. It never leaves its process."""


class Acknowledge(_Instruction, frozen=True):
    """The message was accepted. *turn* is the turn that it started, continued or ended, and *compaction* likewise.

    With a *seq*, it was accepted before, after the event of that number.
    """

    turn: int | None
    compaction: int | None = None
    seq: int | None = None


class Emit(_Instruction, frozen=True):
    """Deliver *event* to the readers. It has no session id and no number yet."""

    event: FromLLM


class SendRequest(_Instruction, frozen=True):
    """Send the request *number* and report ``Answered`` or ``RequestFailed``.

    *attempt* counts from 1 for each answer. *prompts* are those of a ``Request``. With *early_tools*, report
    ``ToolUseReady`` for each tool use whose input is complete before the answer is. *correlation_id* is the turn's.
    The request has about *tokens*.
    """

    number: int
    turn: int
    attempt: int
    messages: Sequence[Message]
    config: SessionConfig
    prompts: tuple[Prompt, ...] = ()
    early_tools: bool = False
    correlation_id: str = ""
    tokens: int = 0


class StartBackoff(_Instruction, frozen=True):
    """Report ``BackoffEnded`` after *delay_s*."""

    request: int
    delay_s: float


class StartCompaction(_Instruction, frozen=True):
    """Compact *messages* and report ``CompactionEnded``. *number* counts the session's compactions.

    The messages should come to *budget_tokens* by *estimator*, and recent turns are left alone if they come to
    *recent_budget_tokens*. *window_tokens* is what a request may have of them, *limit_tokens* all that the model takes
    at once. What the next request of *running_turn* needs is kept. *turns_since* is the number of turns since the last
    compaction, if that is the reason. *prompts* are those that answers were given under: without any, that is the one
    in *config*.
    """

    number: int
    messages: tuple[Message, ...]
    config: SessionConfig
    budget_tokens: int
    recent_budget_tokens: int
    window_tokens: int
    limit_tokens: int
    estimator: Estimator
    running_turn: int | None
    turns_since: int | None = None
    prompts: tuple[Prompt, ...] = ()


class DecideApproval(_Instruction, frozen=True):
    """Ask *policy* which of *uses* need approval, and report ``ApprovalDecided`` about all of them."""

    uses: tuple[ToolUse, ...]
    policy: ApprovalPolicy


class ResumeTools(_Instruction, frozen=True):
    """Run those tools of *batch* that run on Ray, as when it was emitted: the process that ran them is gone."""

    batch: ToolBatch


class StartToolTimer(_Instruction, frozen=True):
    """Report ``ToolsTimedOut`` after *delay_s*, in the place of an earlier timer for results, or for *approval*."""

    timer: int
    delay_s: float
    approval: bool = False


class Cancel(_Instruction, frozen=True):
    """Cancel the running request, backoff or compaction. Its outcome is no longer wanted."""


class ApplySettings(_Instruction, frozen=True):
    """*config* is in force from now on."""

    config: SessionConfig


class EndSession(_Instruction, frozen=True):
    """The session is over: deliver the remaining events and release everything."""


Instruction = (
    Record
    | Acknowledge
    | Emit
    | SendRequest
    | StartBackoff
    | DecideApproval
    | ResumeTools
    | StartToolTimer
    | StartCompaction
    | Cancel
    | ApplySettings
    | EndSession
)
"""``Record``: persist the event before the instructions that follow are executed."""
