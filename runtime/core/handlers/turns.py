"""A turn: its start, its requests and their failures, and its end."""

import msgspec

from ....providers.schema.draft import Answer, Partial
from ....providers.schema.errors import ContextOverflow, InvalidRequest, ThinkingRejected, UnsupportedContent
from ....providers.schema.messages import Message, Role
from ....providers.schema.stop_reasons import StopReason
from ...api import events as out
from ...api import messages as msg
from ...api.compact_reason import CompactReason
from ...api.config import SessionConfig
from ...api.errors import HistoryFull
from .. import events as ev
from ..changes.continuation import answer_text, needs_prompt, prompt_message
from ..figures.requests import request_info
from ..gates import CompactFirst, DontSend, PendingRequest, Verdict, first_objection
from ..instructions import Emit, Instruction, SendRequest, StartBackoff
from ..phases import Backoff, Compacting, Idle, Requesting
from ..retry import backoff_delay_s
from ..settings import changed_config, prompts_in_request
from ..state import ConversationState
from ..tools.batch import ToolBatch
from ..tools.early import may_start_early
from ..tools.offered import native_search
from ..turn import MAX_OVERFLOWS, Aside, Overrides, Turn
from .compactions import end_compaction, learn_window, restore_unreadable, start_compaction
from .early_tools import give_up_early
from .removal import discard_refused_turn, discards_refusals, put_back_temporary, remove_temporary

_REJECTIONS = (InvalidRequest.code, UnsupportedContent.code, ContextOverflow.code)
"""Errors that the same messages cause again."""


def start_user_turn(state: ConversationState, number: int, message: msg.UserMessage, source: str) -> list[Instruction]:
    """Start turn *number* with *message*. *source* is the ``Origin.source`` of its answers, if it has settings."""
    aside = Aside(state.cut_off, state.overrides) if message.temporary else None
    metadata = message.metadata or None
    state.history.append(Message(role=Role.USER, content=message.all_content, turn=number, metadata=metadata))
    state.overrides = Overrides.of(number, message, source)
    turn = Turn(
        number=number,
        fill_before=state.meter.fill,
        overrides=state.overrides,
        correlation_id=message.correlation_id,
        aside=aside,
        temporary_blocks=len(message.temporary_content),
        step_at=state.history.now,
    )
    started = out.TurnStarted(turn=number, correlation_id=message.correlation_id, metadata=message.metadata)
    return [Emit(started), _first_request(state, _with_own_settings(state, turn))]


def start_retry(state: ConversationState, number: int) -> list[Instruction]:
    """Start turn *number*, which requests the answer that the last messages have not got."""
    turn = _resumed_turn(state, number)
    return [Emit(out.TurnStarted(turn=number)), _first_request(state, turn)]


def _first_request(state: ConversationState, turn: Turn) -> Instruction:
    state.cut_off = None
    state.policy.turns_since += 1
    return next_request(state, turn)


def _resumed_turn(state: ConversationState, number: int) -> Turn:
    """Turn *number*, with the settings and the temporary content of the message that it goes on from."""
    overrides = state.last_overrides
    blocks = put_back_temporary(state, overrides)
    turn = Turn(
        number=number,
        fill_before=state.meter.fill,
        overrides=overrides,
        temporary_blocks=blocks,
        step_at=state.history.now,
    )
    return _with_own_settings(state, turn)


def _with_own_settings(state: ConversationState, turn: Turn) -> Turn:
    """*turn*, which starts: if it has settings of its own, they are in force."""
    if turn.overrides is None:
        return turn
    own = changed_config(state.config, turn.overrides.settings)
    if native_search(own) != native_search(state.config):
        state.offer_used(state.history.messages, own)
    turn = msgspec.structs.replace(turn, fill_before=state.meter.fill)
    config = state.turn_config(turn)
    state.change_request_config(state.offered(state.config), config)
    same_provider = config.provider.name == state.config.provider.name
    return turn if same_provider else msgspec.structs.replace(turn, fill_before=None)


def _objection(state: ConversationState, turn: Turn, config: SessionConfig, tokens: int) -> Verdict:
    """What a gate has against the next request of *turn*, which has *tokens*, with the settings *config*."""
    pending = PendingRequest(tokens, turn.compacted, config, state.policy, turns=state.history.turn_count)
    if first_objection(pending) is None:
        return None
    # Settings take room from the history, and the threshold is higher with them: few requests get here.
    return first_objection(msgspec.structs.replace(pending, settings_tokens=state.meter.settings_tokens(config)))


