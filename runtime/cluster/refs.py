"""What a driver knows of session actors and of sessions."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec

from ..session.host import SessionKey
from ..streams.calls import CallTimedOut
from ..streams.channel import Channel
from ..streams.endpoint import Endpoint
from ..streams.liveness import Liveness, no_answer
from .call_batcher import CallBatcher, Outcomes
from .host_calls import ping
from .ray_calls import node_id, not_started, result_of, result_within, tls
from .ray_errors import ActorDead
from .session_actor import SessionActorHandle

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class HostRef:
    """A session actor: its handle, the channel to it, and how many *sessions* the driver *driver_id* put on it.

    Of those, *passivated* ones that have left memory do not count any more. Its id is the actor's name in Ray. If
    *detached*, it outlives that driver as long as it has sessions.
    """

    id: str
    actor: SessionActorHandle
    driver_id: str
    timeout_s: float
    sessions: int = 0
    passivated: int = 0
    endpoint: Endpoint | None = None
    detached: bool = False
    has_opened: bool = False
    """True once it has had a session."""
    channel: Channel = field(init=False)
    liveness: Liveness = field(init=False)
    close_now: CallBatcher[SessionKey] = field(init=False)
    """Closes one of its sessions at once."""

    def __post_init__(self) -> None:
        self.channel = Channel(self.locate, self.driver_id, node_id(), tls())
        self.channel.timeout_s = self.timeout_s
        self.liveness = Liveness(partial(ping, self.channel))
        self.close_now = CallBatcher(self._close_all)

    @property
    def node_id(self) -> str:
        """The id of its node, once it is known."""
        return self.endpoint.node_id if self.endpoint else ""

    async def call(self, call: Callable[[SessionActorHandle], Awaitable[T]]) -> T:
        """The result of a *call* that takes the actor no time, and may be made again.

        Raises:
            Unreachable: there was none within the deadline.
            ActorDead: the actor has died or exited.
            RayconteurError: as it was raised there.
        """
        return await result_within(self.timeout_s, lambda: call(self.actor), f"the actor {self.id!r}")

    async def call_while_alive(self, call: Awaitable[T], ready_s: float | None = None) -> T:
        """The result of a *call* that may take any time, as long as the actor responds, within *ready_s* at first.

        Raises:
            Unreachable: the actor does not respond. It may carry out the call later.
            ActorUnavailable: it could not be reached; it may have carried out the call or not.
            ActorDead, RayconteurError: as for ``call``.
        """
        calling = asyncio.ensure_future(result_of(call))
        try:
            while not (await asyncio.wait({calling}, timeout=self.timeout_s))[0]:
                await self._respond_or_finish(calling, ready_s)
                ready_s = None
            return calling.result()
        finally:
            calling.cancel()

    async def reply_to(self, call: Awaitable[T]) -> T:
        """The result of a *call* over the channel.

        Raises:
            Unreachable: there was none within the deadline. The actor may have received the call or not.
            Exception: what the call raises.
        """
        try:
            return await call
        except CallTimedOut:
            raise no_answer(f"the actor {self.id!r}", self.timeout_s) from None

    async def death(self) -> ActorDead | None:
        """``None`` if the actor responds; else how it has died or exited.

        Raises:
            Unreachable: it did not respond within the deadline.
        """
        try:
            await self.call(lambda actor: actor.ready.remote())
        except ActorDead as death:
            return death
        return None

    async def locate(self) -> Endpoint:
        """Where it listens: always there, since it is never restarted. Raises what ``call`` does."""
        if self.endpoint is None:
            self.endpoint = await self.call(lambda actor: actor.endpoint.remote())
        return self.endpoint

    async def close_drained(self, key: SessionKey) -> None:
        """Close a session after its queued turns. That may take hours, so no other session shares the call."""
        (error,) = await self.call_while_alive(self.actor.close.remote([key], True))
        if error is not None:
            raise error

    async def _respond_or_finish(self, calling: "asyncio.Future[T]", ready_s: float | None) -> None:
        within_s = ready_s or self.timeout_s
        responding = asyncio.ensure_future(result_of(self.actor.ready.remote()))
        either: set[asyncio.Future[Any]] = {calling, responding}
        try:
            done, _ = await asyncio.wait(either, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise (not_started if ready_s else no_answer)(f"the actor {self.id!r}", within_s)
        finally:
            responding.cancel()
            await asyncio.wait({responding})
            if not responding.cancelled():
                responding.exception()  # the call fails with the same one

    async def _close_all(self, keys: list[SessionKey]) -> Outcomes:
        return await self.call_while_alive(self.actor.close.remote(keys, False))


class SessionRef(msgspec.Struct, frozen=True, gc=False):
    """A session and its host. *epoch* distinguishes it from earlier and later sessions with its id."""

    id: str
    epoch: int
    host: HostRef

    @property
    def key(self) -> SessionKey:
        """Its id and epoch."""
        return self.id, self.epoch
