"""Tools that start before the answer that asks for them is complete, and what becomes of them without that answer."""

from collections.abc import Collection

import msgspec

from ....providers.schema.content import ToolUse
from ....providers.schema.draft import unique_tool_ids
from ...api import events as out
from ..instructions import Emit, Instruction
from ..phases import Requesting
from ..state import ConversationState
from ..tools.approvals import needs_approval
from ..tools.builtins import builtin_uses
from ..tools.early import NO_EARLY_TOOLS, EarlyTools, starts_early
from ..tools.room import runs_in_order, with_given

WITHDRAWN = "The answer that asked for this tool use was not completed, and what became of it is not used."


def start_early(state: ConversationState, phase: Requesting, written: ToolUse) -> list[Instruction]:
    """Emit a tool use whose input is complete, *written* so by the model, if its tool starts before the answer's end.

    What has to be approved or answered by the session itself, or has no valid input, waits. It holds up no other use,
    unless all run in order.
    """
    config, early = phase.turn.config(state.config), phase.early or NO_EARLY_TOOLS
    is_builtin = bool(builtin_uses((written,), state.offered(config)))
    may_run = needs_approval(written, config, state.grants, state.history.now) is False
    waits = written.malformed is not None or is_builtin or not may_run
    if waits and not runs_in_order(config):
        return []
    if waits or not starts_early(written.name, config):
        state.enter(msgspec.structs.replace(phase, early=msgspec.structs.replace(early, is_over=True)))
        return []
    *_, use = unique_tool_ids((*early.written, written), state.history.taken_ids)
    assert isinstance(use, ToolUse)
    early = early.adding(written, use)
    batch, given = with_given(early.batch.with_held((use.id,)), config)
    state.enter(msgspec.structs.replace(phase, early=msgspec.structs.replace(early, batch=batch)))
    return [Emit(phase.turn.in_next_step().tool_batch(given, state.config))] if given else []


def give_up_early(state: ConversationState, kept: Collection[str] = ()) -> list[Instruction]:
    """Give up the tool uses of the running request that have started, but those *kept*: no answer asks for them.

    No later use gets the id of one, since its result may still arrive.
    """
    match state.phase:
        case Requesting(turn=turn, early=EarlyTools(batch=batch)):
            pass
        case _:
            return []
    gone = {use.id: use for use in batch.uses if use.id not in kept}
    state.history.spend_ids(gone)
    state.kept_results = tuple(each for each in state.kept_results if each.tool_use_id not in gone)
    return [
        Emit(out.ToolFailed(turn=turn.number, tool_use_id=use.id, name=use.name, message=WITHDRAWN))
        for use in batch.open
        if use.id in gone and use.id not in batch.held
    ]
