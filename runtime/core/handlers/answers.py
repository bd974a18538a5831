"""A complete answer: it ends the turn, is continued, or asks for tools."""

import msgspec

from ....providers.schema.draft import Answer
from ....providers.schema.stop_reasons import StopReason
from ..changes.continuation import CONTINUABLE
from ..instructions import Instruction
from ..state import ConversationState
from ..turn import Turn
from .early_tools import give_up_early
from .removal import discard_refused_turn, discards_refusals
from .tools import emit_tool_batch
from .turns import (
    append_answer,
    continue_answer,
    count_usage,
    end_turn,
)

_REFUSALS = (StopReason.REFUSAL, StopReason.CONTENT_FILTER)


def complete_request(state: ConversationState, turn: Turn, answer: Answer) -> list[Instruction]:
    """The answer is complete: end the turn, or emit its tool uses and wait for their results."""
    turn, counted = count_usage(state, turn.answered(), answer)
    if answer.stop_reason in _REFUSALS and discards_refusals(state):
        withdrawn = give_up_early(state)
        discard_refused_turn(state, turn)
        return [counted, *withdrawn, end_turn(state, turn, turn.completed(answer))]
    length = len(state.history.messages)
    batch = append_answer(state, answer, turn)
    before = [counted, *give_up_early(state, batch.early)]
    if batch.uses:
        turn = msgspec.structs.replace(turn, continuing=None)
        return [*before, *emit_tool_batch(state, turn, batch, state.history.now)]
    if answer.stop_reason in CONTINUABLE and (turn.continuing is not None or len(state.history.messages) > length):
        if answer.content and turn.continuations < state.config.auto_continue:
            return [*before, *continue_answer(state, turn, answer.stop_reason)]
        state.cut_off = answer.stop_reason
    return [*before, end_turn(state, turn, turn.completed(answer))]
