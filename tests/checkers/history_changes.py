"""Events that change a history in other ways than by appending to it, and how to tell."""

from collections.abc import Iterable, Sequence

import msgspec

from rayconteur.providers.schema.errors import ThinkingRejected
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.phases import Requesting


def is_refused(event: ev.Event) -> bool:
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
    return [msgspec.structs.replace(message, origin=None) for message in messages]
