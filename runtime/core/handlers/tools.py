"""The tool uses of an answer: they go out, and their results come back."""

import msgspec

from ...api import messages as msg
from ..instructions import Emit, Instruction
from ..mailbox import require_size
from ..phases import ToolsOut
from ..state import ConversationState
from ..tool_batch import ToolBatch, unexpected_results
from ..turn import MAX_REFUSED_BATCHES, NO_VALID_INPUT, Turn
from .turns import append_results, end_turn, next_request, require_history_room


def emit_tool_batch(state: ConversationState, turn: Turn, batch: ToolBatch) -> list[Instruction]:
    emitted = Emit(turn.tool_batch(batch))
    turn = msgspec.structs.replace(turn, steps=turn.steps + 1)
    if batch.open:
        state.enter(ToolsOut(turn=msgspec.structs.replace(turn, refused_batches=0), batch=batch))
        return [emitted]
    turn = msgspec.structs.replace(turn, refused_batches=turn.refused_batches + 1)
    append_results(state, turn, batch)
    if turn.refused_batches < MAX_REFUSED_BATCHES:
        return [emitted, _next_step(state, turn)]
    return [emitted, end_turn(state, turn.failed(NO_VALID_INPUT))]


def accept_tool_results(state: ConversationState, message: msg.ToolResults, size_bytes: int) -> list[Instruction]:
    """Keep the results; when no tool use is open any more, send the next request."""
    require_size(size_bytes, state.config.limits)
    if not isinstance(state.phase, ToolsOut):
        raise unexpected_results(message.results, state.history.messages)
    turn, batch = state.phase.turn, state.phase.batch.with_results(message)
    require_history_room(state, size_bytes)
    if batch.open:
        state.enter(ToolsOut(turn=turn, batch=batch))
        return []
    append_results(state, turn, batch)
    return [_next_step(state, turn)]


def _next_step(state: ConversationState, turn: Turn) -> Instruction:
    """Send the results of a step to the model, unless it was the last one that the turn may have."""
    if turn.steps >= state.config.max_steps:
        return end_turn(state, turn.stopped())
    return next_request(state, turn)
