"""What a session answers to a message."""

from ...providers.schema.checks.shown import ReadableStruct


class Receipt(ReadableStruct, frozen=True, gc=False, kw_only=True):
    """Confirms that a message is in the mailbox.

    *turn*, or *compaction*, is what the message started, continued or ended. *seq* is the number of the session's last
    event before the message: reading after it yields everything that follows from the message.
    """

    turn: int | None
    seq: int
    compaction: int | None = None
