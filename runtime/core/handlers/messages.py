"""Messages: which are accepted, which are queued, and what each does when it takes effect."""

from typing import assert_never

import msgspec

from ....providers.schema.facts import ModelFacts
from ....providers.schema.usage import NONE_YET
from ...api import events as out
from ...api import messages as msg
from ...api.compact_reason import CompactReason
from ...api.config import SessionConfig
from ...api.errors import NothingToContinue, NothingToRetry, SessionBusy, UnknownTurn
from ...api.settings.changes import given_settings
from ...api.settings.policies import WhenBusy
from .. import events as ev
from ..changes.kept_content import only_with_text, without_blank_text
from ..figures.counters import Counters
from ..instructions import ApplySettings, Emit, Instruction
from ..mailbox import Queued, require_size
from ..phases import STATES, Compacting, Idle, MailboxEmpty, Requesting
from ..settings import changed_config
from ..state import ConversationState
from ..tools.offered import NOTHING_ADDED, deferred_tools, native_search, used_tools
from .additions import add_messages, queued_addition
from .compactions import cancel_eager_compaction, start_compaction
from .interrupts import close_session, interrupt, interrupt_running
from .tool_messages import accept_tool_message
from .turns import require_history_room, start_continuation, start_retry, start_user_turn


def accept_message(state: ConversationState, event: ev.Received) -> list[Instruction]:
    """Apply the message or queue it.

    Raises:
        SessionClosed, MailboxError, UnknownTurn, InvalidConfig: it is rejected, and nothing has changed.
    """
    match event.message:
        case msg.UserMessage() as message:
            return _accept_user_message(state, message, event)
        case msg.AddMessages() as message:
            return _enqueue(state, queued_addition(state, message, event.size_bytes, _is_at_rest(state)))
        case (
            msg.ToolResults()
            | msg.ToolUpdate()
            | msg.RequestApproval()
            | msg.Approve()
            | msg.Deny()
            | msg.AnswerQuestion() as message
        ):
            return accept_tool_message(state, message, event.size_bytes, event.at)
        case msg.Interrupt() as message:
            return interrupt(state, message, event.partial)
        case msg.Retry():
            return _retry(state)
        case msg.Continue():
            return _continue(state)
        case msg.Configure() as message:
            if message.next == "request":
                return _configure(state, message, event.facts, event.source)
            return _enqueue(state, Queued(message=message, facts=event.facts, source=event.source))
        case msg.Close(drain=False):
            return close_session(state, event.partial)
        case msg.Compact() as message:
            return _enqueue(state, Queued(message=message, compaction=state.asked_compactions + 1))
        case msg.Clear() | msg.Rewind() | msg.Close() as message:
            _require_turn(state, message)
            return _enqueue(state, Queued(message=message))
        case _:
            assert_never(event.message)


def run_queue(state: ConversationState) -> list[Instruction]:
    """Start the queued messages, one after the other, until a turn runs or none is left."""
    instructions: list[Instruction] = []
    while isinstance(state.phase, Idle) and (queued := state.mailbox.take_next()):
        state.trigger = type(queued.message)
        instructions += _start(state, queued)
    if isinstance(state.phase, Idle) and _may_compact_early(state):
        state.trigger = MailboxEmpty
        instructions.append(start_compaction(state, CompactReason.EAGER))
    return instructions


def ends_request(state: ConversationState, message: msg.ToLLM) -> bool:
    """True if *message* ends the running request, so that its partial answer is needed."""
    if not isinstance(state.phase, Requesting):
        return False
    match message:
        case msg.UserMessage():
            return _when_busy(state, message) is WhenBusy.INTERRUPT
        case msg.Interrupt(turn=None, compaction=compaction):
            return compaction is None
        case msg.Interrupt(turn=turn):
            return turn == state.phase.turn.number
        case msg.Close(drain=drain):
            return not drain
        case _:
            return False


