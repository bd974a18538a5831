"""The session actors as one driver knows them: it starts them, keeps some warm, and hears of their death."""

import asyncio
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

import ray

from ..config import SessionConfig
from ..errors import SessionDied, SessionExists, UnknownSession
from ..options import RuntimeOptions
from ..placement import Dedicated, Packed, Placement
from ..plane.reader import Reader
from ..session.host import shard_of
from .actor import CONCURRENCY, SessionActor, SessionActorHandle
from .calls import ActorGone, answered, kill
from .start import Shared

log = logging.getLogger(__name__)

_GROUP = 500
"""So many sessions at most are opened by one call, so that there is progress to report."""
_NAME_TRIES = 100
_NAME_PAUSE_S = 0.05


@dataclass(slots=True, eq=False)
class HostRef:
    """A session actor: its name and handle, how many sessions it has, and which readers must hear of its death."""

    name: str
    actor: SessionActorHandle
    sessions: int = 0
    readers: WeakSet[Reader] = field(default_factory=WeakSet)
    guard: asyncio.Task[None] | None = None


class Hosts:
    """Starts session actors, puts sessions into them, finds those of others, and ends its own."""

    def __init__(self, shared: Shared, options: RuntimeOptions, warm: int) -> None:
        self._shared = shared
        self._options = options
        self._known: dict[str, HostRef] = {}
        self._own: dict[str, HostRef] = {}
        self._packed: list[HostRef] = []
        self._warm = [self._start_warm() for _ in range(warm)]

    def groups(self, session_ids: Sequence[str], placement: Placement) -> list[tuple[HostRef | None, list[str]]]:
        """Which sessions are opened together, and where.

        ``None`` is an actor that is yet to start, named by its session.
        """
        match placement:
            case Dedicated():
                return [(self._take_warm(), [session_id]) for session_id in session_ids]
            case Packed():
                return self._pack(list(session_ids), placement)

    async def open(self, session_ids: Sequence[str], config: SessionConfig, host: HostRef | None) -> HostRef:
        """Open sessions on *host*, or one on an actor of its own: all of them, or none.

        Raises:
            SessionExists: an id is taken.
            ConfigError: the provider can't be used there.
            SessionDied: the actor died meanwhile.
        """
        name = host.name if host else session_ids[0]
        claimed = False
        try:
            await self._claim(session_ids, name)
            claimed = True
            host = host or await self._start_named(name)
            host.sessions = await answered(host.actor.open.remote(list(session_ids), config))
        except BaseException as error:
            if claimed:
                await self._shared.directory.release.remote(list(session_ids), name)
            self._undo(host, len(session_ids))
            if isinstance(error, ActorGone):
                raise SessionDied(f"the actor {name!r} died while sessions were opened in it; see Ray's logs") from None
            raise
        return host

    async def find(self, session_id: str) -> HostRef:
        """The host of a session that exists.

        Raises:
            UnknownSession: it does not, or its actor has died.
        """
        name = await self._shared.directory.find.remote(session_id)
        if name is None:
            raise UnknownSession(f"there is no session {session_id!r} in namespace {self._options.namespace!r}")
        host = self._known.get(name) or self._attach(name)
        if host is None:
            await self.bury(name)
            raise UnknownSession(f"session {session_id!r} has died with its actor; its id is free again")
        return host

    async def all(self) -> list[HostRef]:
        """Every host that has sessions, of whichever driver."""
        names = await self._shared.directory.hosts.remote()
        hosts = {name: self._known.get(name) or self._attach(name) for name in names}
        for name in (name for name, host in hosts.items() if host is None):
            await self.bury(name)
        return [host for host in hosts.values() if host]

    async def bury(self, name: str) -> None:
        """The host *name* is dead: free the ids of its sessions, and fail those who read from them."""
        dead = self._known.pop(name, None)
        self._own.pop(name, None)
        if dead in self._packed:
            self._packed.remove(dead)
        for session_id in await self._shared.directory.release_host.remote(name):
            routers = self._shared.routers
            await routers[shard_of(session_id, len(routers))].end.remote(session_id)
        for reader in tuple(dead.readers) if dead else ():
            reader.fail(SessionDied(f"the actor {name!r} of session {reader.session_id!r} died; spawn it again"))

    def guard(self, host: HostRef, reader: Reader) -> None:
        """Tell *reader* if *host* dies."""
        host.readers.add(reader)
        if host.guard is None:
            host.guard = asyncio.get_running_loop().create_task(self._guard(host))

    async def dead(self, host: HostRef, session_id: str) -> bool:
        """Whether *host*, which does not answer, died with the session: if so it is buried.

        Otherwise the session had ended before.
        """
        if await self._shared.directory.find.remote(session_id) != host.name:
            return False
        await self.bury(host.name)
        return True

    def closed(self, host: HostRef) -> None:
        """A session of *host* was closed."""
        host.sessions -= 1
        if host not in self._packed:
            self.left(host)

    def left(self, host: HostRef) -> None:
        """*host* has ended with its session."""
        self._known.pop(host.name, None)
        self._own.pop(host.name, None)

    async def end(self) -> None:
        """End the actors that this driver started, sessions and all, and watch no others."""
        guards = [host.guard for host in self._known.values() if host.guard]
        for guard in guards:
            guard.cancel()
        await asyncio.gather(*guards, return_exceptions=True)
        for host in self._warm if self._options.detached else tuple(self._own.values()):
            kill(host.actor)

    # Starting actors

    def _pack(self, session_ids: list[str], placement: Packed) -> list[tuple[HostRef | None, list[str]]]:
        groups: list[tuple[HostRef | None, list[str]]] = []
        while len(self._packed) < placement.actors:
            self._packed.append(self._start(f"_host-{uuid.uuid4().hex[:12]}", dedicated=False))
        share = min(_GROUP, -(-len(session_ids) // len(self._packed)))
        while session_ids:
            host = min(self._packed, key=lambda known: known.sessions)
            room = placement.sessions_per_actor - host.sessions
            if room <= 0:
                self._packed.append(self._start(f"_host-{uuid.uuid4().hex[:12]}", dedicated=False))
                continue
            taken = session_ids[: min(room, share)]
            del session_ids[: len(taken)]
            groups.append((host, taken))
            host.sessions += len(taken)
        return groups

    def _start_warm(self) -> HostRef:
        return self._start(f"_warm-{uuid.uuid4().hex[:12]}", dedicated=True)

    def _take_warm(self) -> HostRef | None:
        if not self._warm:
            return None
        self._warm.append(self._start_warm())
        return self._warm.pop(0)

    async def _start_named(self, session_id: str) -> HostRef:
        for _ in range(_NAME_TRIES):  # the id is free, but the actor that had it may still be on its way out
            try:
                return self._start(session_id, dedicated=True)
            except ValueError:
                await asyncio.sleep(_NAME_PAUSE_S)
        raise SessionExists(f"an actor named {session_id!r} is still there; take another id")

    def _start(self, name: str, dedicated: bool) -> HostRef:
        actor = SessionActor.options(
            name=name,
            namespace=self._options.namespace,
            lifetime="detached" if self._options.detached else None,
            num_cpus=0,
            max_concurrency=CONCURRENCY,
        ).remote(name, self._shared.routers, self._shared.directory, dedicated)
        host = self._known[name] = self._own[name] = HostRef(name, actor)
        return host

    def _attach(self, name: str) -> HostRef | None:
        try:
            actor: SessionActorHandle = ray.get_actor(name, namespace=self._options.namespace)
        except ValueError:
            return None
        host = self._known[name] = HostRef(name, actor)
        return host

    def _undo(self, host: HostRef | None, sessions: int) -> None:
        if host in self._packed:
            host.sessions -= sessions
        elif host:
            self.left(host)
            kill(host.actor)

    async def _claim(self, session_ids: Sequence[str], name: str) -> None:
        directory = self._shared.directory
        taken = await directory.claim.remote(list(session_ids), name)
        if taken and await self._bury_the_dead(taken):
            taken = await directory.claim.remote(list(session_ids), name)
        if taken:
            raise SessionExists(
                f"session {taken[0]!r} exists; attach to it with session({taken[0]!r}), or take another id"
            )

    async def _bury_the_dead(self, session_ids: Iterable[str]) -> bool:
        buried = False
        for session_id in session_ids:
            try:
                host = await self.find(session_id)
                await answered(host.actor.ready.remote())
            except UnknownSession:
                buried = True
            except ActorGone:
                await self.bury(host.name)
                buried = True
        return buried

    async def _guard(self, host: HostRef) -> None:
        try:
            await answered(host.actor.farewell.remote())
        except ActorGone:
            await self.bury(host.name)
        else:
            self.left(host)
