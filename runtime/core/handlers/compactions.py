"""Compactions: how they start and end."""

import msgspec

from ....providers.transport.context_overflow import window_figures
from ...api import events as out
from ...api.compact_reason import CompactReason
from ...api.tools.builtins import READ_RESULT
from .. import events as ev
from ..compaction_policy import REFUSED_SHARE, ContextWindow, RefusedRequest
from ..instructions import Cancel, Emit, Instruction, StartCompaction
from ..phases import Compacting, Idle
from ..settings import answered_prompts, prompts_before_change
from ..state import ConversationState
from ..tools.offered import leaves_out_result, used_tools
from ..turn import Turn
from .removal import with_temporary, without_temporary

INTERRUPTED = "interrupted"
"""The problem of a compaction that was interrupted."""


def start_compaction(
    state: ConversationState,
    reason: CompactReason,
    turn: Turn | None = None,
    failed: ev.RequestFailed | None = None,
    asked: int = 0,
) -> Instruction:
    """Compact the history: for the next request of *turn*, or outside a turn.

    *failed* is the request that was rejected as too long, if that is the reason; *asked* is the number of the
    ``Compact``, if one is.
    """
    if restore_unreadable(state, turn) and turn:
        turn = msgspec.structs.replace(turn, fill_before=None)
    state.compactions += 1
    state.enter(
        Compacting(
            compaction=state.compactions, reason=reason, turn=turn, failed=failed, asked=asked, source=state.source
        )
    )
    config, window, settings_tokens = state.request_config, state.window(), state.settings_tokens()
    messages = without_temporary(state, turn)
    budget = _budget_tokens(state, reason, window)
    allowed = (window.threshold_tokens if reason is CompactReason.ASKED else 0) - settings_tokens
    return StartCompaction(
        number=state.compactions,
        messages=messages,
        config=config,
        budget_tokens=budget,
        recent_budget_tokens=max(budget, allowed),
        window_tokens=_window_tokens(state, reason),
        limit_tokens=window.limit_tokens,
        estimator=state.meter.estimator,
        running_turn=turn.number if turn else None,
        turns_since=state.policy.turns_since if reason is CompactReason.TURNS else None,
        prompts=answered_prompts(state.prompts, messages),
    )


def _window_tokens(state: ConversationState, reason: CompactReason) -> int:
    """What a request may have of its history, by the session's estimator: turns are dropped to get below that.

    Figures may be false, and must not cost turns. Until a request was rejected, turns are dropped only if the request
    has no room by our own count, too; from then on, if it has none by either.
    """
    if reason is CompactReason.OVERFLOW:
        return _refused_room_tokens(state)
    window = state.window()
    room = max(0, window.request_tokens - window.settings_tokens)
    by_count = state.counted_window(state.request_config)
    counted_room = max(0, by_count.request_tokens - by_count.settings_tokens)
    counted_room = int(counted_room * state.meter.counted_share(state.history.messages))
    return min(room, counted_room) if state.policy.learned_tokens else max(room, counted_room)


def _refused_room_tokens(state: ConversationState) -> int:
    """What a request may have of a history that was too long: less than all of it, whatever the estimates say.

    What the provider counted beyond our estimate of the history is taken for settings: they stay.
    """
    history_tokens = sum(map(state.meter.estimator.tokens, state.history.messages))
    settings_tokens = max(state.settings_tokens(), state.request_tokens() - history_tokens)
    room = state.policy.window(state.request_config, settings_tokens).request_tokens - settings_tokens
    return max(0, min(room, int(history_tokens * REFUSED_SHARE)))


def learn_window(state: ConversationState, message: str) -> bool:
    """The request with the history as it is was rejected as too long, with *message*. True if that told the limit."""
    figures, config = window_figures(message), state.request_config
    if figures.requested is not None:
        state.meter.learn_refused(figures.requested, state.history.view, config)
    refused = RefusedRequest(
        tokens=state.request_tokens(),
        settings_tokens=state.settings_tokens(),
        accepted_tokens=state.meter.fill.count.tokens or 0,
        output_tokens=config.max_output_tokens or 0,
    )
    return state.policy.learn_window(refused, figures)


