"""What a history counts and numbers, against what it holds."""

from rayconteur.providers.schema.messages import HistoryView, Message
from rayconteur.runtime.core.conversation import Conversation
from rayconteur.runtime.core.history import History


def check_counters(conversation: Conversation) -> None:
    """The sizes, the number of turns and the tool use ids are those of the messages."""
    history = conversation._state.history  # pyright: ignore[reportPrivateUsage]
    counted = History.restored(history.full, history.indexed_messages())
    for name in ("size_bytes", "full_bytes", "written_bytes", "turn_count", "_tool_use_ids"):
        assert getattr(history, name) == getattr(counted, name), f"{name} is not that of the messages"
    assert history.size_bytes == sum(message.size_bytes for message in history.messages)
    for messages in (history.messages, history.full):
        ids = [message.id for message in messages]
        assert all(ids), "a message without an id"
        assert len(set(ids)) == len(ids), "two messages have the same id"
    assert all(message.at <= history.now for message in history.messages), "a message of later"
    assert history.turn_count == sum(message.starts_turn for message in history.messages)


def check_tally(conversation: Conversation, ended: int, running: int | None) -> None:
    """The ends of turns are counted, one each, and so are the tool uses of steps."""
    tally = conversation.tally
    assert tally.completed + tally.interrupted + tally.failed == ended
    assert tally.running == (running or 0)
    assert tally.steps <= tally.tool_calls >= tally.failed_tool_calls


class Views:
    """The views of the histories as they were last; another revision says that one is more than continued."""

    def __init__(self) -> None:
        self._last: dict[bool, tuple[HistoryView, tuple[Message, ...]]] = {}

    def check(self, conversation: Conversation) -> None:
        """A view stays as it was, and as long as the revision is the same, later ones begin with it."""
        for full in (False, True):
            view = conversation.view(full)
            if last := self._last.get(full):
                before, messages = last
                assert tuple(before) == messages, "a view of the history has changed"
                if before.revision == view.revision:
                    assert all(map(lambda one, other: one is other, messages, view)), "another message in its place"
                    assert len(view) >= len(messages), "messages are missing, and the revision is the same"
            self._last[full] = view, tuple(view)
