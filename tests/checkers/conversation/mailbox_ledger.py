"""What waits in a mailbox: part of the model checker."""

from checkers.conversation.history_changes import is_compacting_eagerly

from rayconteur.runtime.api import messages as msg
from rayconteur.runtime.api.settings.policies import Limits, WhenBusy
from rayconteur.runtime.api.status import State
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.conversation import Conversation

QUEUEABLE = (msg.UserMessage, msg.Retry, msg.Continue, msg.Clear, msg.Rewind, msg.Compact)


class MailboxLedger:
    """The *queue*, turns by number and other messages by a word, and the sizes of its messages.

    *asked* counts the compactions that were asked for.
    """

    def __init__(self) -> None:
        self.queue: list[int | str] = []
        self.asked = 0
        self._sizes_bytes: dict[int, int] = {}

    def expect(self, before: Conversation, message: msg.ToLLM, size_bytes: int) -> None:
        """Follow *message*, which the conversation *before* has accepted."""
        assert "close" not in self.queue or not isinstance(message, QUEUEABLE), "accepted after a close"
        match message:
            case msg.UserMessage(when_busy=when_busy):
                is_busy = before.state is not State.IDLE and not is_compacting_eagerly(before)
                runs_next = is_busy and (when_busy or before.config.when_busy) is WhenBusy.INTERRUPT
                self.queue.insert(0 if runs_next else len(self.queue), before.turns + 1)
                self._sizes_bytes[before.turns + 1] = size_bytes
            case msg.Retry() | msg.Continue():
                self.queue.append(before.turns + 1)
            case msg.Clear():
                self.queue.append("clear")
            case msg.Rewind():
                self.queue.append("rewind")
            case msg.Compact():
                self.asked += 1
                self.queue.append(f"compact {self.asked}")
            case msg.Configure(next="turn"):
                self.queue.append("configure")
            case msg.Close(drain=True):
                self.queue.append("close")
            case _:
                pass

    def is_full(self, event: ev.Event, limits: Limits) -> bool:
        """True if *limits* leave no room for the message of *event*."""
        is_user_message = isinstance(event, ev.Received) and isinstance(event.message, msg.UserMessage)
        size_bytes = event.size_bytes if is_user_message and isinstance(event, ev.Received) else 0
        return len(self.queue) >= limits.waiting_messages or self._waiting_bytes() + size_bytes > limits.waiting_bytes

    def check_bounds(self, limits: Limits) -> None:
        """The mailbox keeps to *limits*."""
        is_closing = "close" in self.queue  # there is always room for a close
        assert len(self.queue) <= limits.waiting_messages + is_closing
        assert self._waiting_bytes() <= limits.waiting_bytes

    def _waiting_bytes(self) -> int:
        return sum(self._sizes_bytes.get(turn, 0) for turn in self.queue if isinstance(turn, int))
