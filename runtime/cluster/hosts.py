"""The session actors as one driver knows them: it starts them, keeps some warm, and hears of their death."""

import asyncio
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

import ray

from ..config import SessionConfig
from ..errors import RuntimeClosed, SessionDied, SessionExists, UnknownSession
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
    """A session actor: its id and handle, how many sessions it has, and which readers must hear of its death.

    The id is its name in Ray, and what tells it apart from those that have the name before or after it.
    """

    id: str
    actor: SessionActorHandle
    sessions: int = 0
    readers: WeakSet[Reader] = field(default_factory=WeakSet)
    guard: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Its name in Ray."""
        return _name(self.id)


class Hosts:
    """Starts session actors, puts sessions into them, finds those of others, and ends its own."""

    def __init__(self, shared: Shared, options: RuntimeOptions, warm: int) -> None:
        self._shared = shared
        self._options = options
        self._known: dict[str, HostRef] = {}
        self._own: dict[str, HostRef] = {}
        self._packed: list[HostRef] = []
        self._warm = [self._start_warm() for _ in range(warm)]
        self._left = False

    def refuse_if_left(self) -> None:
        """Raises:
        RuntimeClosed: the runtime was left.
        """
        if self._left:
            raise RuntimeClosed("the runtime was left")

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
        host = host or await self._start_named(session_ids[0])
        try:
            await self._claim(session_ids, host)
        except BaseException:
            self._undo(host, len(session_ids))
            raise
        try:
            host.sessions = await answered(host.actor.open.remote(list(session_ids), config))
        except BaseException as error:
            await self._withdraw(session_ids, host, opened=isinstance(error, asyncio.CancelledError))
            self._undo(host, len(session_ids))
            if isinstance(error, ActorGone):
                raise SessionDied(
                    f"the actor {host.name!r} died while sessions were opened in it; see Ray's logs"
                ) from None
            raise
        return host

    async def find(self, session_id: str) -> HostRef:
        """The host of a session that exists.

        Raises:
            UnknownSession: it does not, or its actor has died.
        """
        host_id = await self._shared.directory.find.remote(session_id)
        if host_id is None:
            raise UnknownSession(f"there is no session {session_id!r} in namespace {self._options.namespace!r}")
        host = self._known.get(host_id) or self._attach(host_id)
        if host is None:
            await self.bury(host_id)
            raise UnknownSession(f"session {session_id!r} has died with its actor; its id is free again")
        return host

    async def all(self) -> list[HostRef]:
        """Every host that has sessions, of whichever driver."""
        host_ids = await self._shared.directory.hosts.remote()
        hosts = {host_id: self._known.get(host_id) or self._attach(host_id) for host_id in host_ids}
        for host_id in (host_id for host_id, host in hosts.items() if host is None):
            await self.bury(host_id)
        return [host for host in hosts.values() if host]

    async def bury(self, host_id: str) -> None:
        """The host is dead: free the ids of its sessions, and fail those who read from them."""
        dead = self._known.pop(host_id, None)
        self._own.pop(host_id, None)
        if dead in self._packed:
            self._packed.remove(dead)
        for session_id in await self._shared.directory.bury.remote(host_id):
            routers = self._shared.routers
            await routers[shard_of(session_id, len(routers))].end.remote(session_id)
        for reader in tuple(dead.readers) if dead else ():
            reader.fail(SessionDied(f"the actor of session {reader.session_id!r} died; spawn it again"))

    def guard(self, host: HostRef, reader: Reader) -> None:
        """Tell *reader* if *host* dies."""
        host.readers.add(reader)
        if host.guard is None:
            host.guard = asyncio.get_running_loop().create_task(self._guard(host))

    async def died(self, host: HostRef, session_id: str) -> bool:
        """Whether *host*, which has gone, took the session with it. Otherwise the session had ended before."""
        await self.bury(host.id)
        return await self._shared.directory.died.remote(session_id, host.id)

    def closed(self, host: HostRef) -> None:
        """A session of *host* was closed."""
        host.sessions -= 1
        if host not in self._packed:
            self.left(host)

    def left(self, host: HostRef) -> None:
        """*host* has ended with its session."""
        self._known.pop(host.id, None)
        self._own.pop(host.id, None)

    async def end(self) -> None:
        """End the actors that this driver started, sessions and all, and watch no others."""
        self._left = True
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
        for _ in range(_NAME_TRIES):
            await self._refuse_taken([session_id])
            try:
                return self._start(session_id, dedicated=True)
            except ValueError:  # the id is free, but the actor that had it is still on its way out
                await asyncio.sleep(_NAME_PAUSE_S)
        raise SessionExists(f"an actor named {session_id!r} is still there; take another id")

    def _start(self, name: str, dedicated: bool) -> HostRef:
        host_id = f"{name}/{uuid.uuid4().hex[:8]}"
        actor = SessionActor.options(
            name=name,
            namespace=self._options.namespace,
            lifetime="detached" if self._options.detached else None,
            num_cpus=0,
            max_concurrency=CONCURRENCY,
        ).remote(host_id, self._shared.routers, self._shared.directory, dedicated)
        host = self._known[host_id] = self._own[host_id] = HostRef(host_id, actor)
        return host

    def _attach(self, host_id: str) -> HostRef | None:
        try:
            actor: SessionActorHandle = ray.get_actor(_name(host_id), namespace=self._options.namespace)
        except ValueError:
            return None
        host = self._known[host_id] = HostRef(host_id, actor)
        return host

    def _undo(self, host: HostRef, sessions: int) -> None:
        if host in self._packed:
            host.sessions -= sessions
        else:
            self.left(host)
            kill(host.actor)

    async def _claim(self, session_ids: Sequence[str], host: HostRef) -> None:
        """Have all of *session_ids* for *host*, or none, also if cancelled."""
        while True:
            claim = asyncio.ensure_future(self._shared.directory.claim.remote(list(session_ids), host.id))
            try:
                taken = await asyncio.shield(claim)
            except asyncio.CancelledError:
                if not await claim:
                    await self._withdraw(session_ids, host, opened=False)
                raise
            if not taken:
                return
            await self._refuse_taken(taken)

    async def _refuse_taken(self, session_ids: Iterable[str]) -> None:
        """Raises:
        SessionExists: one of *session_ids* is that of a session whose actor lives.
        """
        for session_id in session_ids:
            try:
                host = await self.find(session_id)
            except UnknownSession:
                continue
            try:
                await answered(host.actor.ready.remote())
            except ActorGone:
                await self.bury(host.id)
            else:
                raise SessionExists(
                    f"session {session_id!r} exists; attach to it with session({session_id!r}), or take another id"
                )

    async def _withdraw(self, session_ids: Sequence[str], host: HostRef, opened: bool) -> None:
        """Give up the claim of *host* to *session_ids*; if they may be *opened* there, close them first."""
        if opened and host in self._packed:
            closing = [answered(host.actor.close.remote(session_id, False)) for session_id in session_ids]
            await asyncio.gather(*closing, return_exceptions=True)
        await self._shared.directory.release.remote(list(session_ids), host.id)

    async def _guard(self, host: HostRef) -> None:
        try:
            await answered(host.actor.farewell.remote())
        except ActorGone:
            await self.bury(host.id)
        else:
            self.left(host)


def _name(host_id: str) -> str:
    return host_id.partition("/")[0]
