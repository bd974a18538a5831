"""What was begun has ended: requests, waits, compactions and the time of tools."""

from .. import events as ev
from ..instructions import Instruction
from ..phases import Backoff, Compacting, Requesting, ToolsOut
from ..state import ConversationState
from .answers import complete_request
from .early_tools import start_early
from .tools import decide, time_out
from .turns import fail_request, finish_compaction, next_request

_CANCELLED = ev.Failure(code="internal", message="the request was cancelled by something in the provider's client")


def awaits(state: ConversationState, outcome: ev.Outcome) -> bool:
    """True if the current phase waits for *outcome*. Others are those of something that was cancelled."""
    match outcome, state.phase:
        case ((ev.Answered(request=number) | ev.RequestFailed(request=number)), Requesting(request=current)):
            return number == current
        case ev.ToolUseReady(request=number), Requesting(request=current, early=early):
            return number == current and not (early and early.is_over)
        case ev.BackoffEnded(request=number), Backoff(request=current):
            return number == current
        case ev.CompactionEnded(compaction=number), Compacting(compaction=current):
            return number == current
        case ev.ToolsTimedOut(timer=number, approval=approval), ToolsOut(batch=batch):
            return number == (batch.approval_timer if approval else batch.timer)
        case ev.ApprovalDecided(tool_use_ids=ids), ToolsOut(batch=batch):
            return ids == batch.undecided
        case ev.TaskCancelled(), Requesting() | Compacting():
            return True
        case _:
            return False


def conclude(state: ConversationState, outcome: ev.Outcome) -> list[Instruction]:
    """Apply *outcome*, which the current phase waits for."""
    match outcome, state.phase:
        case ev.Answered(answer=answer), Requesting(turn=turn):
            return complete_request(state, turn, answer)
        case ev.ToolUseReady(use=use), Requesting() as phase:
            return start_early(state, phase, use)
        case ev.RequestFailed(), Requesting(turn=turn):
            return fail_request(state, turn, outcome)
        case ev.TaskCancelled(partial=partial), Requesting(turn=turn, request=number):
            failed = ev.RequestFailed(request=number, failure=_CANCELLED, partial=partial)
            return fail_request(state, turn, failed)
        case ev.BackoffEnded(), Backoff(turn=turn):
            return [next_request(state, turn)]
        case ev.CompactionEnded(), Compacting() as phase:
            return finish_compaction(state, phase, outcome)
        case ev.ToolsTimedOut(), ToolsOut(turn=turn, batch=batch):
            return time_out(state, turn, batch, outcome.approval)
        case ev.ApprovalDecided(needing=needing), ToolsOut(turn=turn, batch=batch):
            return decide(state, turn, batch, needing)
        case ev.TaskCancelled(), Compacting(compaction=number) as phase:
            ended = ev.CompactionEnded(compaction=number, problem=_CANCELLED.message)
            return finish_compaction(state, phase, ended)
        case _:
            raise AssertionError(f"nothing waits for {type(outcome).__name__}")
