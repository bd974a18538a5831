"""The handles of a runtime: of sessions that it opens, of their forks, and of those that run."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from ...providers.registry import ProviderConfig
from ...providers.schema.checks.shown import shown
from ..api.config import SessionConfig
from ..api.errors import SessionDied, SessionExists, UnknownSession
from ..api.fleet.templates import Template
from ..api.fleet.where import FleetResult, Where
from ..api.messages import Configure
from ..api.options import RuntimeOptions
from ..api.placement import Placement
from ..api.status import State
from ..cluster.refs import HostRef, SessionRef
from ..cluster.registry.session_registry import Opening
from ..events.reader import Reader
from ..events.segments import Position
from ..session.durable.reading import recorded_events
from ..session.fleet.orders import has_settings
from .calls.arguments import checked_placement, session_ids_of
from .calls.forks import Fork
from .calls.preparation import prepared_config
from .calls.session_calls import SessionCalls
from .calls.stored_fleet import call_stored
from .calls.tool_runs import SessionTools
from .resources import Resources
from .session_handle import SessionHandle
from .templates.templates import Templates


class Handles:
    """Makes handles of sessions. *placement* is where they are opened if nothing else is said."""

    def __init__(self, resources: Resources, options: RuntimeOptions, placement: Placement) -> None:
        self._resources = resources
        self._options = options
        self._placement = placement
        self.templates = Templates(resources.registry, options)

    async def prepared(self, config: SessionConfig | Template) -> tuple[SessionConfig, SessionTools]:
        """The config of new sessions, prepared, and those of its tools that run here.

        Raises:
            ConfigError: as for ``spawn``.
        """
        if isinstance(config, Template):
            config = await self.templates.config(config)
        prepared = await prepared_config(config, self._options)
        return prepared, SessionTools.of(config.tools or ())

    async def open(
        self,
        config: SessionConfig,
        tools: SessionTools,
        session_ids: list[str],
        placement: Placement | None,
        on_progress: Callable[[int, int], None] | None = None,
        history: Sequence[bytes] = (),
        are_new: bool = False,
    ) -> list[SessionHandle]:
        """Open sessions of *config*, which is prepared: all of them, or none."""
        registry, pool = self._resources.registry, self._resources.pool
        placement = checked_placement(placement) if placement else self._placement
        await registry.prepare(() if are_new else session_ids, config)
        groups = await pool.assign(session_ids, placement, config.provider.name)
        providers = config.providers()
        opened: list[SessionHandle] = []

        async def open_group(host: HostRef | None, group: list[str]) -> None:
            sessions = await registry.open(Opening(group, config, history, are_new), host)
            opened.extend(self.of(session, tools, providers) for session in sessions)
            if on_progress:
                on_progress(len(opened), len(session_ids))

        try:
            async with asyncio.TaskGroup() as opening:
                for group in groups:
                    opening.create_task(open_group(*group))
            if config.template:
                await self.templates.catch_up(config.template, session_ids)
        except BaseException as error:
            await asyncio.gather(*(session.close() for session in opened), return_exceptions=True)
            raise error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error from None
        order = {session_id: index for index, session_id in enumerate(session_ids)}
        return sorted(opened, key=lambda session: order[session.id])

    async def attach(self, session_id: str, tools: SessionTools) -> SessionHandle:
        """The handle of a session that exists, of whose tools *tools* run here.

        Raises:
            UnknownSession: there is none with that id.
        """
        session = await self._resources.registry.find(session_id)
        handle = self.of(session, tools)
        try:
            if (await handle.status()).state is State.REQUESTING:
                await self._resources.registry.supply_credentials(session)
        except SessionDied:
            raise UnknownSession(f"session {shown(session_id)} has died with its actor; its id is free again") from None
        return handle

    async def attach_or_open(
        self, session_id: str, config: SessionConfig | Template, placement: Placement | None
    ) -> SessionHandle:
        """The handle of a session that exists, or that is opened with *config* if it does not."""
        prepared, tools = await self.prepared(config)
        await self._resources.registry.prepare((), prepared)
        while True:
            with suppress(UnknownSession):
                return await self.attach(session_id, SessionTools(tools.functions))
            with suppress(SessionExists):
                return (await self.open(prepared, tools, session_ids_of([session_id]), placement))[0]

    async def configure_stored(self, change: Configure, where: Where, share: float, result: FleetResult) -> None:
        """Change the settings of sessions that only the journal has, and add what was done to *result*."""

        async def configure(session_id: str) -> bool | None:
            session = await self.attach(session_id, SessionTools())
            settings = await session.settings()
            if not where.has_config(settings):
                return None
            if has_settings(settings, change):
                return False
            await session.configure(change)
            return True

        await call_stored(self._resources.registry.stored, where, share, configure, result)

    async def close_stored(self, where: Where, result: FleetResult) -> None:
        """Close sessions that only the journal has, and add what was done to *result*."""

        async def close(session_id: str) -> bool | None:
            session = await self.attach(session_id, SessionTools())
            if where.template and not where.has_config(await session.settings()):
                return None
            await session.close()
            return True

        await call_stored(self._resources.registry.stored, where, 1.0, close, result)

    async def fork(self, fork: Fork) -> SessionHandle:
        """Open a session that goes on from another one."""
        registry = self._resources.registry
        registry.require_open()
        is_new = fork.session_id is None
        ids = session_ids_of(1 if fork.session_id is None else [fork.session_id])
        config = fork.config or registry.with_secrets(fork.start.config, fork.providers)
        prepared = await prepared_config(config, self._options)
        tools = SessionTools.of(config.tools or ()) if fork.config else fork.tools
        (session,) = await self.open(prepared, tools, ids, fork.placement, history=fork.start.parts, are_new=is_new)
        return session

    def of(self, session: SessionRef, tools: SessionTools, providers: Iterable[ProviderConfig] = ()) -> SessionHandle:
        """The handle of *session*. Its *providers* have the secrets of those that this program has given it."""
        calls = SessionCalls(session, self._resources.registry, self.read, tools)
        calls.providers = providers
        return SessionHandle(calls, self._resources.replies, self.fork)

    def read(self, session_id: str | None, position: Position | None) -> Reader:
        """Read the events of a session, or of all, after *position*."""
        resources = self._resources
        resources.registry.require_open()
        reader = Reader(resources.connections.source_of(session_id), session_id, position, self._options.reader_bytes)
        if journal := resources.registry.journal:
            reader.find_missed = partial(recorded_events, journal)
        return reader


def opener(
    config: SessionConfig | Template, placement: Placement, handles: Callable[[], Handles]
) -> Callable[[], Awaitable[SessionHandle]]:
    """A function that opens sessions of *config*, which is prepared once, by the *handles* of a runtime."""
    preparing = asyncio.Lock()
    prepared: list[tuple[SessionConfig, SessionTools]] = []

    async def open_session() -> SessionHandle:
        async with preparing:
            if not prepared:
                prepared.append(await handles().prepared(config))
        return (await handles().open(*prepared[0], session_ids_of(1), placement, are_new=True))[0]

    return open_session
