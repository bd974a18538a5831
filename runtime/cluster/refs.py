"""What a driver knows of session actors and of sessions."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from ..streams.channel import Channel
from ..streams.endpoint import Endpoint
from .call_batcher import CallBatcher, Outcomes
from .ray_calls import node_id, result_of, tls
from .session_actor import SessionActorHandle


@dataclass(slots=True, eq=False)
class HostRef:
    """A session actor: its handle, the channel to it, and how many *sessions* the driver *driver_id* put on it.

    Its id is the actor's name in Ray with a suffix, which distinguishes it from earlier and later actors of that name.
    """

    id: str
    actor: SessionActorHandle
    driver_id: str
    sessions: int = 0
    endpoint: Endpoint | None = None
    exit_watcher: asyncio.Task[None] | None = None
    channel: Channel = field(init=False)
    close_now: CallBatcher[str] = field(init=False)
    """Closes one of its sessions at once."""

    def __post_init__(self) -> None:
        self.channel = Channel(self._locate, self.driver_id, node_id(), tls())
        self.close_now = CallBatcher(self._close_all)

    @property
    def name(self) -> str:
        """The actor's name in Ray."""
        return actor_name(self.id)

    async def close_drained(self, session_id: str) -> None:
        """Close a session after its queued turns. That may take hours, so no other session shares the call."""
        (error,) = await result_of(self.actor.close.remote([session_id], True))
        if error is not None:
            raise error

    async def _locate(self) -> Endpoint:
        """Where it listens: always there, since it is never restarted."""
        if self.endpoint is None:
            self.endpoint = await result_of(self.actor.endpoint.remote())
        return self.endpoint

    async def _close_all(self, session_ids: list[str]) -> Outcomes:
        return await result_of(self.actor.close.remote(session_ids, False))


class SessionRef(msgspec.Struct, frozen=True, gc=False):
    """A session and its host. *epoch* distinguishes it from earlier and later sessions with its id."""

    id: str
    epoch: int
    host: HostRef


def actor_name(host_id: str) -> str:
    """The name in Ray of the session actor with that id."""
    return host_id.partition("/")[0]
