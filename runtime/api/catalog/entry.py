"""What the catalog says of a session."""

from enum import StrEnum

import msgspec

from ....providers.schema.checks.shown import short_repr
from ....providers.schema.usage import Usage
from .labels import Labels


class CatalogState(StrEnum):
    """Where a session of the catalog is."""

    RUNNING = "running"
    """On an actor, whatever it does there."""
    STORED = "stored"
    """In the journal only: it goes on when a program opens it."""
    CLOSED = "closed"
    """It has ended. The journal keeps it until it is deleted."""


class CatalogEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A session in the catalog, as of the end of its last turn, or of the last change of its settings.

    *epoch* distinguishes it from others that had its id. *created_at* and *last_at*, the time of its last activity, are
    in Unix seconds. *messages* is the length of its history, *usage* the total of all *requests*.
    """

    __repr__ = short_repr

    id: str
    epoch: int
    state: CatalogState
    labels: Labels
    created_at: float
    last_at: float
    provider: str
    model: str
    turns: int
    messages: int
    requests: int
    usage: Usage
