"""What a driver holds of session actors and of sessions."""

import asyncio
from dataclasses import dataclass, field

from .call_batcher import Outcomes, Together
from .ray_calls import answered
from .send_queue import Mail
from .session_actor import SessionActorHandle


@dataclass(slots=True, eq=False)
class HostRef:
    """A session actor: its id and handle, its mail, how many sessions it was given, and who waits for its end.

    *close_now* ends one of its sessions.

    The id is its name in Ray, and what tells it apart from those that have the name before or after it.
    """

    id: str
    actor: SessionActorHandle
    sessions: int = 0
    guard: asyncio.Task[None] | None = None
    mail: Mail = field(init=False)
    close_now: Together[str] = field(init=False)

    def __post_init__(self) -> None:
        self.mail = Mail(self.actor.tell.remote)
        self.close_now = Together(self._close_all)

    @property
    def name(self) -> str:
        """Its name in Ray."""
        return name_of(self.id)

    async def close_drained(self, session_id: str) -> None:
        """End the session after the turns that wait already. That may take hours: no other shall wait for it."""
        (error,) = await answered(self.actor.close.remote([session_id], True))
        if error is not None:
            raise error

    async def _close_all(self, session_ids: list[str]) -> Outcomes:
        return await answered(self.actor.close.remote(session_ids, False))


@dataclass(frozen=True, slots=True)
class SessionRef:
    """A session and its host. *epoch* tells it from those that have its id before or after it."""

    id: str
    epoch: int
    host: HostRef


def name_of(host_id: str) -> str:
    """The name in Ray of the host of that id."""
    return host_id.partition("/")[0]
