"""The fleet: the session actors that one driver starts, some of them before they are needed."""

import asyncio
import uuid
from collections.abc import Sequence

from ..api.options import RuntimeOptions
from ..api.placement import Dedicated, Packed, Placement
from .ray_calls import kill
from .refs import HostRef
from .session_actor import CONCURRENCY, SessionActor
from .shared_actors import Shared

_GROUP = 500
"""So many sessions at most are opened by one call, so that there is progress to report."""


class Fleet:
    """Starts actors, keeps *warm* idle ones ready, and ends them all."""

    def __init__(self, shared: Shared, options: RuntimeOptions, warm: int) -> None:
        self._shared = shared
        self._options = options
        self._own: dict[str, HostRef] = {}
        self._packed: list[HostRef] = []
        self._warm = [self._start_warm() for _ in range(warm)]

    def get(self, host_id: str) -> HostRef | None:
        """The actor of that id, if it is one of these."""
        return self._own.get(host_id)

    def groups(self, session_ids: Sequence[str], placement: Placement) -> list[tuple[HostRef | None, list[str]]]:
        """Which sessions are opened together, and where.

        ``None`` is an actor that is yet to start, named by its session.
        """
        match placement:
            case Dedicated():
                return [(self._take_warm(), [session_id]) for session_id in session_ids]
            case Packed():
                return self._pack(list(session_ids), placement)

    def start(self, name: str, dedicated: bool = True) -> HostRef:
        """Start an actor.

        Raises:
            ValueError: there is one of that name.
        """
        host_id = f"{name}/{uuid.uuid4().hex[:8]}"
        actor = SessionActor.options(
            name=name,
            namespace=self._options.namespace,
            lifetime="detached" if self._options.detached else None,
            num_cpus=0,
            max_concurrency=CONCURRENCY,
        ).remote(host_id, self._shared.routers, self._shared.directory, dedicated)
        host = self._own[host_id] = HostRef(host_id, actor)
        return host

    def undo(self, host: HostRef, sessions: int) -> None:
        """So many sessions were not opened on *host* after all: one that was for nothing else ends."""
        if host in self._packed:
            host.sessions -= sessions
        else:
            self.drop(host)
            kill(host.actor)

    def closed(self, host: HostRef) -> None:
        """A session of *host* was closed: a dedicated one ends with it."""
        host.sessions -= 1
        if host not in self._packed:
            self.drop(host)

    def drop(self, host: HostRef) -> None:
        """*host* has ended."""
        self._own.pop(host.id, None)
        for hosts in (self._packed, self._warm):
            if host in hosts:
                hosts.remove(host)

    async def end(self) -> list[HostRef]:
        """End all actors, and say which these were. Detached ones live on while they have sessions."""
        if self._options.detached:
            retiring = (host.actor.retire.remote() for host in self._packed)
            await asyncio.gather(*retiring, return_exceptions=True)  # those that have died need not be told
        ended = self._warm if self._options.detached else list(self._own.values())
        for host in ended:
            kill(host.actor)
        return ended

    def _pack(self, session_ids: list[str], placement: Packed) -> list[tuple[HostRef | None, list[str]]]:
        groups: list[tuple[HostRef | None, list[str]]] = []
        while len(self._packed) < placement.actors:
            self._packed.append(self._start_packed())
        share = min(_GROUP, -(-len(session_ids) // len(self._packed)))
        while session_ids:
            host = min(self._packed, key=lambda known: known.sessions)
            room = placement.sessions_per_actor - host.sessions
            if room <= 0:
                self._packed.append(self._start_packed())
                continue
            taken = session_ids[: min(room, share)]
            del session_ids[: len(taken)]
            groups.append((host, taken))
            host.sessions += len(taken)
        return groups

    def _start_packed(self) -> HostRef:
        return self.start(f"_host-{uuid.uuid4().hex[:12]}", dedicated=False)

    def _start_warm(self) -> HostRef:
        return self.start(f"_warm-{uuid.uuid4().hex[:12]}")

    def _take_warm(self) -> HostRef | None:
        if not self._warm:
            return None
        self._warm.append(self._start_warm())
        return self._warm.pop(0)
