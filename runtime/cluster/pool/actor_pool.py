"""The actor pool: the session actors that one driver starts, some of them before they are needed."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from ...api.errors import NoRoom, RuntimeDraining, Unreachable
from ...api.options import RuntimeOptions
from ...api.placement import Dedicated, Packed, Placement
from ..actor_logs import logged
from ..directory.actor_names import HostKind, is_packed, is_warm, new_host_name, session_of
from ..directory.places import HostOwner
from ..nodes.actor_options import on_many_nodes
from ..ray_calls import CONCURRENCY, kill_actor
from ..ray_errors import ActorDead, ActorUnavailable
from ..refs import HostRef
from ..session_actor import SessionActor
from ..shared_actors import SharedActors
from ..tools.outliving import ToolsRef
from .actor_settings import SessionActorSettings
from .packing import WaitingSessions, pack
from .router_nodes import RouterNodes
from .warm_actors import WarmActors

log = logging.getLogger(__name__)

ANY_PROVIDER = ""
"""In place of a provider's name, for actors that have not loaded any."""

SessionGroup = tuple[HostRef | None, list[str]]
"""Ids of sessions to open together, and the actor to open them on. ``None``: one yet to be started."""


class ActorPool:
    """Starts session actors, keeps idle ones ready, and ends them all.

    *warm* is how many are kept for dedicated sessions of a provider, by its name; ``ANY_PROVIDER`` for sessions of all.
    """

    def __init__(self, shared_actors: SharedActors, options: RuntimeOptions, warm: Mapping[str, int]) -> None:
        self._shared_actors = shared_actors
        self._options = options
        self._hosts: dict[str, HostRef] = {}
        self._packed: list[HostRef] = []
        self._replacements: dict[str, HostRef] = {}  # by the ids of packed actors that have died
        self._warm = WarmActors(self._start_warm, warm)
        self._router_nodes = RouterNodes(shared_actors.routers, options.node_labels, shared_actors.other_versions)
        self.is_draining = False
        """True from ``drain`` on: nothing more is started."""

    def __iter__(self) -> Iterator[HostRef]:
        """All actors that this pool started."""
        return iter(self._hosts.values())

    def __len__(self) -> int:
        return len(self._hosts)

    def get(self, host_id: str) -> HostRef | None:
        """The actor with that id, if this pool started it."""
        return self._hosts.get(host_id)

    async def assign(self, session_ids: Sequence[str], placement: Placement, provider: str) -> list[SessionGroup]:
        """Assign sessions of *provider* to actors, in groups that are opened together; starts packed actors.

        Raises:
            RuntimeDraining: the actors are being drained.
        """
        self.require_not_draining()
        match placement:
            case Dedicated():
                await self._router_nodes.read()
                return [(self._take_warm(provider), [session_id]) for session_id in session_ids]
            case Packed():
                if self._shared_actors.journal:
                    await self._find_room(len(session_ids), placement)
                self._require_room(len(session_ids), placement)
                self._start_first(placement)
                nodes = await self._router_nodes.read()
                if nodes:
                    await asyncio.gather(*map(_learn_node, self._packed))
                self._require_room(len(session_ids), placement)  # others may have been assigned meanwhile
                self._start_first(placement)
                waiting = WaitingSessions(session_ids, nodes)
                return [*pack(waiting, self._packed, placement.sessions_per_actor, self._start_packed)]

    def start(
        self,
        kind: HostKind = HostKind.DEDICATED,
        provider: str | None = None,
        detached: bool = False,
        avoided: str = "",
        session_id: str = "",
    ) -> HostRef:
        """Start an actor. It loads *provider* before it is ready. Its name has *session_id*, if it is for one session.

        It is *detached* also if the options say so. It is not on the node with the id *avoided*, nor on one with
        another version of this package. If it is for one session, it is near that one's router where there is room.
        """
        detached = detached or self._options.detached
        driver_id = self._shared_actors.driver_id
        owner = HostOwner(new_host_name(kind, driver_id, session_id), driver_id, detached)
        near = self._router_nodes.near(session_id) if session_id else ""
        dedicated, memory = kind is not HostKind.PACKED, self._shared_actors.memory
        actor = SessionActor.options(
            name=owner.host_id,
            namespace=self._options.namespace,
            lifetime="detached" if detached else None,
            num_cpus=0,
            memory=memory.dedicated if dedicated else memory.packed,
            resources=dict(self._options.actor_resources),
            max_concurrency=CONCURRENCY,
            **on_many_nodes(self._options, {*self._shared_actors.other_versions, avoided} - {""}, near),
        ).remote(
            owner,
            self._shared_actors.routers,
            self._shared_actors.directory.actor,
            self._settings(dedicated, provider),
        )
        host = HostRef(owner.host_id, actor, driver_id, self._options.call_timeout_s, detached=detached)
        self._hosts[host.id] = host
        return host

    def _settings(self, dedicated: bool, provider: str | None) -> SessionActorSettings:
        return SessionActorSettings(
            namespace=self._options.namespace,
            dedicated=dedicated,
            provider=provider,
            ports=self._options.ports,
            history_bytes=self._options.host_history_bytes,
            call_timeout_s=self._options.call_timeout_s,
            logged=logged(),
            journal=self._shared_actors.journal,
            quotas=self._shared_actors.quotas,
            tools=ToolsRef.of(self._options, self._shared_actors.driver_id) if self._shared_actors.journal else None,
            passivate_after_s=self._options.passivate_after_s,
        )

    def replace(self, dead: HostRef, sessions: int) -> HostRef:
        """Assign sessions to another actor, instead of a packed or warm one that has died."""
        if is_warm(dead.id):
            return self.start()
        host = self.replacement(dead.id)
        host.sessions += sessions - 1
        return host

    def replacement(self, host_id: str, detached: bool = False, avoided: str = "") -> HostRef:
        """Assign a session to the actor that follows another one: the same for all sessions of a packed one.

        *detached* and *avoided* are as for ``start``.
        """
        if not is_packed(host_id):
            return self.start(detached=detached, avoided=avoided, session_id=session_of(host_id))
        host = self._replacements.get(host_id)
        if host is None or host.id not in self._hosts:  # it may have ended, too
            host = self._replacements[host_id] = self.start(HostKind.PACKED, None, detached, avoided)
            if detached == self._options.detached:
                self._packed.append(host)
        host.sessions += 1
        return host

    def leave(self, host_id: str) -> None:
        """Assign nothing more to an actor of this pool, if it is one: its sessions move. An idle one is killed."""
        host = self._hosts.get(host_id)
        if host in self._packed:
            self._packed.remove(host)
        elif host and self._warm.replace(host):
            self.discard(host)

    def unassign(self, host: HostRef, sessions: int) -> None:
        """Undo the assignment of sessions that were not opened on *host*. A dedicated actor is killed."""
        if is_packed(host.id):
            host.sessions -= sessions
        else:
            self.discard(host)

    def discard(self, host: HostRef) -> None:
        """Kill an actor, and forget it."""
        self.remove(host)
        kill_actor(host.actor)

    def on_session_closed(self, host: HostRef) -> None:
        """Count one session less on *host*; a dedicated actor exits with its session."""
        host.sessions -= 1
        if not is_packed(host.id):
            self.remove(host)

    def remove(self, host: HostRef) -> None:
        """Forget an actor that has ended."""
        self._hosts.pop(host.id, None)
        host.channel.close()
        self._warm.remove(host)
        if host in self._packed:
            self._packed.remove(host)

    def stop(self) -> None:
        """Start no more actors by itself: Ray aborts a process that does so after it was shut down."""
        self._warm.stop()

    def require_not_draining(self) -> None:
        """Raises:
        RuntimeDraining: the actors are being drained.
        """
        if self.is_draining:
            raise RuntimeDraining("the runtime is being drained, and starts nothing more; use another one")

    async def drain(self, timeout_s: float) -> list[str]:
        """Have all actors end when what their sessions do is done, or after *timeout_s*.

        Returns the ids of the sessions whose turns did not end in that time.
        """
        self.is_draining = True
        self.stop()
        late = await asyncio.gather(*(_drained(host, timeout_s) for host in tuple(self._hosts.values())))
        return sorted(session_id for of_host in late for session_id in of_host)

    async def shut_down(self) -> None:
        """Kill all actors, except detached ones that have sessions."""
        detached = [host for host in self._hosts.values() if host.detached]
        retiring = (host.call(lambda actor: actor.retire.remote()) for host in detached if is_packed(host.id))
        await asyncio.gather(*retiring, return_exceptions=True)  # the directory tells those that were not reached
        for host in (*self._warm, *(host for host in self._hosts.values() if not host.detached)):
            kill_actor(host.actor)

    async def _find_room(self, sessions: int, placement: Packed) -> None:
        """If packed actors seem to be full for so many *sessions*, learn how many of theirs have left memory."""
        room = sum(max(0, placement.sessions_per_actor - host.sessions) for host in self._packed)
        if room < sessions:
            await asyncio.gather(*map(_count_passivated, self._packed))

    def _require_room(self, sessions: int, placement: Packed) -> None:
        """Raises:
        NoRoom: so many sessions would need more than ``max_actors``.
        """
        if placement.max_actors is None:
            return
        room = sum(max(0, placement.sessions_per_actor - host.sessions) for host in self._packed)
        room += max(0, placement.max_actors - len(self._packed)) * placement.sessions_per_actor
        if room < sessions:
            raise NoRoom(
                f"{placement.max_actors} actors with {placement.sessions_per_actor} sessions each have no room for "
                f"{sessions} more; close some, or raise Packed(max_actors=...) or sessions_per_actor"
            )

    def _start_first(self, placement: Packed) -> None:
        while len(self._packed) < placement.actors:
            self._packed.append(self._start_packed())

    def _start_packed(self) -> HostRef:
        return self.start(HostKind.PACKED)

    def _start_warm(self, provider: str) -> HostRef:
        return self.start(HostKind.WARM, None if provider == ANY_PROVIDER else provider)

    def _take_warm(self, provider: str) -> HostRef | None:
        return self._warm.take(provider) or self._warm.take(ANY_PROVIDER)


async def _count_passivated(host: HostRef) -> None:
    if not host.has_opened:
        return
    with suppress(Unreachable, ActorDead):  # who opens sessions there finds out
        passivated = await host.call(lambda actor: actor.passivated.remote())
        host.sessions -= passivated - host.passivated
        host.passivated = passivated


async def _learn_node(host: HostRef) -> None:
    with suppress(Unreachable, ActorDead):  # as above
        await host.locate()


async def _drained(host: HostRef, timeout_s: float) -> list[str]:
    if not host.has_opened:
        return []
    try:
        return await host.call_while_alive(host.actor.drain.remote(timeout_s))
    except (ActorUnavailable, Unreachable) as error:
        log.warning("the actor %s could not be drained: %s", host.id, error)
    except ActorDead:
        pass  # its last session has ended, and it with that
    return []
