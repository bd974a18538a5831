"""Interrupts, and the end of the session."""

from ....providers.schema.draft import Partial
from ...api import events as out
from ...api import messages as msg
from ...api.settings.policies import OnInterrupt
from .. import events as ev
from ..instructions import Cancel, Emit, EndSession, Instruction
from ..mailbox import Mailbox, Queued
from ..phases import Backoff, Closed, Compacting, Idle, Requesting, ToolsOut, batch_of
from ..state import ConversationState
from ..tools.batch import ToolBatch
from ..turn import Turn
from .compactions import INTERRUPTED, end_compaction, withdrawn_compaction
from .early_tools import give_up_early
from .removal import discard_turn
from .turns import append_answer, append_results, count_partial_usage, end_turn


def interrupt(state: ConversationState, message: msg.Interrupt, partial: Partial) -> list[Instruction]:
    """End the turn and the compaction that *message* names; without a number, the running turn or compaction."""
    compaction = _interrupt_compaction(state, message.compaction) if message.compaction else []
    if message.turn is None and message.compaction is not None:
        return compaction
    return [*compaction, *_interrupt_turn(state, message.turn, partial)]


def _interrupt_turn(state: ConversationState, turn: int | None, partial: Partial) -> list[Instruction]:
    running = state.running_turn
    if not isinstance(state.phase, Idle) and turn in (None, running.number if running else None):
        return interrupt_running(state, partial)
    queued = state.mailbox.queued_turn(turn) if turn else None
    if queued is None:
        return []
    state.mailbox.withdraw(queued.turn)
    return [Emit(_interrupted(queued))]


def _interrupt_compaction(state: ConversationState, asked: int) -> list[Instruction]:
    if isinstance(state.phase, Compacting) and state.phase.asked == asked:
        return interrupt_running(state, ev.NOTHING)
    return [withdrawn_compaction(state, asked)] if state.mailbox.withdraw(compaction=asked) else []


def interrupt_running(state: ConversationState, partial: Partial) -> list[Instruction]:
    """End the running turn or compaction. *partial* is the unfinished answer, if a request is running."""
    match state.phase:
        case Requesting(turn=turn):
            turn, counted = count_partial_usage(state, turn, partial)
            return [Cancel(), *counted, _end_interrupted(state, turn, partial)]
        case Backoff(turn=turn):
            return [Cancel(), _end_interrupted(state, turn)]
        case ToolsOut(turn=turn, batch=batch):
            return [_end_interrupted(state, turn, batch=batch)]
        case Compacting(turn=turn, compaction=compaction) as phase:
            ended = ev.CompactionEnded(compaction=compaction, problem=INTERRUPTED)
            compacted = end_compaction(state, phase, ended)
            if turn is not None:
                return [Cancel(), compacted, _end_interrupted(state, turn)]
            state.enter(Idle())
            return [Cancel(), compacted]
        case _:
            return []


def close_session(state: ConversationState, partial: Partial) -> list[Instruction]:
    """End the running turn, the queued turns and the session."""
    instructions = interrupt_running(state, partial)
    instructions += [Emit(_interrupted(queued)) for queued in state.mailbox.queue if queued.starts_turn]
    state.mailbox = Mailbox()
    state.enter(Closed())
    return [*instructions, Emit(out.Closed()), EndSession()]


def _end_interrupted(
    state: ConversationState, turn: Turn, partial: Partial = ev.NOTHING, batch: ToolBatch | None = None
) -> Instruction:
    if state.config.on_interrupt is OnInterrupt.DISCARD:
        state.history.spend_ids(use.id for use in batch_of(state.phase).uses)
        discard_turn(state, turn)
    else:
        batch = batch or append_answer(state, partial, turn)
        give_up_early(state, batch.early)
        if batch.uses:
            append_results(state, turn, batch)
    return end_turn(state, turn, out.Interrupted(turn=turn.number, correlation_id=turn.correlation_id))


def _interrupted(queued: Queued) -> out.Interrupted:
    correlation_id = queued.message.correlation_id if isinstance(queued.message, msg.UserMessage) else ""
    return out.Interrupted(turn=queued.turn, correlation_id=correlation_id)
