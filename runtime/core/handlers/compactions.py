"""Compactions: how they start and end."""

import msgspec

from ...api import messages as msg
from ...api.messages import CompactReason
from .. import events as ev
from ..compaction_policy import ContextWindow, budget_tokens
from ..instructions import Cancel, Emit, Instruction, StartCompaction
from ..phases import Compacting, Idle
from ..settings import answered_prompts
from ..state import ConversationState
from ..turn import Turn


def start_compaction(
    state: ConversationState, reason: CompactReason, turn: Turn | None = None, failed: ev.RequestFailed | None = None
) -> Instruction:
    """Compact the history: for the next request of *turn*, or outside a turn.

    *failed* is the request that was rejected as too long, if that is the reason.
    """
    if restore_unreadable(state) and turn:
        turn = msgspec.structs.replace(turn, fill_before=None)
    state.compactions += 1
    state.enter(Compacting(compaction=state.compactions, reason=reason, turn=turn, failed=failed))
    budget = budget_tokens(reason, state.request_tokens(), state.config) - state.meter.settings_tokens(state.config)
    messages = tuple(state.history.messages)
    return StartCompaction(
        number=state.compactions,
        messages=messages,
        config=state.config,
        budget_tokens=max(budget, 0),
        window_tokens=ContextWindow.of(state.config).request_tokens,
        estimator=state.meter.estimator,
        running_turn=turn.number if turn else None,
        prompts=answered_prompts(state.prompts, messages),
    )


def end_compaction(state: ConversationState, phase: Compacting, ended: ev.CompactionEnded) -> Instruction:
    """Take over the new history, if there is one. The phase is still *phase* afterwards."""
    before = len(state.history.messages)
    if ended.messages is not None:
        state.history.replace_messages(ended.messages)
        state.history_changed()
    state.policy.compaction_ended(state.request_tokens(), state.config)
    if ended.report is not None:
        state.usage += ended.report.usage
    return Emit(
        msg.Compacted(
            turn=phase.turn.number if phase.turn else 0,
            messages_before=before,
            messages_after=len(state.history.messages),
            problem=ended.problem,
            reason=phase.reason,
            report=ended.report,
        )
    )


def cancel_eager_compaction(state: ConversationState) -> list[Instruction]:
    """Cancel the eager compaction, if one is running: a message arrived."""
    match state.phase:
        case Compacting(reason=CompactReason.EAGER):
            state.enter(Idle())
            return [Cancel()]
        case _:
            return []


def restore_unreadable(state: ConversationState) -> bool:
    """Bring the original messages back if the current provider can't read the compaction that stands for them."""
    first = next(iter(state.history.messages), None)
    if first is None or not first.is_native_summary or not state.source or first.readable_by(state.source):
        return False
    state.history.restore_originals()
    state.history_changed()
    state.policy.history_replaced()
    return True
