"""A subscriber: a reader, as one router knows it."""

from dataclasses import dataclass

from ..reader import Reader
from ..subscriptions import Subscription


@dataclass(slots=True, eq=False)
class Subscriber:
    """A reader with a buffer of *limit_bytes*.

    *held_bytes* of it are filled with unread segments, and *credit_bytes* are what the router may still send. Its
    subscription was rejected *rejections* times when it was the only one in an update.
    """

    id: int
    reader: Reader
    limit_bytes: int
    held_bytes: int = 0
    credit_bytes: int = 0
    rejections: int = 0
    is_again: bool = False
    """True if a router has had a subscription of it before: it may have died, and forgotten what the reader knows."""

    @property
    def needs_credit(self) -> bool:
        """True if half of the buffer is free and not granted: early enough that a fast reader never waits."""
        return 2 * (self.limit_bytes - self.held_bytes - self.credit_bytes) >= self.limit_bytes

    def subscription(self) -> Subscription:
        """A new subscription from where the reader is, with all the credit that it has room for."""
        self.credit_bytes = 0
        return Subscription(self.id, self.reader.session_id, self.grant_credit(), self.reader.cursors)

    def grant_credit(self) -> int:
        """Raise the credit to all free room; returns by how much."""
        more_bytes = max(0, self.limit_bytes - self.held_bytes - self.credit_bytes)
        self.credit_bytes += more_bytes
        return more_bytes
