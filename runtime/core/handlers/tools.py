"""The tool uses of an answer: they go out, those that need it after an approval, and their results come back."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from ....providers.schema.content import Text, ToolResult
from ....providers.schema.messages import Message, Role
from ....providers.schema.stop_reasons import StopReason
from ....providers.schema.tools import Tool
from ...api import events as out
from ...api import messages as msg
from ...api.settings.policies import OnMaxSteps
from ...api.tools.approval_policy import ApprovalPolicy
from ...api.tools.builtins import MessagesInput, ReadInput, SearchInput
from ..changes.continuation import answer_text
from ..instructions import DecideApproval, Emit, Instruction, ResumeTools, StartToolTimer
from ..mailbox import require_size
from ..phases import Requesting, ToolsOut
from ..state import ConversationState
from ..tools.approvals import needs_approval
from ..tools.batch import (
    NOBODY_ANSWERED,
    NOBODY_APPROVED,
    NOBODY_REPLIED,
    ToolBatch,
    unexpected_tool_message,
)
from ..tools.builtins import InvalidInput, ask_questions, builtin_uses, found_tools, input_of
from ..tools.early import EarlyTools
from ..tools.kept_results import Unreadable, read
from ..tools.left_out import read_messages
from ..tools.room import with_given
from ..turn import MAX_REFUSED_BATCHES, NO_VALID_INPUT, Turn
from .turns import append_results, end_turn, next_request

_MESSAGE_CHARACTERS = 1_000
"""How much of an error result is in its ``ToolFailed``."""


def emit_tool_batch(state: ConversationState, turn: Turn, batch: ToolBatch, at: float) -> list[Instruction]:
    """Emit the tool uses of an answer, and wait for their results. Those that need approval wait for it first."""
    turn = turn.in_next_step()
    if turn.without_tools:
        return _end_step(state, turn, batch.refused_as_too_many())
    config = turn.config(state.config)
    batch, answered = _use_builtins(state, turn, batch)
    turn = state.with_fill_before(turn)
    new = [use for use in batch.approved if use.id not in batch.early]
    needs = {use.id: needs_approval(use, config, state.grants, at) for use in new}
    if unapproved := [each for each, is_needed in needs.items() if is_needed]:
        batch = batch.with_unapproved(unapproved)
    if isinstance(policy := config.approve, ApprovalPolicy):
        batch = batch.with_undecided((each for each, is_needed in needs.items() if is_needed is None), policy)
    emitted: list[Instruction] = []
    batch, given = with_given(batch.with_held(use.id for use in new if needs[use.id] is False), config)
    if given or batch.refused:
        emitted.append(Emit(turn.tool_batch(given, state.config, batch.refused)))
    if unapproved:
        emitted.append(Emit(turn.approval_requested(tuple(use for use in new if use.id in unapproved))))
    emitted += map(Emit, answered)
    emitted += _decisions(batch)
    refused = len(batch.refused) == len(batch.uses)
    turn = msgspec.structs.replace(turn, refused_batches=turn.refused_batches + 1 if refused else 0)
    if batch.open:
        return [*emitted, *_wait(state, turn, batch, for_approval=True)]
    if turn.refused_batches < MAX_REFUSED_BATCHES:
        return [*emitted, *_end_step(state, turn, batch)]
    return [*emitted, _complete_step(state, turn, batch), end_turn(state, turn, turn.failed(NO_VALID_INPUT))]


def _use_builtins(state: ConversationState, turn: Turn, batch: ToolBatch) -> tuple[ToolBatch, list[out.FromLLM]]:
    """*batch* as far as the session answers it itself, and the events of that."""
    uses = builtin_uses(batch.open, state.turn_config(turn))
    if not uses:
        return batch, []
    before, full = batch, () if state.redacts else state.history.full
    batch, events = ask_questions(turn, batch, uses)
    for use in before.open:
        try:
            match uses.get(use.id):
                case "read_result":
                    text = read(input_of(use, ReadInput), state.kept_results, full)
                case "read_messages":
                    text = read_messages(input_of(use, MessagesInput), full, state.history.messages)
                case "search_tools":
                    text = _find_tools(state, turn, input_of(use, SearchInput))
                case _:
                    continue
            batch = batch.with_text(use, text)
        except (InvalidInput, Unreadable) as error:
            batch = batch.with_errors((use,), str(error))
    ended = [result for each, result in batch.results.items() if each not in before.results]
    started = [tool_started(turn, batch, result.tool_use_id) for result in ended if not result.is_error]
    return batch, [*events, *started, *(tool_ended(turn, batch, result, None) for result in ended)]


def _find_tools(state: ConversationState, turn: Turn, wanted: SearchInput) -> str:
    """What the model is told of the tools that it *wanted*: requests hold their definitions from now on."""
    names, text = found_tools(wanted.query, state.deferred_index(turn.config(state.config)))
    state.offer(state.offered_tools.adding(names))
    return text


def _decisions(batch: ToolBatch) -> list[Instruction]:
    """Have the session's function say which of the undecided uses of *batch* need approval."""
    uses = tuple(use for use in batch.uses if use.id in batch.undecided)
    return [DecideApproval(uses, batch.policy)] if batch.policy and uses else []


