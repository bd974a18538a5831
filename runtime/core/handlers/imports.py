"""An initial history: messages that a session starts from."""

import msgspec

from ...api.errors import HistoryFull, InvalidRecord
from ..changes.message_ids import last_compaction
from ..events import Imported
from ..phases import Idle
from ..state import ConversationState
from ..tools.offered import used_tools


def import_messages(state: ConversationState, imported: Imported) -> None:
    """Add messages to the history. The session's own turns are numbered on from theirs.

    Raises:
        HistoryFull: there is no room for them.
        InvalidRecord: the session has had a message before.
    """
    if not isinstance(state.phase, Idle) or state.requests:
        raise InvalidRecord("Imported does not apply here: it comes before the first message")
    messages, removed, written = imported.messages, set(imported.removed), set(imported.written)
    held = [message for index, message in enumerate(messages) if index not in removed]
    size_bytes = sum(message.size_bytes for message in held)
    limit_bytes = state.config.limits.history_bytes
    if state.history.size_bytes + size_bytes > limit_bytes:
        raise HistoryFull(
            f"the initial history has more than limits.history_bytes, {limit_bytes:,}; shorten it, or raise the limit"
        )
    state.history.extend(messages, removed, written)
    state.history.dropped_messages += imported.dropped_messages
    if imported.forked_from:
        state.forked_from = imported.forked_from
        state.cut_off, state.kept_results = imported.rest.cut_off, imported.rest.kept_results
    state.turns = max([state.turns, *(message.turn for message in messages)])
    # The ids of messages that compactions write have their numbers: those of another session are taken.
    state.compactions = max(state.compactions, last_compaction(messages))
    state.counted_from = msgspec.structs.replace(state.counted_from, compactions=state.compactions)
    deferred = state.deferred(state.config)
    state.offered_tools = state.offered_tools.adding(name for name in used_tools(held) if name in deferred)
    state.meter.add_to_fill(held, len(state.history.messages), state.request_config)
