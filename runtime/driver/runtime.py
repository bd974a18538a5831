"""The driver's face: a runtime on a Ray cluster."""

import asyncio
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ...providers.schema.errors import InvalidConfig
from ..api.config import SessionConfig
from ..api.errors import RuntimeClosed, SessionDied, UnknownSession
from ..api.options import RuntimeOptions, checked_id
from ..api.placement import Dedicated, Packed, Placement
from ..api.status import SessionStatus
from ..api.validation import checked, known
from ..cluster.actor_pool import Fleet
from ..cluster.ray_start import join, shut_down
from ..cluster.ray_transport import lines
from ..cluster.refs import HostRef, SessionRef
from ..cluster.session_registry import Hosts
from ..cluster.shared_actors import Shared, shared
from ..events.reader import Reader
from ..events.router_connections import Lines
from ..events.segments import BEGINNING, Position
from .session_handle import SessionHandle

_DEDICATED = Dedicated()
_OPTIONS = RuntimeOptions()


class Runtime:
    """Many sessions on one Ray cluster: spawn them, find them, read from them. Use it with ``async with``.

    It joins the cluster at *address*, or at ``RAY_ADDRESS``; without either it starts Ray on this machine, and shuts it
    down at the end. Unless its options say ``detached``, its sessions end with it. *placement* is where sessions go if
    ``spawn`` does not say; *warm* is how many idle actors stand ready for dedicated sessions.

    Raises:
        RayUnreachable: on entering, there is no cluster at the address.
    """

    def __init__(
        self,
        address: str | None = None,
        placement: Placement = _DEDICATED,
        warm: int = 0,
        options: RuntimeOptions = _OPTIONS,
    ) -> None:
        if warm < 0:
            raise InvalidConfig("warm", "the number of idle actors can't be negative")
        self._address = address
        self._placement = _checked_placement(placement)
        self._warm = warm
        self._options = checked(options, (RuntimeOptions,), "options")
        self._started_ray = False
        self._inside: _Inside | None = None

    async def __aenter__(self) -> Self:
        self._started_ray = join(self._address, self._options)
        try:
            actors = await shared(self._options)
            fleet = Fleet(actors, self._options, self._warm)
            self._inside = _Inside(actors, fleet, Hosts(actors, self._options, fleet), lines(actors))
        except BaseException:
            self._shut_down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        inside, self._inside = self._inside, None
        try:
            if inside:
                await inside.lines.cut(RuntimeClosed("the runtime was left"))
                await inside.hosts.end()
                await inside.shared.leave()
        finally:
            self._shut_down()

    async def spawn(
        self, config: SessionConfig, session_id: str | None = None, placement: Placement | None = None
    ) -> SessionHandle:
        """Begin a session. Without an id it gets one.

        Raises:
            ConfigError: the config does not fit, a key or an SDK is missing: the field, variable or extra is named.
            SessionExists: the id is taken.
        """
        ids = 1 if session_id is None else [session_id]
        return (await self.spawn_many(config, ids, placement))[0]

    async def spawn_many(
        self,
        config: SessionConfig,
        ids: int | Sequence[str],
        placement: Placement | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[SessionHandle]:
        """Begin many sessions alike, with these ids or with so many new ones: all of them, or none.

        *on_progress* hears how many are there, of how many.

        Raises:
            ConfigError, SessionExists: as ``spawn`` does; those begun already are closed again.
        """
        inside = self._within()
        names = _names(ids)
        config = _checked_config(config).resolved(os.environ)
        placement = _checked_placement(placement) if placement else self._placement
        groups = inside.fleet.groups(names, placement)
        done: list[SessionHandle] = []

        async def open_group(host: HostRef | None, group: list[str]) -> None:
            done.extend(map(self._handle, await inside.hosts.open(group, config, host)))
            if on_progress:
                on_progress(len(done), len(names))

        try:
            async with asyncio.TaskGroup() as opening:
                for group in groups:
                    opening.create_task(open_group(*group))
        except BaseException as error:
            await asyncio.gather(*(session.close() for session in done), return_exceptions=True)
            raise error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error from None
        order = {name: number for number, name in enumerate(names)}
        return sorted(done, key=lambda session: order[session.id])

    async def session(self, session_id: str) -> SessionHandle:
        """A session that exists, of whichever driver.

        Raises:
            UnknownSession: there is none of that id.
        """
        inside = self._within()
        handle = self._handle(await inside.hosts.find(session_id))
        try:
            await handle.status()
        except SessionDied:
            raise UnknownSession(f"session {session_id!r} has died with its actor; its id is free again") from None
        return handle

    async def sessions(self) -> list[SessionStatus]:
        """The status of every session in the namespace, of whichever driver."""
        return await self._within().hosts.statuses()

    def events(self, after: int | None = None) -> Reader:
        """The events of all sessions in the namespace, as they come.

        From now on, or with ``after=0`` those too that the routers still hold.
        """
        if after:
            raise InvalidConfig("after", "each session counts its own events; give 0 for all that is held, or None")
        return self._read(None, None if after is None else BEGINNING)

    def _handle(self, session: SessionRef) -> SessionHandle:
        return SessionHandle(session, self._within().hosts, self._read)

    def _read(self, session_id: str | None, position: Position | None) -> Reader:
        return Reader(self._within().lines, session_id, position, self._options.reader_bytes)

    def _within(self) -> "_Inside":
        if self._inside is None:
            raise RuntimeClosed("the runtime was left, or not entered yet; use it inside 'async with Runtime()'")
        return self._inside

    def _shut_down(self) -> None:
        if self._started_ray:
            self._started_ray = False
            shut_down()


def _names(ids: int | Sequence[str]) -> list[str]:
    if isinstance(ids, str) or (isinstance(ids, int) and ids < 0):
        raise InvalidConfig("ids", f"give a list of ids, or how many sessions there shall be, not {ids!r}")
    return [uuid.uuid4().hex for _ in range(ids)] if isinstance(ids, int) else [checked_id(name) for name in ids]


def _checked_config(config: SessionConfig) -> SessionConfig:
    if hasattr(config, "provider"):
        known(config.provider)
    return checked(config, (SessionConfig,), "config")


def _checked_placement(placement: Placement) -> Placement:
    return checked(placement, (Dedicated, Packed), "placement")


@dataclass(frozen=True, slots=True)
class _Inside:
    """What a runtime has while it is entered."""

    shared: Shared
    fleet: Fleet
    hosts: Hosts
    lines: Lines