def _accept_user_message(state: ConversationState, message: msg.UserMessage, event: ev.Received) -> list[Instruction]:
    content, temporary = without_blank_text(message.content), only_with_text(message.temporary_content)
    if (content, temporary) != (message.content, message.temporary_content):
        message = msgspec.structs.replace(message, content=content, temporary_content=temporary)
    state.mailbox.require_open()
    require_size(event.size_bytes, state.config.limits)
    require_history_room(state, event.size_bytes)
    queued = Queued(message=message, turn=state.turns + 1, size_bytes=event.size_bytes, source=event.source)
    when_busy = _when_busy(state, message)
    if when_busy is WhenBusy.QUEUE or _is_at_rest(state):
        return _enqueue(state, queued)
    if when_busy is WhenBusy.REJECT:
        raise _busy(state, "wait for its end, interrupt it, or send the message with when_busy='queue'")
    if when_busy is WhenBusy.STEER:
        state.mailbox.require_room(queued, state.config.limits)
        state.mailbox.put_steering(msgspec.structs.replace(queued, steers=True))
        state.turns = queued.turn
        return []
    state.turns = queued.turn
    instructions = interrupt_running(state, event.partial)
    state.mailbox.put_first(queued)
    return instructions


def _enqueue(state: ConversationState, queued: Queued) -> list[Instruction]:
    if not _is_at_rest(state):
        state.mailbox.require_room(queued, state.config.limits)
    if isinstance(queued.message, msg.AddMessages):
        state.turns += queued.message.turn_count
    state.turns = max(state.turns, queued.turn)
    state.asked_compactions = max(state.asked_compactions, queued.compaction)
    state.mailbox.put(queued)
    return cancel_eager_compaction(state)


def _retry(state: ConversationState) -> list[Instruction]:
    state.mailbox.require_open()
    if not _is_at_rest(state):
        raise _busy(state, "send Retry when it has failed")
    if not state.history.unanswered:
        raise NothingToRetry("the history does not end with an unanswered message; send a message instead")
    _require_applicable(state)
    state.turns += 1
    return [*cancel_eager_compaction(state), *start_retry(state, state.turns)]


def _continue(state: ConversationState) -> list[Instruction]:
    state.mailbox.require_open()
    if not _is_at_rest(state):
        raise _busy(state, "send Continue when it has ended")
    if state.cut_off is None or not state.history.messages or state.history.unanswered:
        raise NothingToContinue("the last answer was neither cut off nor paused; send a message instead")
    _require_applicable(state)
    state.turns += 1
    return [*cancel_eager_compaction(state), *start_continuation(state, state.turns, state.cut_off)]


def _configure(state: ConversationState, change: msg.Configure, facts: ModelFacts, source: str) -> list[Instruction]:
    config = changed_config(state.config, change, facts)
    turn = state.running_turn
    previous, old, old_request = state.config, state.offered(state.config), state.request_config
    state.config = config
    _keep_used_tools(state, previous)
    if given_settings(change).keys() & {"provider", "model"}:  # a change that was queued may be older than these
        state.source = source or state.source
    state.change_request_config(old_request, state.request_config)
    _refill(state, old_request, state.request_config)
    _refill_before_turn(state, old)
    configured = out.Configured(
        turn=turn.number if turn else 0, fields=tuple(given_settings(change)), model=config.provider.model
    )
    return [ApplySettings(config), Emit(configured)]


def _keep_used_tools(state: ConversationState, previous: SessionConfig) -> None:
    """The settings were *previous*. Tools that are used in the history stay defined, as far as there still are such.

    What the same search of the provider's own has found stands in the history.
    """
    search, before = native_search(state.config), native_search(previous)
    if state.config.tools == previous.tools and search == before:
        return
    kept = state.offered_tools.without_others(tool.name for tool in state.config.tools)
    found = deferred_tools(previous) if search and search == before else {}
    wanted = state.deferred(state.config).keys() - found.keys()
    used = (name for name in used_tools(state.history.messages) if name in wanted) if wanted else ()
    state.offered_tools = kept.adding(used)


