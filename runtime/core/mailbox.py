"""Messages that wait for their turn."""

from collections import deque
from dataclasses import dataclass, field

from ..api.config import Limits
from ..api.errors import MailboxFull, MessageTooLarge, SessionClosed
from . import events as ev


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits. A user message has its *turn* already, the others have none."""

    event: ev.Asked | ev.ClearAsked | ev.CompactAsked | ev.ConfigureAsked | ev.CloseAsked
    turn: int = 0

    @property
    def size_bytes(self) -> int:
        """Its part of the mailbox."""
        return self.event.size_bytes if isinstance(self.event, ev.Asked) else 0


@dataclass(slots=True)
class Mailbox:
    """First in, first out, within limits. Once a ``CloseAsked`` waits in it, nothing more goes in."""

    closing: bool = False
    _waiting: deque[Waiting] = field(default_factory=deque[Waiting])
    _bytes: int = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def refuse_if_closing(self) -> None:
        """Raises:
        SessionClosed: the session ends after the messages that wait.
        """
        if self.closing:
            raise SessionClosed("the session closes when the messages that wait are done")

    def admit(self, size_bytes: int, limits: Limits) -> None:
        """Raises:
        SessionClosed: the session ends after the messages that wait.
        MessageTooLarge: no message of *size_bytes* goes in, ever.
        """
        self.refuse_if_closing()
        refuse_too_large(size_bytes, limits)

    def admit_waiting(self, waiting: Waiting, limits: Limits) -> None:
        """Raises:
        SessionClosed: the session ends after the messages that wait.
        MailboxFull: there is no room for *waiting* now. For the wish to close there always is.
        """
        self.refuse_if_closing()
        if isinstance(waiting.event, ev.CloseAsked):
            return
        if len(self._waiting) >= limits.waiting_messages or self._bytes + waiting.size_bytes > limits.waiting_bytes:
            raise MailboxFull(
                f"{len(self._waiting)} messages with {self._bytes:,} bytes wait (limits.waiting_messages is "
                f"{limits.waiting_messages:,}, waiting_bytes {limits.waiting_bytes:,}); "
                "send it again when a turn has ended"
            )

    def put(self, waiting: Waiting) -> None:
        """Put *waiting*, which was admitted, behind the others."""
        self._waiting.append(waiting)
        self._bytes += waiting.size_bytes
        self.closing = self.closing or isinstance(waiting.event, ev.CloseAsked)

    def put_first(self, waiting: Waiting) -> None:
        """Put *waiting*, which was admitted, before the others."""
        self._waiting.appendleft(waiting)
        self._bytes += waiting.size_bytes

    def take(self) -> Waiting | None:
        """The next one, if any."""
        if not self._waiting:
            return None
        waiting = self._waiting.popleft()
        self._bytes -= waiting.size_bytes
        return waiting

    def withdraw(self, turn: int) -> bool:
        """Take out the user message of *turn*; whether it was there."""
        for waiting in self._waiting:
            if turn and waiting.turn == turn:
                self._waiting.remove(waiting)
                self._bytes -= waiting.size_bytes
                return True
        return False

    def turns(self) -> tuple[int, ...]:
        """The turns that wait, in their order."""
        return tuple(waiting.turn for waiting in self._waiting if waiting.turn)


def refuse_too_large(size_bytes: int, limits: Limits) -> None:
    """Raises:
    MessageTooLarge: *size_bytes* is more than one message may have.
    """
    if size_bytes > limits.message_bytes:
        raise MessageTooLarge(
            f"the message has {size_bytes:,} bytes, and limits.message_bytes is {limits.message_bytes:,}; "
            "shorten it, send media by URL, or raise the limit"
        )
