"""The mover: has sessions go on in other actors, as the directory orders."""

import asyncio
import logging
from collections.abc import Iterable

from ....providers.schema.errors import RayconteurError
from ...api.errors import SessionClosed, UnknownSession, Unreachable
from ...logs.ids import ids
from ...session.host import SessionKey
from ...session.leaving import HandedOver
from ..background import Background
from ..ray_calls import START_S, UNTIL_LOST_S, gcs_result
from ..ray_errors import ActorDead, ActorUnavailable
from ..refs import HostRef
from ..registry.known_hosts import KnownHosts
from ..registry.recovery import Recovery
from .cluster_nodes import read_nodes
from .move_orders import MoveOrder

log = logging.getLogger(__name__)

_PAUSE_S = 0.5
_WAKE_S = 60.0
"""How long a session is tried to be woken up that has left: each try lasts until an actor has not answered in time."""

_CANT_GO_ON = "session %s has left its actor, and can't go on in another one; it does so when it is opened: %s"
_AT_ONCE = 16
"""Sessions that one driver has go on at the same time. Each takes some calls, which its other work waits for."""


class Mover:
    """Has the sessions of *hosts* leave when their turns have ended, and go on in other actors at once, by *recovery*.

    Each packed actor gets one that replaces it. Orders may arrive again: what is under way is not begun twice.
    """

    def __init__(self, hosts: KnownHosts, recovery: Recovery | None, background: Background) -> None:
        self._hosts = hosts
        self._recovery = recovery
        self._background = background
        self._moving_hosts: set[str] = set()
        self._moving_sessions: set[str] = set()
        self._waking = asyncio.Semaphore(_AT_ONCE)

    def begin(self, orders: Iterable[MoveOrder]) -> None:
        """Carry out *orders*, in the background; none while the runtime is drained: sessions leave it anyway."""
        for order in orders:
            if order.host_id in self._moving_hosts or self._hosts.pool.is_draining:
                continue
            if order.session_ids is None:
                self._moving_hosts.add(order.host_id)
                self._hosts.pool.leave(order.host_id)
                self._background.run(self._move_all(order))
            elif session_ids := [each for each in order.session_ids if each not in self._moving_sessions]:
                self._moving_sessions.update(session_ids)
                self._background.run(self._move_some(order, session_ids))

    async def _move_all(self, order: MoveOrder) -> None:
        try:
            await self._move(order, None)
        finally:
            self._moving_hosts.discard(order.host_id)

    async def _move_some(self, order: MoveOrder, session_ids: list[str]) -> None:
        try:
            await self._move(order, session_ids)
        finally:
            self._moving_sessions.difference_update(session_ids)

    async def _move(self, order: MoveOrder, session_ids: list[str] | None) -> None:
        host = await self._hosts.find(order.host_id)
        if host is None or self._recovery is None:
            return
        avoided = await _node_to_avoid(host) if session_ids else ""
        deadline = asyncio.get_running_loop().time() + order.within_s
        known: list[SessionKey] = []
        async with asyncio.TaskGroup() as waking:
            while True:
                handed_over = await self._handed_over(host, session_ids, known, deadline)
                for key in handed_over.gone if order.wakes else ():
                    waking.create_task(self._wake(self._recovery, key, host, order.detached, avoided))
                known = handed_over.here
                if not known:
                    break

    async def _handed_over(
        self, host: HostRef, session_ids: list[str] | None, known: list[SessionKey], deadline: float
    ) -> HandedOver:
        loop = asyncio.get_running_loop()
        while True:
            call = host.actor.hand_over.remote(session_ids, known, max(0.0, deadline - loop.time()))
            try:
                return await host.call_while_alive(call, ready_s=START_S)
            except ActorDead:
                return HandedOver(known, [])
            except (ActorUnavailable, Unreachable):  # it is asked again as long as it lives
                await asyncio.sleep(_PAUSE_S)

    async def _wake(self, recovery: Recovery, key: SessionKey, host: HostRef, detached: bool, avoided: str) -> None:
        def place() -> HostRef:
            return self._hosts.pool.replacement(host.id, detached, avoided)

        async with self._waking:
            give_up_at = asyncio.get_running_loop().time() + _WAKE_S
            while True:
                try:
                    await recovery.recover(*key, place=place)
                except (UnknownSession, SessionClosed):
                    pass  # it was closed meanwhile
                except RayconteurError as error:
                    if isinstance(error, Unreachable) and asyncio.get_running_loop().time() < give_up_at:
                        await asyncio.sleep(_PAUSE_S)
                        continue  # its router may be moving, too
                    log.warning(_CANT_GO_ON, key[0], error, extra=ids(key[0]))
                return


async def _node_to_avoid(host: HostRef) -> str:
    """The node of *host*, if there are others."""
    if len(await gcs_result(UNTIL_LOST_S, read_nodes)) == 1:
        return ""
    return (await host.locate()).node_id
