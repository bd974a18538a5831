"""The ledger of the delivery properties: which sessions publish, and how far each reader has read."""

from dataclasses import dataclass, field

from fixtures.event_network import Host

import rayconteur as rc
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.reader import Reader

SessionKey = tuple[str, int]
"""A session's id and epoch."""


@dataclass
class LiveSession:
    """A session that is alive."""

    host: Host
    box: Outbox
    epoch: int
    incarnation: int = 1


@dataclass
class TrackedReader:
    """A reader and its progress in each session: after *start*, or after number 0."""

    reader: Reader
    start: dict[SessionKey, int] = field(default_factory=dict[SessionKey, int])
    last: dict[SessionKey, int] = field(default_factory=dict[SessionKey, int])
    died: set[SessionKey] = field(default_factory=set[SessionKey])
    """The sessions whose death it has read, or whose readers are not told any more: they died before it started."""
    late: frozenset[SessionKey] = frozenset()
    """The sessions that had died when it started, but as no router had been told: it may be told, or not."""
    unknown: frozenset[SessionKey] = frozenset()
    """The sessions of which no router could tell, when it started from now on, that they had had no event."""
    missed: dict[str, rc.Missed] = field(default_factory=dict[str, rc.Missed])
    """By id: the ``Missed`` that no other event has followed yet. Only the next event tells the epoch that it is of."""

    def position(self, key: SessionKey) -> int:
        """The number of the last event that it has read or was told that it missed."""
        return self.last.get(key, self.start.get(key, 0))

    def covers(self, key: SessionKey) -> bool:
        """True if the reader is to receive the events of that session."""
        session_id, epoch = key
        if self.reader.session_id is not None:
            return key == (self.reader.session_id, self.reader.epoch)
        return epoch >= max((of for started, of in self.start if started == session_id), default=0)
