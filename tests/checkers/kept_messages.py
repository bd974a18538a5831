"""Which messages stay in a history, and which leave it."""

from dataclasses import dataclass

from checkers.history_changes import starts_natively, without_origins

from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.usage import NONE_YET, Count
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation

Messages = tuple[Message, ...]


@dataclass(frozen=True)
class BeforeTurn:
    """What the model knows of the conversation before the running turn."""

    history: tuple[Message, ...] = ()
    context: Count = NONE_YET.input
    counted: int = 0
    sent: int = 0
    compacted: bool = False


class Originals:
    """The messages that a native summary at the front of the history stands for."""

    def __init__(self) -> None:
        self._messages: Messages = ()

    def update(self, before: Conversation, event: ev.Event) -> None:
        """*event* came when the conversation was as *before*."""
        if isinstance(event, ev.CompactionEnded) and event.messages is not None and starts_natively(event.messages):
            replaced = before.history[: before.message_count - len(event.messages) + 1]
            self._messages = (*self._messages, *replaced[1:]) if starts_natively(replaced) else replaced

    def check_restored(self, old: Messages, new: Messages) -> None:
        """The summary at the front of *old* has been replaced; messages that were removed before may be back, too."""
        restored = len(new) - len(old) + 1
        while restored and without_origins(new[restored : restored + len(old) - 1]) != without_origins(old[1:]):
            restored -= 1  # a message was appended meanwhile
        assert without_origins(new[:restored])[-len(self._messages) :] == without_origins(self._messages), (
            "the original messages did not come back"
        )


def check_kept(old: Messages, new: Messages) -> None:
    """All of *old* is at the beginning of *new*."""
    assert without_origins(new[: len(old)]) == without_origins(old), "completed messages did not stay"


def check_discarded(before_turn: BeforeTurn, now: BeforeTurn) -> None:
    """The history is *now* what it was before the turn, and so is the context."""
    assert now.history == before_turn.history, "the history is not what it was before the turn"
    assert before_turn.compacted or now.context == before_turn.context, "the context is not what it was before the turn"


def check_refused(before_turn: BeforeTurn, now: BeforeTurn) -> None:
    """The turn has left the history, and at most the turn whose answer it requested again."""
    left = len(now.history)
    assert before_turn.history[:left] == now.history, "something else than the turn left the history"
    assert len({message.turn for message in before_turn.history[left:]}) <= 1, "more than one failed turn left"
