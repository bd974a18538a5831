"""What a journal stores: entries, in the form that does not depend on what is in them."""

from typing import NamedTuple

import msgspec


class SessionKey(NamedTuple):
    """A session: an id that is used again has another *epoch*."""

    id: str
    epoch: int

    def __str__(self) -> str:
        return self.id if self.epoch == 1 else f"{self.id} (epoch {self.epoch})"


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A record of a session as it is stored.

    *number* counts the records of *session* from 1, *incarnation* is that of the actor that wrote it. *seq* is the
    number of the last event that the session had emitted before. *at* is in Unix seconds. *data* is the record of
    *kind*, in its *version*. *events* are the events that it emitted, encoded as a segment has them: they are numbered
    from *seq* + 1. The *checksum* is that of both.
    """

    session: SessionKey
    incarnation: int
    number: int
    seq: int
    at: float
    kind: str
    version: int
    checksum: int
    data: bytes
    events: bytes = b""

    @property
    def size_bytes(self) -> int:
        """About what it takes."""
        return len(self.data) + len(self.events) + 100


class StoredSnapshot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The state of *session* after its record *number*, as it is stored. The rest is as in ``Entry``."""

    session: SessionKey
    number: int
    seq: int
    version: int
    checksum: int
    data: bytes


class Position(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How far a session is stored: the *incarnation* that may write, and the *number* of its last record.

    *at* is the time of that record, in Unix seconds.
    """

    session: SessionKey
    incarnation: int
    number: int = 0
    at: float = 0.0
