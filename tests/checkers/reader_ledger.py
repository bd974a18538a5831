"""Who speaks and who listens in the property test of the event plane, as its books know them."""

from dataclasses import dataclass, field

from fixtures.event_network import Host

import rayconteur as rc
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.reader import Reader

Life = tuple[str, int]
"""A session's id and epoch."""


@dataclass
class Voice:
    """A session that lives."""

    host: Host
    box: Outbox
    epoch: int
    said: list[str] = field(default_factory=list[str])


@dataclass
class Ear:
    """A reader and how far it has heard each life: from *start* on, or from the beginning."""

    reader: Reader
    start: dict[Life, int] = field(default_factory=dict[Life, int])
    last: dict[Life, int] = field(default_factory=dict[Life, int])
    missed: dict[str, rc.Missed] = field(default_factory=dict[str, rc.Missed])
    """What it was told last, where nothing has followed yet: only that tells which life it is of."""

    def position(self, life: Life) -> int:
        return self.last.get(life, self.start.get(life, 0))

    def concerns(self, life: Life) -> bool:
        """Whether this one is to hear of *life*."""
        name, epoch = life
        if self.reader.session_id is not None:
            return life == (self.reader.session_id, self.reader.epoch)
        return epoch >= max((of for session, of in self.start if session == name), default=0)
