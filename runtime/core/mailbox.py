"""The mailbox: the messages that are queued until the running turn has ended."""

from collections.abc import Iterable, Iterator

import msgspec

from ...providers.schema.facts import ModelFacts
from ..api.config import SessionConfig
from ..api.errors import MailboxFull, MessageTooLarge, SessionClosed
from ..api.messages import AddMessages, Clear, Close, Compact, Configure, Rewind, UserMessage
from ..api.settings.changes import TurnSettings
from ..api.settings.policies import Limits
from .settings import changed_config

_UNKNOWN = ModelFacts()


class Queued(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A message in the mailbox. A user message has its *turn* and its *size_bytes*; so has an ``AddMessages``, whose
    *turn* is the first that it adds. The others have 0.

    A ``Compact`` has its number (*compaction*), which older snapshots lack.
    *facts* and *source* are those of ``Received``. A user message that *steers* goes before those that don't.
    """

    message: UserMessage | AddMessages | Clear | Rewind | Compact | Configure | Close
    turn: int = 0
    size_bytes: int = 0
    facts: ModelFacts = _UNKNOWN
    source: str = ""
    compaction: int = 0
    steers: bool = False

    @property
    def enters_turn(self) -> bool:
        """True if it may enter a running turn: that has settings of its own, and its messages stay."""
        match self.message:
            case UserMessage(turn_settings=None, temporary=False, temporary_content=()):
                return self.steers
            case _:
                return False

    @property
    def starts_turn(self) -> bool:
        """True if a turn starts with it."""
        return isinstance(self.message, UserMessage)

    @property
    def turn_count(self) -> int:
        """How many turns it is, the first of which is *turn*."""
        return self.message.turn_count if isinstance(self.message, AddMessages) else int(self.starts_turn)


class Mailbox(msgspec.Struct, gc=False):
    """First in, first out, within limits. After a ``Close`` it accepts nothing more."""

    closing: bool = False
    _queue: list[Queued] = []  # short: an empty deque takes 600 bytes
    _size_bytes: int = 0

    @classmethod
    def restored(cls, queue: Iterable[Queued]) -> "Mailbox":
        """A mailbox that holds *queue*."""
        mailbox = cls()
        for queued in queue:
            mailbox.put(queued)
        return mailbox

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def size_bytes(self) -> int:
        """The encoded size of the messages."""
        return self._size_bytes

    @property
    def queue(self) -> tuple[Queued, ...]:
        """The messages, in order."""
        return tuple(self._queue)

    @property
    def turn_count(self) -> int:
        """How many turns its messages are."""
        return sum(each.turn_count for each in self._queue)

    def changed_config(self, config: SessionConfig) -> SessionConfig:
        """What becomes of a session's *config* by the changes that are queued."""
        for queued in self._queue:
            if isinstance(queued.message, Configure):
                config = changed_config(config, queued.message, queued.facts)
        return config

    def turn_configs(self, config: SessionConfig) -> Iterator[SessionConfig]:
        """The settings of the queued turns that have some of their own, in a session with *config* now."""
        for queued in self._queue:
            match queued.message:
                case Configure() as change:
                    config = changed_config(config, change, queued.facts)
                case UserMessage(turn_settings=TurnSettings() as settings):
                    yield changed_config(config, settings)
                case _:
                    pass

    def require_open(self) -> None:
        """Raises:
        SessionClosed: the session ends after the queued messages.
        """
        if self.closing:
            raise SessionClosed("the session closes after the messages that are queued")

    def require_room(self, queued: Queued, limits: Limits) -> None:
        """Raises:
        SessionClosed: the session ends after the queued messages.
        MailboxFull: there is no room for *queued* now. For a ``Close`` there always is.
        """
        self.require_open()
        if isinstance(queued.message, Close):
            return
        if len(self._queue) >= limits.waiting_messages or self._size_bytes + queued.size_bytes > limits.waiting_bytes:
            raise MailboxFull(
                f"{len(self._queue)} messages with {self._size_bytes:,} bytes are queued (limits.waiting_messages is "
                f"{limits.waiting_messages:,}, waiting_bytes {limits.waiting_bytes:,}); "
                "send it again when a turn has ended"
            )

    def put(self, queued: Queued) -> None:
        """Put *queued* at the end."""
        self._queue.append(queued)
        self._size_bytes += queued.size_bytes
        self.closing = self.closing or isinstance(queued.message, Close)

    def put_first(self, queued: Queued) -> None:
        """Put *queued* at the front."""
        self._queue.insert(0, queued)
        self._size_bytes += queued.size_bytes

    def put_steering(self, queued: Queued) -> None:
        """Put *queued* behind those at the front that steer."""
        place = next((index for index, each in enumerate(self._queue) if not each.steers), len(self._queue))
        self._queue.insert(place, queued)
        self._size_bytes += queued.size_bytes

    def take_steering(self) -> Iterator[Queued]:
        """Remove and return the messages that enter a running turn, in order: none overtakes another that steers."""
        while self._queue and self._queue[0].enters_turn and (queued := self.take_next()):
            yield queued

    def take_next(self) -> Queued | None:
        """Remove and return the first message, if there is one."""
        if not self._queue:
            return None
        queued = self._queue.pop(0)
        self._size_bytes -= queued.size_bytes
        return queued

    def queued_turn(self, turn: int) -> Queued | None:
        """The user message of *turn*, if it is queued."""
        return next((queued for queued in self._queue if queued.starts_turn and queued.turn == turn), None)

    def withdraw(self, turn: int = 0, compaction: int = 0) -> bool:
        """Remove the user message of *turn*, or the ``Compact`` of *compaction*. True if it was there."""
        for queued in self._queue:
            if (turn and queued.starts_turn and queued.turn == turn) or (
                compaction and queued.compaction == compaction
            ):
                self._queue.remove(queued)
                self._size_bytes -= queued.size_bytes
                return True
        return False


def require_size(size_bytes: int, limits: Limits) -> None:
    """Raises:
    MessageTooLarge: a message may not have *size_bytes*.
    """
    if size_bytes > limits.message_bytes:
        raise MessageTooLarge(
            f"the message has {size_bytes:,} bytes, and limits.message_bytes is {limits.message_bytes:,}; "
            "shorten it, send media by URL, or raise the limit"
        )