def start_continuation(state: ConversationState, number: int, reason: StopReason) -> list[Instruction]:
    """Start turn *number*, which continues the last answer; it ended for *reason*."""
    turn = _resumed_turn(state, number)
    text = answer_text(state.history.messages[-1].content)
    state.cut_off = None
    return [Emit(out.TurnStarted(turn=number)), *continue_answer(state, turn, reason, text)]


def next_request(state: ConversationState, turn: Turn) -> Instruction:
    """Send the next request of *turn*, or do first what a gate requires. All requests are sent from here."""
    if restore_unreadable(state, turn):
        turn = msgspec.structs.replace(turn, fill_before=None, compacted=False)
    config = state.turn_config(turn)
    tokens = state.due_tokens(config)
    match _objection(state, turn, config, tokens):
        case CompactFirst(reason=reason):
            return start_compaction(state, reason, turn)
        case DontSend(problem=problem):
            return fail_turn(state, turn, ev.Failure(code=ContextOverflow.code, message=problem))
        case None:
            pass
    state.requests += 1
    turn = msgspec.structs.replace(turn, requests=turn.requests + 1, attempt=turn.attempt + 1, compacted=False)
    state.enter(Requesting(turn=turn, request=state.requests))
    messages = state.history.view
    state.prompts = prompts_in_request(state.prompts, config, messages)
    early_tools = may_start_early(config) and not turn.without_tools
    return SendRequest(
        number=state.requests,
        turn=turn.number,
        attempt=turn.attempt,
        messages=messages,
        config=config,
        prompts=state.prompts,
        early_tools=early_tools,
        correlation_id=turn.correlation_id,
        tokens=tokens,
    )


def fail_request(state: ConversationState, turn: Turn, failed: ev.RequestFailed) -> list[Instruction]:
    """The request failed: change what the provider rejects in the history, otherwise retry it or end the turn."""
    if failed.partial.message_id is None:  # the provider did not start to answer
        failed = msgspec.structs.replace(failed, partial=ev.NOTHING)
    turn, counted = count_partial_usage(state, turn, failed.partial)
    counted += give_up_early(state)
    state.last_request = request_info(turn.config(state.config), failed.partial, failed)
    if failed.failure.code == ContextOverflow.code:
        is_news = learn_window(state, failed.failure.message)
        if state.config.compaction and (not turn.overflows or (is_news and turn.overflows < MAX_OVERFLOWS)):
            turn = msgspec.structs.replace(turn, overflows=turn.overflows + 1)
            return [*counted, start_compaction(state, CompactReason.OVERFLOW, turn, failed)]
    if failed.failure.code == ThinkingRejected.code and state.history.omit_sealed():
        config = state.turn_config(turn)
        state.history_changed(config, config)
        return [*counted, *_repeat_or_fail(state, turn, failed)]
    return [*counted, *_retry_or_fail(state, turn, failed)]


def finish_compaction(state: ConversationState, phase: Compacting, ended: ev.CompactionEnded) -> list[Instruction]:
    """The compaction ended: continue the turn that waits for it, if there is one."""
    compacted = end_compaction(state, phase, ended)
    if phase.turn is None:
        state.enter(Idle())
        return [compacted]
    if phase.failed and ended.messages is None:
        return [compacted, *_retry_or_fail(state, phase.turn, phase.failed)]
    turn = msgspec.structs.replace(phase.turn, compacted=True)
    if ended.messages is not None:
        turn = msgspec.structs.replace(turn, fill_before=None)
        first = next(iter(ended.messages), None)
        if first is not None and first.is_native_summary and first.origin is not None:
            turn = turn.with_source(first.origin.source)
    return [compacted, next_request(state, turn)]


def require_history_room(state: ConversationState, size_bytes: int) -> None:
    """Raises:
    HistoryFull: there is no room for a message of *size_bytes* in the history.
    """
    limit_bytes = state.config.limits.history_bytes
    if state.history.size_bytes + state.mailbox.size_bytes + size_bytes > limit_bytes:
        raise HistoryFull(
            f"the history has {state.history.size_bytes:,} bytes, the message {size_bytes:,}, and "
            f"limits.history_bytes is {limit_bytes:,}; compact or clear the history, or raise the limit with Configure"
        )


def end_turn(state: ConversationState, turn: Turn, end: out.TurnEnd) -> Instruction:
    """End *turn*, which is running. What was temporary leaves, and the session's settings are in force again."""
    remove_temporary(state, turn)
    state.enter(Idle())
    if turn.overrides:
        state.change_request_config(state.turn_config(turn), state.request_config)
    return Emit(end)