def decide(state: ConversationState, turn: Turn, batch: ToolBatch, needing: Collection[str]) -> list[Instruction]:
    """The session's function has said which of the undecided uses need approval: the others may run."""
    free = [each for each in batch.undecided if each not in needing]
    batch = batch.with_decision(needing)
    asked = tuple(use for use in batch.waiting if use.id in needing)
    instructions = go_on(state, turn, batch.with_held(free), for_approval=bool(asked))
    return [*instructions, Emit(turn.approval_requested(asked))] if asked else instructions


def time_out(state: ConversationState, turn: Turn, batch: ToolBatch, approval: bool) -> list[Instruction]:
    """Nobody has answered the tool uses that may run, or those that wait for *approval* or for the user, in time."""
    uses = (*batch.waiting, *batch.asked) if approval else batch.given
    if approval:
        batch = batch.with_errors(batch.waiting, NOBODY_APPROVED).with_errors(batch.asked, NOBODY_REPLIED)
    else:
        batch = batch.with_errors(uses, NOBODY_ANSWERED)
    failed = [tool_ended(turn, batch, batch.results[use.id], None) for use in uses]
    return [*map(Emit, failed), *go_on(state, turn, batch)]


def waiting_for(state: ConversationState, ids: Iterable[str], size_bytes: int) -> tuple[Turn, ToolBatch]:
    """The turn that waits for tools, and what for.

    Raises:
        MessageTooLarge: the message about them is too large.
        UnknownToolUse, ToolUseAnswered: none waits.
    """
    require_size(size_bytes, state.config.limits)
    match state.phase:
        case ToolsOut(turn=turn, batch=batch):
            return turn, batch
        case Requesting(turn=turn, early=EarlyTools(batch=batch)):
            return turn.in_next_step(), batch
        case _:
            raise unexpected_tool_message(ids, state.history.messages)


def go_on(state: ConversationState, turn: Turn, batch: ToolBatch, for_approval: bool = False) -> list[Instruction]:
    """Give out what there is room for, and wait for what is open, or for the rest of the answer; or end the step."""
    batch, given = with_given(batch, turn.config(state.config))
    emitted: list[Instruction] = [Emit(turn.tool_batch(given, state.config))] if given else []
    match state.phase:
        case Requesting(early=EarlyTools() as early) as phase:  # its time limits begin with the end of the answer
            state.enter(msgspec.structs.replace(phase, early=msgspec.structs.replace(early, batch=batch)))
            return emitted
        case _ if batch.open:
            return [*emitted, *_wait(state, turn, batch, for_approval)]
        case _:
            return _end_step(state, turn, batch)


def wait_again(state: ConversationState, turn: Turn, batch: ToolBatch) -> list[Instruction]:
    """Wait for *batch*, each time limit from its beginning; what ran on Ray, or was being decided, is done again."""
    timers = _wait(state, turn, batch, for_approval=True)
    given = turn.tool_batch(batch.given, state.config)
    resumed = [ResumeTools(given)] if given.on_ray else []
    return [*resumed, *timers, *_decisions(batch)]


