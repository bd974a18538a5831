"""Messages about open tool uses: what becomes of them, and what people decide and answer."""

import msgspec

from ....providers.schema.checks.shown import shown
from ...api import events as out
from ...api import messages as msg
from ...api.errors import NoApprovalNeeded
from ...api.tools.builtins import READ_RESULT
from ..instructions import Emit, Instruction
from ..mailbox import require_size
from ..phases import ToolsOut
from ..state import ConversationState
from ..tools.approvals import is_granted, with_grants
from ..tools.batch import unexpected_answer
from ..tools.kept_results import KeptResult, cut_results, within
from .tools import go_on, tool_ended, tool_started, waiting_for
from .turns import require_history_room

_PROGRESS_CHARACTERS = 2_000
"""How much of what a tool says of its progress is in a ``ToolProgress``."""

ToolMessage = msg.ToolResults | msg.ToolUpdate | msg.RequestApproval | msg.Approve | msg.Deny | msg.AnswerQuestion
"""What is sent about open tool uses."""


def accept_tool_message(
    state: ConversationState, message: ToolMessage, size_bytes: int, at: float
) -> list[Instruction]:
    """Apply a message about open tool uses, which arrived *at* that time.

    Raises:
        MessageTooLarge, ToolResultError, EmptyMessage, HistoryFull, InvalidConfig: it is rejected.
    """
    match message:
        case msg.ToolResults():
            return _accept_results(state, message, size_bytes)
        case msg.ToolUpdate():
            return _accept_update(state, message, size_bytes)
        case msg.RequestApproval():
            return _request_approval(state, message, size_bytes, at)
        case msg.Approve():
            return _approve(state, message, size_bytes, at)
        case msg.Deny():
            return _deny(state, message, size_bytes)
        case msg.AnswerQuestion():
            return _answer_question(state, message, size_bytes)


def _accept_results(state: ConversationState, message: msg.ToolResults, size_bytes: int) -> list[Instruction]:
    """Keep the results; when no tool use is open any more, send the next request."""
    turn, batch = waiting_for(state, (result.tool_use_id for result in message.results), size_bytes)
    started = tuple(each for each in message.durations_s if each not in batch.started)
    whole: tuple[KeptResult, ...] = ()
    limit_bytes = state.config.limits.kept_result_bytes
    if message.max_result_bytes is not None:
        results, whole = cut_results(message.results, message.max_result_bytes, limit_bytes)
        message = msgspec.structs.replace(message, results=results)
    batch = batch.with_results(message)
    require_history_room(state, size_bytes)
    if whole:
        state.kept_results = within((*state.kept_results, *whole), limit_bytes)
        state.offer(state.offered_tools.adding((READ_RESULT.name,)))
        turn = state.with_fill_before(turn)
    ended = [tool_ended(turn, batch, each, message.durations_s.get(each.tool_use_id)) for each in message.results]
    emitted = [*(tool_started(turn, batch, each) for each in started), *ended]
    return [*map(Emit, emitted), *go_on(state, turn, batch)]


def _accept_update(state: ConversationState, message: msg.ToolUpdate, size_bytes: int) -> list[Instruction]:
    """Report what programs tell of the tools that they run."""
    turn, batch = waiting_for(state, (*message.started, *message.progress), size_bytes)
    updated = batch.with_update(message)
    timers = go_on(state, turn, updated)
    started = updated.started[len(batch.started) :]
    progress = [
        out.ToolProgress(turn=turn.number, tool_use_id=each, name=batch.name_of(each), text=text[:_PROGRESS_CHARACTERS])
        for each, text in message.progress.items()
    ]
    return [*(Emit(tool_started(turn, batch, each)) for each in started), *map(Emit, progress), *timers]


def _request_approval(
    state: ConversationState, message: msg.RequestApproval, size_bytes: int, at: float
) -> list[Instruction]:
    """Have tool uses wait for approval, since the program that is to run them says so.

    Raises:
        NoApprovalNeeded: one has been approved, or an earlier approval covers it.
    """
    turn, batch = waiting_for(state, message.tool_use_ids, size_bytes)
    for use in batch.uses:
        if use.id in message.tool_use_ids and is_granted(use, state.grants, at):
            raise NoApprovalNeeded(f"an earlier approval covers tool use {shown(use.id)}")
    batch = batch.with_unapproved(message.tool_use_ids)
    uses = tuple(use for use in batch.waiting if use.id in message.tool_use_ids)
    timers = go_on(state, turn, batch, for_approval=bool(uses))
    return [Emit(turn.approval_requested(uses)), *timers] if uses else timers


def _approve(state: ConversationState, message: msg.Approve, size_bytes: int, at: float) -> list[Instruction]:
    """Let tool uses run that waited for approval."""
    turn, before = waiting_for(state, message.tool_use_ids, size_bytes)
    batch = before.with_approval(message)
    if message.inputs:  # they are in the results
        require_history_room(state, size_bytes)
    uses = tuple(use for use in batch.approved if use.id in before.unapproved)
    state.grants = with_grants(state.grants, message, uses, at)
    return go_on(state, turn, batch.with_held(use.id for use in uses))


def _deny(state: ConversationState, message: msg.Deny, size_bytes: int) -> list[Instruction]:
    """Answer tool uses that waited for approval with an error."""
    turn, before = waiting_for(state, message.tool_use_ids, size_bytes)
    batch = before.with_denial(message)
    if message.reason:
        require_history_room(state, size_bytes)
    denied = [result for each, result in batch.results.items() if each not in before.results]
    return [*(Emit(tool_ended(turn, batch, result, None)) for result in denied), *go_on(state, turn, batch)]


def _answer_question(state: ConversationState, message: msg.AnswerQuestion, size_bytes: int) -> list[Instruction]:
    """Give the model the user's answer to a question of its own."""
    require_size(size_bytes, state.config.limits)
    if not isinstance(state.phase, ToolsOut):
        raise unexpected_answer(message.tool_use_id, state.history.messages)
    turn, batch = state.phase.turn, state.phase.batch.with_answer(message)
    require_history_room(state, size_bytes)
    ended = tool_ended(turn, batch, batch.results[message.tool_use_id], None)
    return [Emit(ended), *go_on(state, turn, batch)]