def fail_turn(state: ConversationState, turn: Turn, failure: ev.Failure, partial_text: str = "") -> Instruction:
    """End the running turn with *failure*. What the provider refuses for good leaves the history, if that is wanted."""
    is_refused = failure.details is not None
    discards = (is_refused and discards_refusals(state)) or (
        failure.code in _REJECTIONS and state.config.discard_refused
    )
    if turn.continuing is not None:
        state.history.drop_prompt()
        state.cut_off = turn.continuing
        state.meter.estimate_fill(state.history.messages, state.offered(state.config))
    if discards:
        discard_refused_turn(state, turn)
    return end_turn(state, turn, turn.failed(failure, partial_text, message_stays=not discards))


def count_usage(state: ConversationState, turn: Turn, answer: Answer | Partial) -> tuple[Turn, Instruction]:
    """Add the usage of *answer*, to a request with the history as it is, to the totals of the turn and the session."""
    usage = answer.usage
    state.last_request = request_info(turn.config(state.config), answer)
    turn = msgspec.structs.replace(turn, usage=turn.usage + usage)
    state.usage += usage
    state.meter.count(answer, state.history.view, state.turn_config(turn))
    update = out.TokenUpdate(turn=turn.number, request=usage, of_turn=turn.usage, of_session=state.usage)
    return turn, Emit(update)


def count_partial_usage(state: ConversationState, turn: Turn, partial: Partial) -> tuple[Turn, list[Instruction]]:
    """Add the usage of an unfinished answer. Nothing is counted for an answer that never started."""
    if partial == ev.NOTHING:
        return turn, []
    turn, counted = count_usage(state, turn, partial)
    return turn, [counted]


def append_answer(state: ConversationState, answer: Answer | Partial, turn: Turn) -> ToolBatch:
    """Add *answer* to the history, and return its tool uses, with what is known of those that have started."""
    early = state.phase.early if isinstance(state.phase, Requesting) else None
    if early:
        state.history.spend_ids(early.missing_in(answer.content))
    append = state.history.continue_answer if turn.continuing is not None else state.history.append_answer
    kept = append(answer.content, turn.number, answer.origin, state.last_request)
    state.meter.messages_appended(len(state.history.messages))
    batch = ToolBatch.of(kept, getattr(answer, "stop_reason", StopReason.TOOL_USE), answer.usage)
    if not batch.uses:
        return batch
    config = turn.config(state.config)
    if state.deferred(config):
        search = native_search(config)
        if search is None or search != native_search(state.config):  # its results are in the history otherwise
            state.offer_used(state.history.messages[-1:], config)
    return early.merged(answer.content, batch) if early else batch


def append_results(state: ConversationState, turn: Turn, batch: ToolBatch) -> None:
    """Add the results of *batch* to the history."""
    state.history.append(Message(role=Role.USER, content=batch.result_blocks(), turn=turn.number))


def continue_answer(state: ConversationState, turn: Turn, reason: StopReason, text: str = "") -> list[Instruction]:
    """Request the rest of the last answer. *text* is what a turn before has of it."""
    counts = reason is not StopReason.PROCESS_LOST  # which the model had no part in
    turn = msgspec.structs.replace(turn, continuing=reason, continuations=turn.continuations + counts)
    if needs_prompt(state.history.messages[-1], reason, turn.config(state.config).provider.name):
        state.history.append(prompt_message(turn.number))
    continuing = Emit(out.Continuing(turn=turn.number, stop_reason=reason, text=text))
    return [continuing, next_request(state, turn)]


def _repeat_or_fail(state: ConversationState, turn: Turn, failed: ev.RequestFailed) -> list[Instruction]:
    """The history no longer holds what the provider can't read: send the request again, once for an answer.

    That is another request, whose attempts count from 1.
    """
    changed = msgspec.structs.replace(turn, unsealed=True, fill_before=None)
    if turn.unsealed or (failed.partial.text and not state.config.retry.after_output):
        return _retry_or_fail(state, changed, failed)
    repeated = msgspec.structs.replace(changed, attempt=0)
    return [Emit(turn.retrying(failed.failure, 0.0)), next_request(state, repeated)]


def _retry_or_fail(state: ConversationState, turn: Turn, failed: ev.RequestFailed) -> list[Instruction]:
    delay_s = backoff_delay_s(state.config.retry, failed, turn.attempt)
    if delay_s is None:
        return [fail_turn(state, turn, failed.failure, failed.partial.text)]
    state.enter(Backoff(turn=turn, request=failed.request))
    return [Emit(turn.retrying(failed.failure, delay_s)), StartBackoff(failed.request, delay_s)]