def _budget_tokens(state: ConversationState, reason: CompactReason, window: ContextWindow) -> int:
    """What the history may have after a compaction."""
    config, tokens = state.request_config, state.request_tokens()
    history_tokens, target = tokens - window.settings_tokens, window.target_tokens
    if state.due_tokens(config) > tokens:  # it fills its room by our own count
        by_count = state.counted_window(config).target_tokens
        target = min(target, int(by_count * state.meter.counted_share(state.history.messages)))
    # It was too long, whatever the estimate says: to be sure, half of it goes.
    is_doubtful = reason is CompactReason.OVERFLOW and history_tokens <= window.request_tokens - window.settings_tokens
    if reason is CompactReason.ASKED or is_doubtful:
        target = min(target, history_tokens // 2)
    return max(0, target)


def end_compaction(state: ConversationState, phase: Compacting, ended: ev.CompactionEnded) -> Instruction:
    """Take over the new history, if there is one. The phase is still *phase* afterwards."""
    before = len(state.history.messages)
    if ended.messages is not None:
        made_under = state.request_config
        state.history.replace_messages(with_temporary(state, phase.turn, ended.messages), phase.compaction)
        state.offered_tools = state.offered_tools.without_others(used_tools(ended.messages))
        if state.redacts:
            state.kept_results = ()
        elif any(map(leaves_out_result, ended.messages)):
            state.offered_tools = state.offered_tools.adding((READ_RESULT.name,))
        config = state.request_config
        state.history_changed(config, config)
        if state.history.messages[:1] and state.history.messages[0].is_native_summary:
            state.prompts = prompts_before_change(state.prompts, made_under, config)  # fewer tools may be offered now
        if phase.source == state.source and not (phase.turn and phase.turn.has_source):
            _learn_source(state)
    state.policy.turns_since = 1 if phase.turn else 0
    state.policy.compaction_ended(state.due_tokens(state.request_config), state.request_config, state.settings_tokens())
    if ended.report is not None:
        state.usage += ended.report.usage
    return Emit(
        out.Compacted(
            turn=phase.turn.number if phase.turn else 0,
            messages_before=before,
            messages_after=len(state.history.messages),
            problem=ended.problem,
            reason=phase.reason,
            report=ended.report,
            compaction=phase.asked,
        )
    )


def _learn_source(state: ConversationState) -> None:
    """Take over the source of a compaction by the provider: it has changed if a queued change has brought another key.

    Keys apply at once. The compaction would be unreadable, and for each request there would be another one, for ever.
    """
    first = next(iter(state.history.messages), None)
    if first is not None and first.is_native_summary and first.origin is not None and state.source:
        state.source = first.origin.source


def withdrawn_compaction(state: ConversationState, asked: int) -> Instruction:
    """What is told of a compaction that was interrupted before it started: that of ``Compact`` number *asked*."""
    messages = len(state.history.messages)
    return Emit(out.Compacted(messages_before=messages, messages_after=messages, problem=INTERRUPTED, compaction=asked))


def cancel_eager_compaction(state: ConversationState) -> list[Instruction]:
    """Cancel the eager compaction, if one is running: a message arrived."""
    match state.phase:
        case Compacting(reason=CompactReason.EAGER):
            state.enter(Idle())
            return [Cancel()]
        case _:
            return []


def restore_unreadable(state: ConversationState, turn: Turn | None) -> bool:
    """Bring the original messages back if the provider of the next request can't read what stands for them.

    That is the provider of *turn*, if it is for one.
    """
    first = next(iter(state.history.messages), None)
    source = turn.source(state.source) if turn else state.source
    if first is None or not first.is_native_summary or not source or first.readable_by(source):
        return False
    state.history.restore_originals()
    config = state.offered(state.config)
    state.history_changed(config, state.turn_config(turn) if turn else config)
    state.policy.history_replaced()
    return True
