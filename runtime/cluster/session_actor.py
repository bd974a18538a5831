"""The session actor: a host in a process of its own."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import cast

import ray
from ray.actor import ActorProxy

from ...providers.schema.messages import Message
from ..api.config import SessionConfig
from ..api.messages import Receipt
from ..api.status import SessionStatus
from ..events.transport import RouterGone
from ..session.client_pool import ClientPool
from ..session.host import Host
from .call_batcher import Outcomes, Together
from .directory import DirectoryHandle
from .ray_calls import ActorDead, kill
from .router_actor import RouterHandle
from .send_queue import Addressed

log = logging.getLogger(__name__)

CONCURRENCY = 100_000
"""Calls that one actor takes at once. Hardly any of them waits; those that do must not keep others out."""

_GRACE_S = 0.1
"""For the answers to the last calls. ``ray.actor.exit_actor`` waits for them itself, but keeps the name for seconds."""


class _SessionActor:
    """One session or many, reached by Ray calls. No call waits for a model, but ``close`` with *drain*.

    A *dedicated* one is retired from the start.
    """

    def __init__(self, host_id: str, routers: list[RouterHandle], directory: DirectoryHandle, dedicated: bool) -> None:
        self._id = host_id
        self._directory = directory
        self._retired = dedicated
        self._host = Host([partial(_publish, router) for router in routers], self._ended, ClientPool())
        self._release = Together(self._release_all)
        self._running: asyncio.Task[None] | None = None
        self._left = asyncio.Event()

    @ray.method
    async def open(self, session_ids: list[str], epoch: int, config: SessionConfig) -> None:
        """Open a session for each id: all of them, or none."""
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._host.run())
            self._running.add_done_callback(_must_not_end)
        self._host.open(session_ids, epoch, config)

    @ray.method
    async def tell(self, messages: list[Addressed]) -> list[Receipt | Exception]:
        """Take messages to their sessions, in order; for each its receipt, or why it was not taken."""
        return [self._told(session_id, data) for session_id, data in messages]

    @ray.method
    async def close(self, session_ids: list[str], drain: bool) -> list[Exception | None]:
        """Close sessions; comes back when all are over and their ids are free. For each why it could not be."""
        closing = (self._host.close(session_id, drain) for session_id in session_ids)
        outcomes = await asyncio.gather(*closing, return_exceptions=True)
        return [outcome if isinstance(outcome, Exception) else None for outcome in outcomes]

    @ray.method
    async def status(self, session_id: str) -> SessionStatus:
        """The session's status."""
        return self._host.status(session_id)

    @ray.method
    async def statuses(self) -> list[SessionStatus]:
        """The status of every session here."""
        return self._host.statuses()

    @ray.method
    async def history(self, session_id: str, full: bool) -> tuple[Message, ...]:
        """The session's messages; *full* with those that compactions took out."""
        return self._host.history(session_id, full)

    @ray.method
    async def ready(self) -> None:
        """Come back when the process runs."""

    @ray.method
    async def retire(self) -> None:
        """Leave with the last session: nobody opens more."""
        self._retired = True
        self._leave_if_done()

    @ray.method
    async def modules(self) -> list[str]:
        """The names of the modules that this process has loaded."""
        import sys

        return sorted(sys.modules)

    @ray.method
    async def farewell(self) -> None:
        """Come back when the actor is about to leave; if it dies, this call fails."""
        await self._left.wait()

    def _told(self, session_id: str, data: bytes) -> Receipt | Exception:
        try:
            return self._host.tell(session_id, data)
        except Exception as error:  # of one session; the others have theirs to hear
            return error

    async def _ended(self, session_id: str) -> None:
        await self._release(session_id)
        self._leave_if_done()

    async def _release_all(self, session_ids: list[str]) -> Outcomes:
        with suppress(ActorDead):  # then the namespace has ended, and ids with it
            await self._directory.release.remote(session_ids, self._id)
        return [None] * len(session_ids)

    def _leave_if_done(self) -> None:
        if self._retired and not len(self._host):
            self._left.set()
            me = cast("SessionActorHandle", ray.get_runtime_context().current_actor)
            asyncio.get_running_loop().call_later(_GRACE_S, kill, me)


async def _publish(router: RouterHandle, data: bytes) -> None:
    try:
        await router.publish.remote(data)
    except ActorDead:
        raise RouterGone from None


def _must_not_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("events can no longer be sent", exc_info=error)


SessionActor = ray.remote(_SessionActor)
SessionActorHandle = ActorProxy[_SessionActor]
