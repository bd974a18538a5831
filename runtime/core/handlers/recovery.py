"""Going on with a session whose process is lost."""

import msgspec

from ...api.compact_reason import CompactReason
from ..events import Failure
from ..instructions import Emit, EndSession, Instruction
from ..phases import Backoff, Closed, Compacting, Idle, Requesting, ToolsOut
from ..state import ConversationState
from ..turn import MAX_RECOVERIES, Turn
from .compactions import start_compaction
from .early_tools import give_up_early
from .tools import wait_again
from .turns import fail_turn, next_request

_LOST = Failure(code="recovered", message="the session's process was lost, and another one goes on")
_LOST_TOO_OFTEN = Failure(
    code="not_recovered",
    message=f"the session's process was lost {MAX_RECOVERIES + 1} times during a request, with no answer in between",
    retryable=True,
)


def recover(state: ConversationState) -> list[Instruction]:
    """Do again what the lost process had begun. Tool uses stay open, and queued messages queued."""
    match state.phase:
        case Requesting(turn=turn):
            return _repeat_request(state, turn)
        case Backoff(turn=turn):
            return [next_request(state, turn)]
        case ToolsOut(turn=turn, batch=batch):
            return wait_again(state, turn, batch)
        case Compacting(reason=CompactReason.EAGER):  # nobody waits for it; it begins again when there is a reason
            state.enter(Idle())
            return []
        case Compacting(reason=reason, turn=turn, failed=failed, asked=asked):
            return [start_compaction(state, reason, turn, failed, asked)]
        case Closed():
            return [EndSession()]
        case _:
            return []


def _repeat_request(state: ConversationState, turn: Turn) -> list[Instruction]:
    """Send the running request again: none of its answer is left. Readers that have seen some of it are told."""
    withdrawn = give_up_early(state)
    turn = msgspec.structs.replace(turn, recoveries=turn.recoveries + 1, attempt=0)
    if turn.recoveries > MAX_RECOVERIES:
        return [*withdrawn, fail_turn(state, turn, _LOST_TOO_OFTEN)]
    return [*withdrawn, Emit(turn.retrying(_LOST, 0.0)), next_request(state, turn)]
