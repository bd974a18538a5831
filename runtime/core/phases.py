"""The phases of a conversation, and which event leads from one to which others: the state machine as data."""

import msgspec

from ..api.compact_reason import CompactReason
from ..api.messages import (
    AddMessages,
    AnswerQuestion,
    Approve,
    Clear,
    Close,
    Compact,
    Configure,
    Continue,
    Deny,
    Interrupt,
    RequestApproval,
    Retry,
    Rewind,
    ToolResults,
    ToolUpdate,
    UserMessage,
)
from ..api.status import State
from .events import (
    Answered,
    ApprovalDecided,
    BackoffEnded,
    CompactionEnded,
    Opened,
    Recovered,
    RequestFailed,
    TaskCancelled,
    ToolsTimedOut,
    ToolUseReady,
)
from .tools.batch import ToolBatch
from .tools.early import NO_EARLY_TOOLS, EarlyTools
from .turn import Turn


class _Phase(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field="phase", tag=str.lower, omit_defaults=True):
    """What a conversation is doing, and the data that only this phase has."""


class Unopened(_Phase, frozen=True):
    """Before ``Opened``."""


class Idle(_Phase, frozen=True):
    """No turn is running and no message is queued."""


class Requesting(_Phase, frozen=True, kw_only=True):
    """The *request* has been sent, and its answer is not complete. *early* are its tool uses that have started."""

    turn: Turn
    request: int
    early: EarlyTools | None = None


class Backoff(_Phase, frozen=True, kw_only=True):
    """The *request* failed, and the conversation waits before it sends it again."""

    turn: Turn
    request: int


class ToolsOut(_Phase, frozen=True, kw_only=True):
    """The turn waits for the results of *batch*."""

    turn: Turn
    batch: ToolBatch


class Compacting(_Phase, frozen=True, kw_only=True):
    """The history is being compacted: for the next request of *turn*, or outside a turn.

    *failed* is the request that was rejected as too long, if that is the reason; *asked* is the number of the
    ``Compact``, if one is. *source* was that of the provider at its start.
    """

    compaction: int
    reason: CompactReason
    turn: Turn | None = None
    failed: RequestFailed | None = None
    asked: int = 0
    source: str = ""


class Closed(_Phase, frozen=True):
    """The session has ended."""


Phase = Unopened | Idle | Requesting | Backoff | ToolsOut | Compacting | Closed


class MailboxEmpty:
    """What moves an idle conversation when no message is queued: it may compact eagerly."""


# For each phase, what moves the conversation on from it, and to which phases. A trigger is an event, or the message in
# a Received event, at the moment when it takes effect: a queued message does so when the conversation is idle. What is
# missing here leaves the phase as it is: messages are queued, withdrawn, applied or rejected, outcomes of cancelled
# work are ignored.
TRANSITIONS: dict[type[Phase], dict[type, tuple[type[Phase], ...]]] = {
    Unopened: {
        Opened: (Idle,),
    },
    Idle: {
        UserMessage: (Requesting, Compacting),
        Retry: (Requesting, Compacting),
        Continue: (Requesting, Compacting),
        Compact: (Compacting,),
        Close: (Closed,),
        MailboxEmpty: (Compacting,),
    },
    Requesting: {
        ToolUseReady: (Requesting,),
        Answered: (Idle, ToolsOut, Requesting, Compacting),
        RequestFailed: (Idle, Backoff, Requesting, Compacting),
        TaskCancelled: (Idle,),
        Recovered: (Idle, Requesting, Compacting),
        # These are of tool uses that have started while the answer is not complete.
        ToolResults: (Requesting,),
        ToolUpdate: (Requesting,),
        RequestApproval: (Requesting,),
        Approve: (Requesting,),
        Deny: (Requesting,),
        UserMessage: (Idle,),
        Interrupt: (Idle,),
        Close: (Idle,),
    },
    Backoff: {
        BackoffEnded: (Requesting, Compacting),
        Recovered: (Requesting, Compacting),
        UserMessage: (Idle,),
        Interrupt: (Idle,),
        Close: (Idle,),
    },
    ToolsOut: {
        ToolResults: (Idle, ToolsOut, Requesting, Compacting),
        ToolUpdate: (ToolsOut,),
        RequestApproval: (ToolsOut,),
        Approve: (ToolsOut,),
        Deny: (Idle, ToolsOut, Requesting, Compacting),
        AnswerQuestion: (Idle, ToolsOut, Requesting, Compacting),
        ToolsTimedOut: (Idle, ToolsOut, Requesting, Compacting),
        ApprovalDecided: (ToolsOut,),
        Recovered: (ToolsOut,),
        UserMessage: (Idle,),
        Interrupt: (Idle,),
        Close: (Idle,),
    },
    Compacting: {
        CompactionEnded: (Idle, Requesting, Backoff, Compacting),
        TaskCancelled: (Idle, Requesting, Backoff, Compacting),
        Recovered: (Idle, Compacting),
        # Any message ends an eager compaction; these end the others too.
        UserMessage: (Idle,),
        AddMessages: (Idle,),
        Interrupt: (Idle,),
        Close: (Idle,),
        Retry: (Idle,),
        Continue: (Idle,),
        Compact: (Idle,),
        Clear: (Idle,),
        Rewind: (Idle,),
        Configure: (Idle,),
    },
    Closed: {},
}

STATES: dict[type[Phase], State] = {
    Unopened: State.IDLE,
    Idle: State.IDLE,
    Requesting: State.REQUESTING,
    Backoff: State.RETRYING,
    ToolsOut: State.TOOLS_OUT,
    Compacting: State.COMPACTING,
    Closed: State.CLOSED,
}
"""The public state of each phase. A session that has part of an answer reports ``STREAMING`` instead of
``REQUESTING``."""


def batch_of(phase: Phase) -> ToolBatch:
    """The tool uses that *phase* has emitted, and what is known of them."""
    match phase:
        case ToolsOut(batch=batch) | Requesting(early=EarlyTools(batch=batch)):
            return batch
        case _:
            return NO_EARLY_TOOLS.batch
