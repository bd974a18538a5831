"""Going on with a session whose process is lost."""

from ....providers.schema.draft import Partial
from ....providers.schema.stop_reasons import StopReason
from ...api.compact_reason import CompactReason
from ...api.settings.policies import OnCrash
from ..events import Failure, Recovered
from ..instructions import Emit, EndSession, Instruction
from ..phases import Backoff, Closed, Compacting, Idle, Requesting, ToolsOut, batch_of
from ..state import ConversationState
from ..turn import MAX_OUT_OF_MEMORY, MAX_RECOVERIES, MAX_RECOVERY_S, Turn
from .compactions import start_compaction
from .early_tools import give_up_early
from .tools import wait_again
from .turns import append_answer, continue_answer, count_partial_usage, fail_turn, next_request

_LOST = Failure(code="recovered", message="the session's process was lost, and another one goes on")
_GIVEN_UP = Failure(
    code="process_lost",
    message="the session's process was lost during a request, and the session's on_crash is 'fail'",
    retryable=True,
)


def recover(state: ConversationState, lost: Recovered) -> list[Instruction]:
    """Do again what the lost process had begun. Tool uses stay open, and queued messages queued."""
    match state.phase:
        case Requesting(turn=turn):
            return _recover_request(state, turn, lost)
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


def _recover_request(state: ConversationState, turn: Turn, lost: Recovered) -> list[Instruction]:
    """Send the running request again, ask for the rest of its answer, or fail its turn."""
    starts_tools = bool(batch_of(state.phase).uses)
    withdrawn = give_up_early(state)
    turn, counted = count_partial_usage(state, turn.recovered(lost), lost.partial)
    before = [*withdrawn, *counted]
    on_crash = state.config.on_crash
    if failure := _GIVEN_UP if on_crash is OnCrash.FAIL else _past_bounds(turn, lost.at):
        return [*before, fail_turn(state, turn, failure, lost.partial.text)]
    if on_crash is OnCrash.CONTINUE and not starts_tools and _kept(state, turn, lost.partial):
        return [*before, *continue_answer(state, turn, StopReason.PROCESS_LOST)]
    return [*before, Emit(turn.retrying(_LOST, 0.0)), next_request(state, turn)]


def _kept(state: ConversationState, turn: Turn, partial: Partial) -> bool:
    """True if there is a *partial* answer to continue; then it is in the history."""
    if not partial.content:
        return False
    length = len(state.history.messages)
    append_answer(state, partial, turn)
    return turn.continuing is not None or len(state.history.messages) > length


def _past_bounds(turn: Turn, now: float) -> Failure | None:
    """Why the request of *turn* is not sent again: its processes were lost too often, or for too long."""
    if turn.out_of_memory > MAX_OUT_OF_MEMORY:
        problem = f"{turn.out_of_memory} times because it took too much memory"
    elif turn.recoveries > MAX_RECOVERIES:
        problem = f"{turn.recoveries} times"
    elif now - turn.recovered_at > MAX_RECOVERY_S:
        problem = f"again and again for {now - turn.recovered_at:.0f} s"
    else:
        return None
    message = f"the session's process was lost {problem} during a request, with no answer in between"
    return Failure(code="not_recovered", message=message, retryable=True)