def _wait(state: ConversationState, turn: Turn, batch: ToolBatch, for_approval: bool = False) -> list[Instruction]:
    """Wait for what is open, each time anew as long as it may last; *for_approval* too if that has just been asked."""
    timer = state.record + 1  # of the event that is being applied: no other timer has this number
    timers: list[Instruction] = []
    if batch.approved and (limit_s := state.config.results_timeout_s):
        timers.append(StartToolTimer(timer, limit_s))
        batch = msgspec.structs.replace(batch, timer=timer)
    if for_approval and (batch.unapproved or batch.asked) and (limit_s := state.config.approval_timeout_s):
        timers.append(StartToolTimer(timer, limit_s, approval=True))
        batch = msgspec.structs.replace(batch, approval_timer=timer)
    state.enter(ToolsOut(turn=turn, batch=batch))
    return timers


def _end_step(state: ConversationState, turn: Turn, batch: ToolBatch) -> list[Instruction]:
    """Send the results of a step to the model, unless it ends the turn, or is the last one that it may have."""
    completed = _complete_step(state, turn, batch)
    if _has_ended_turn(state, turn, batch):
        return [completed, end_turn(state, turn, turn.stopped(StopReason.ENDED_BY_TOOL))]
    if turn.steps >= state.config.max_steps:
        if turn.without_tools or state.config.on_max_steps is OnMaxSteps.END:
            return [completed, end_turn(state, turn, turn.stopped(StopReason.MAX_STEPS))]
        turn = msgspec.structs.replace(turn, without_tools=True)
    turn = msgspec.structs.replace(turn, step_at=state.history.now)
    return [completed, *_enter_steering(state, turn), next_request(state, turn)]


def _enter_steering(state: ConversationState, turn: Turn) -> Iterator[Instruction]:
    """The messages that steer follow the results of the step, and are of *turn* from now on."""
    for queued in state.mailbox.take_steering():
        message = queued.message
        assert isinstance(message, msg.UserMessage)
        metadata = message.metadata or None
        state.history.append(Message(role=Role.USER, content=message.content, turn=turn.number, metadata=metadata))
        yield Emit(
            out.Steered(
                turn=turn.number,
                number=queued.turn,
                correlation_id=message.correlation_id,
                metadata=message.metadata,
            )
        )


def _has_ended_turn(state: ConversationState, turn: Turn, batch: ToolBatch) -> bool:
    ending = {tool.name for tool in turn.config(state.config).tools if isinstance(tool, Tool) and tool.ends_turn}
    return any(use.name in ending and not batch.results[use.id].is_error for use in batch.uses)


def _complete_step(state: ConversationState, turn: Turn, batch: ToolBatch) -> Instruction:
    """Add the results of *batch* to the history."""
    text = answer_text(state.history.messages[-1].content)
    append_results(state, turn, batch)
    return Emit(
        out.StepCompleted(
            turn=turn.number,
            number=turn.steps,
            text=text,
            uses=batch.uses,
            results=batch.result_blocks(),
            stop_reason=batch.stop_reason,
            usage=batch.usage,
            duration_s=max(0.0, state.history.now - turn.step_at) if turn.step_at else None,
        )
    )


def tool_started(turn: Turn, batch: ToolBatch, tool_use_id: str) -> out.ToolStarted:
    """The event of a tool use that runs."""
    return out.ToolStarted(turn=turn.number, tool_use_id=tool_use_id, name=batch.name_of(tool_use_id))


def tool_ended(
    turn: Turn, batch: ToolBatch, result: ToolResult, duration_s: float | None
) -> out.ToolCompleted | out.ToolFailed:
    """The event of a tool use that has its *result*."""
    use, name = result.tool_use_id, batch.name_of(result.tool_use_id)
    if not result.is_error:
        return out.ToolCompleted(turn=turn.number, tool_use_id=use, name=name, duration_s=duration_s)
    text = "".join(block.text for block in result.content if isinstance(block, Text))[:_MESSAGE_CHARACTERS]
    return out.ToolFailed(turn=turn.number, tool_use_id=use, name=name, message=text, duration_s=duration_s)
