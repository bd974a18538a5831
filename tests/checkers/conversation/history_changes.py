"""Events that change a history in other ways than by appending to it, and how to tell."""

from collections.abc import Iterable, Sequence

import msgspec
from checkers.conversation.temporary_content import is_aside, without_temporary

from rayconteur.providers.schema.errors import ThinkingRejected
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.api import events as out
from rayconteur.runtime.api.compact_reason import CompactReason
from rayconteur.runtime.api.settings.policies import OnInterrupt, OnRefusal
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.phases import Compacting, Requesting


def has_left(before: Conversation, event: ev.Event, emitted: Iterable[out.FromLLM]) -> bool:
    """True if the turn that *event* ended has left the history: it was refused, or failed for good."""
    config = before.config
    if any(isinstance(end, out.Failed) and not end.message_stays for end in emitted):
        return True
    return _is_refused(event) and (config.discard_refused or config.on_refusal is OnRefusal.DISCARD)


def turns_that_left(before: Conversation, event: ev.Event, emitted: Sequence[out.FromLLM]) -> set[int]:
    """The turns whose messages have left the history with the turn that *event* ended, that one included.

    With a refused one leaves the failed turn whose answer it requested again.
    """
    if before.turn is None:
        return set()
    if is_aside(before) and any(isinstance(end, out.TurnEnd) and end.turn == before.turn for end in emitted):
        return {before.turn}
    refused = has_left(before, event, emitted)
    interrupted = any(isinstance(end, out.Interrupted) and end.turn == before.turn for end in emitted)
    if not refused and not (interrupted and before.config.on_interrupt is OnInterrupt.DISCARD):
        return set()
    own = [message for message in before.full_history if message.turn == before.turn]
    others = [message for message in before.full_history if message.turn != before.turn]
    if refused and others and others[-1].role is Role.USER and (not own or own[0].role is Role.ASSISTANT):
        return {before.turn, others[-1].turn}
    return {before.turn}


def is_compacted(event: ev.Event) -> bool:
    """True if *event* replaces messages."""
    return isinstance(event, ev.CompactionEnded) and event.messages is not None


def is_compacting_eagerly(conversation: Conversation) -> bool:
    phase = conversation.phase
    return isinstance(phase, Compacting) and phase.reason is CompactReason.EAGER


def rewound_to_originals(before: Conversation, after: Conversation) -> bool:
    """True if messages are back that a compaction had replaced."""
    held, full = (set(map(id, messages)) for messages in (before.history, before.full_history))
    return any(id(message) in full - held for message in after.history)


def _is_refused(event: ev.Event) -> bool:
    match event:
        case ev.Answered(answer=answer):
            return answer.stop_reason is StopReason.REFUSAL
        case ev.RequestFailed(failure=failure):
            return failure.details is not None
        case _:
            return False


def omits_sealed(before: Conversation, event: ev.Event) -> bool:
    """True if *event* rejects thinking, and there is something to omit."""
    match event, before.phase:
        case ev.RequestFailed(failure=failure), Requesting() if failure.code == ThinkingRejected.code:
            return starts_natively(before.history) or any(message.is_sealed for message in before.history)
        case _:
            return False


def was_restored(before: Conversation, after: Conversation) -> bool:
    return starts_natively(before.history) and bool(after.history) and not starts_natively(after.history)


def starts_natively(messages: Sequence[Message]) -> bool:
    return bool(messages) and messages[0].is_native_summary


def without_origins(messages: Iterable[Message]) -> list[Message]:
    """*messages* without what may change of those that stay: origins, and what is temporary."""
    return [msgspec.structs.replace(message, origin=None) for message in without_temporary(messages)]
