"""Compactions: how they start and end."""

from ....providers.schema.messages import Message
from ...api import messages as msg
from ...api.messages import CompactReason
from .. import events as ev
from ..compaction_policy import ContextWindow, budget_tokens
from ..instructions import Cancel, Emit, Instruction, StartCompaction
from ..phases import Compacting, Idle
from ..state import ConversationState
from ..turn import Turn


def start_compaction(
    state: ConversationState, reason: CompactReason, turn: Turn | None = None, failed: ev.RequestFailed | None = None
) -> Instruction:
    """Compact the history: for the next request of *turn*, or outside a turn.

    *failed* is the request that was rejected as too long, if that is the reason.
    """
    state.compactions += 1
    state.enter(Compacting(compaction=state.compactions, reason=reason, turn=turn, failed=failed))
    budget = budget_tokens(reason, state.request_tokens(), state.config) - state.meter.settings_tokens(state.config)
    return StartCompaction(
        number=state.compactions,
        messages=tuple(state.history.messages),
        config=state.config,
        budget_tokens=max(budget, 0),
        window_tokens=ContextWindow.of(state.config).request_tokens,
        estimator=state.meter.estimator,
        running_turn=turn.number if turn else None,
    )


def end_compaction(state: ConversationState, phase: Compacting, ended: ev.CompactionEnded) -> Instruction:
    """Take over the new history, if there is one. The phase is still *phase* afterwards."""
    before = len(state.history.messages)
    if ended.messages is not None:
        _replace_history(state, ended.messages)
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


def _replace_history(state: ConversationState, messages: tuple[Message, ...]) -> None:
    state.history.replace_messages(messages)
    state.prompts = ()
    state.meter.estimate_fill(state.history.messages, state.config)
