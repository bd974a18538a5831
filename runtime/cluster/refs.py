"""What a driver holds of session actors and of sessions."""

import asyncio
from dataclasses import dataclass, field

from .actor import SessionActorHandle
from .mail import Mail


@dataclass(slots=True, eq=False)
class HostRef:
    """A session actor: its id and handle, its mail, how many sessions it was given, and who waits for its end.

    The id is its name in Ray, and what tells it apart from those that have the name before or after it.
    """

    id: str
    actor: SessionActorHandle
    sessions: int = 0
    guard: asyncio.Task[None] | None = None
    mail: Mail = field(init=False)

    def __post_init__(self) -> None:
        self.mail = Mail(self.actor.tell.remote)

    @property
    def name(self) -> str:
        """Its name in Ray."""
        return name_of(self.id)


@dataclass(frozen=True, slots=True)
class SessionRef:
    """A session and its host. *epoch* tells it from those that have its id before or after it."""

    id: str
    epoch: int
    host: HostRef


def name_of(host_id: str) -> str:
    """The name in Ray of the host of that id."""
    return host_id.partition("/")[0]
