"""An initial history: messages that a session starts from."""

from collections.abc import Sequence

from ....providers.schema.messages import Message
from ...api.errors import HistoryFull, InvalidRecord
from ..phases import Idle
from ..state import ConversationState
from ..tools.offered import used_tools


def import_messages(state: ConversationState, messages: Sequence[Message]) -> None:
    """Add *messages* to the history. The session's own turns are numbered on from theirs.

    Raises:
        HistoryFull: there is no room for them.
        InvalidRecord: the session has had a message before.
    """
    if not isinstance(state.phase, Idle) or state.requests:
        raise InvalidRecord("Imported does not apply here: it comes before the first message")
    size_bytes = sum(message.size_bytes for message in messages)
    limit_bytes = state.config.limits.history_bytes
    if state.history.size_bytes + size_bytes > limit_bytes:
        raise HistoryFull(
            f"the initial history has more than limits.history_bytes, {limit_bytes:,}; shorten it, or raise the limit"
        )
    state.history.extend(messages)
    state.turns = max([state.turns, *(message.turn for message in messages)])
    deferred = state.deferred(state.config)
    state.offered_tools = state.offered_tools.adding(name for name in used_tools(messages) if name in deferred)
    state.meter.add_to_fill(messages, len(state.history.messages), state.request_config)