def _refill(state: ConversationState, old: SessionConfig, new: SessionConfig) -> None:
    """The settings of requests were *old* when the fill of the context window was counted."""
    if new.provider.name == old.provider.name and _counted(new) != _counted(old):
        state.meter.change_settings(new)


def _refill_before_turn(state: ConversationState, old: SessionConfig) -> None:
    """The session's settings were *old* when the running turn started."""
    new = state.offered(state.config)
    if new.provider.name != old.provider.name:
        state.change_fill_before(lambda _: None)
    elif _counted(new) != _counted(old):
        state.change_fill_before(lambda fill: state.meter.with_settings(fill, new))


def _counted(settings: SessionConfig) -> tuple[object, ...]:
    """What of *settings* takes room in the context window."""
    return settings.system, settings.tools, settings.output_schema


def _require_turn(state: ConversationState, message: msg.ToLLM) -> None:
    """Raises:
    UnknownTurn: *message* goes back to a turn that there is not.
    """
    if isinstance(message, msg.Rewind) and message.to is not None and message.to > state.turns:
        raise UnknownTurn(f"there is no turn {message.to} to go back to: the last one is turn {state.turns}")


def _require_applicable(state: ConversationState) -> None:
    """Raises:
    InvalidConfig: the settings of the last message do not go together with those of the session any more.
    """
    if overrides := state.last_overrides:
        changed_config(state.config, overrides.settings)


def _start(state: ConversationState, queued: Queued) -> list[Instruction]:
    match queued.message:
        case msg.UserMessage() as message:
            return start_user_turn(state, queued.turn, message, queued.source)
        case msg.AddMessages(messages=messages):
            return add_messages(state, messages, queued.turn)
        case msg.Clear() as clear:
            return _clear(state, clear)
        case msg.Rewind() as rewind:
            return _rewind(state, rewind)
        case msg.Compact():
            return [start_compaction(state, CompactReason.ASKED, asked=queued.compaction)]
        case msg.Configure() as change:
            return _configure(state, change, queued.facts, queued.source)
        case msg.Close():
            return close_session(state, ev.NOTHING)


def _clear(state: ConversationState, clear: msg.Clear) -> list[Instruction]:
    if clear.history:
        state.history.clear()
        state.cut_off, state.kept_results, state.offered_tools = None, (), NOTHING_ADDED
        state.history_changed(state.request_config, state.request_config)
        state.policy.history_replaced()
    if clear.counters:
        state.counted_from = Counters(state.turns - state.mailbox.turn_count, state.requests, state.compactions)
        state.usage = NONE_YET  # and the tally sees the event
    return [Emit(out.Cleared(history=clear.history, counters=clear.counters))]


def _rewind(state: ConversationState, rewind: msg.Rewind) -> list[Instruction]:
    removed, restored = state.history.rewind(rewind.turns, rewind.to)
    state.cut_off = None
    if restored:
        state.history_changed(state.request_config, state.request_config)
    else:
        state.meter.estimate_fill(state.history.messages, state.request_config)
    state.policy.history_replaced()
    numbers = tuple(sorted({message.turn for message in removed}))
    return [Emit(out.Rewound(turns=numbers, messages=len(removed)))]


def _may_compact_early(state: ConversationState) -> bool:
    if not state.policy.may_start_early(state.config):
        return False
    return state.request_tokens() > state.policy.eager_tokens(
        state.config, state.meter.estimator.counted_settings(state.request_config)
    )


def _when_busy(state: ConversationState, message: msg.UserMessage) -> WhenBusy:
    return message.when_busy or state.config.when_busy


def _is_at_rest(state: ConversationState) -> bool:
    """True when idle, or when only an eager compaction is running."""
    match state.phase:
        case Idle() | Compacting(reason=CompactReason.EAGER):
            return True
        case _:
            return False


def _busy(state: ConversationState, advice: str) -> SessionBusy:
    return SessionBusy(f"a turn is running ({STATES[type(state.phase)]}); {advice}")
