"""The sessions of one process. It knows nothing of Ray."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec

from ...providers.registry import ProviderConfig
from ...providers.schema.messages import HistoryView
from ..api.config import SessionConfig
from ..api.errors import SessionExists, UnknownSession
from ..api.messages import Close, Receipt, ToLLM, ToolResults, UserMessage
from ..api.options import RuntimeOptions
from ..api.status import SessionStatus
from ..api.validation import invalid_config
from ..core.events import Opened
from ..events.outbox import Outbox
from ..events.publisher import Publisher
from ..events.segments import shard_of
from .client_pool import ClientPool
from .credentials import Credentials
from .history_budget import HistoryBudget
from .session import Session

log = logging.getLogger(__name__)

_GROUP_SESSIONS = 200
"""Sessions that are opened or closed before the event loop serves others: that takes some milliseconds."""

_GROUP_S = 0.1
"""How long the next group waits until the sessions of the one before are over."""

_to_llm: msgspec.msgpack.Decoder[ToLLM] = msgspec.msgpack.Decoder(ToLLM)


class Host:
    """Opens sessions, finds them by id, and removes them when they have ended.

    *publish* has one function per router. *on_end* is awaited when a session is over and the router has all its events.
    *history_bytes* bounds the histories of all sessions together.
    """

    def __init__(
        self,
        publish: Sequence[Callable[[bytes], Awaitable[None]]],
        on_end: Callable[[str], Awaitable[None]],
        clients: ClientPool,
        history_bytes: int = RuntimeOptions().host_history_bytes,
    ) -> None:
        self._publishers = [Publisher(to_router) for to_router in publish]
        self._schedulers = [publisher.schedule for publisher in self._publishers]  # shared by all outboxes
        self._on_session_end = self._session_ended  # shared by all sessions
        self._on_end = on_end
        self._budget = HistoryBudget(history_bytes)
        self._on_history = self._budget.update  # shared by all sessions
        self._clients = clients
        self._sessions: dict[str, Session] = {}
        self._finalizing: dict[Session, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Publish the sessions' events, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for publisher in self._publishers:
                group.create_task(publisher.run())

    def __len__(self) -> int:
        """The number of sessions."""
        return len(self._sessions)

    async def prepare(self, providers: Iterable[ProviderConfig]) -> None:
        """Open the clients of *providers* before they are needed: that may take seconds, and blocks nobody here.

        Raises:
            ConfigError: one can't be opened.
        """
        for provider in providers:
            await self._clients.prepare(provider)

    async def open(self, session_ids: Sequence[str], epoch: int, config: SessionConfig) -> None:
        """Open a session for each id: all of them, or none. *epoch* distinguishes sessions that have the same id.

        No id may be given to another call before this one has returned.

        Raises:
            SessionExists: an id is taken here.
            ConfigError: the provider's client can't be opened, or does not support the settings.
        """
        opening: set[str] = set()
        for session_id in session_ids:
            if session_id in self._sessions or session_id in opening:
                raise SessionExists(f"session {session_id!r} exists; attach to it, or use another id")
            opening.add(session_id)
        await self.prepare(config.providers())
        credentials = self._checked_credentials(config)
        opened = Opened(config=config.public(), created_at=time.time(), source=config.provider.source)
        for number, session_id in enumerate(session_ids, start=1):
            schedule = self._schedulers[shard_of(session_id, len(self._schedulers))]
            outbox = Outbox(session_id, epoch, config.limits.outbox_bytes, schedule)
            self._sessions[session_id] = session = Session(session_id, opened, credentials.copy(), outbox)
            session.on_end, session.on_history = self._on_session_end, self._on_history
            if number % _GROUP_SESSIONS == 0:
                await asyncio.sleep(0)

    def tell(self, session_id: str, data: bytes) -> Receipt:
        """Put an encoded ``ToLLM`` into the session's mailbox.

        Raises:
            SessionError: the message is rejected; the class says why.
            InvalidConfig: it is not a ``ToLLM``; the message names the field.
        """
        try:
            message = _to_llm.decode(data)
        except msgspec.ValidationError as error:
            raise invalid_config(error, "message") from None
        session = self._find(session_id)
        if isinstance(message, UserMessage | ToolResults):
            self._budget.require_room(len(data))
        return session.tell(message, len(data))

    async def learn_facts(self, session_id: str, model: str) -> None:
        """Ask the models endpoint about *model*, if the session's provider says so."""
        await self._find(session_id).learn_facts(model)

    async def close(self, session_id: str, drain: bool) -> None:
        """Close the session and wait until it is over."""
        session = self._find(session_id)
        if not session.ended:
            session.tell(Close(drain=drain), 0)
            await session.wait_ended()
        await asyncio.shield(self._finalizing[session])

    async def close_all(self, session_ids: Sequence[str], drain: bool) -> list[Exception | None]:
        """Close sessions. Returns when all are over, with the error for each that could not be closed.

        They are closed in groups, and the next group waits for the one before, but not for long: while a router is
        away, none of a group is over.
        """
        outcomes: list[Exception | None] = [None] * len(session_ids)

        async def close(place: int) -> None:
            try:
                await self.close(session_ids[place], drain)
            except Exception as error:
                outcomes[place] = error

        closing: set[asyncio.Task[None]] = set()
        for start in range(0, len(session_ids), _GROUP_SESSIONS):
            places = range(start, min(start + _GROUP_SESSIONS, len(session_ids)))
            group = {asyncio.create_task(close(place)) for place in places}
            _, late = await asyncio.wait(group, timeout=_GROUP_S)
            closing |= late
        while closing:
            await closing.pop()
        return outcomes

    def settings(self, session_id: str) -> SessionConfig:
        """The settings in force, without secrets."""
        return self._find(session_id).settings()

    def status(self, session_id: str) -> SessionStatus:
        """The session's status."""
        return self._find(session_id).status()

    def statuses(self, session_ids: Iterable[str]) -> list[SessionStatus]:
        """The statuses of those of *session_ids* that are here."""
        sessions = map(self._sessions.get, session_ids)
        return [session.status() for session in sessions if session is not None]

    def history(self, session_id: str, full: bool = False) -> HistoryView:
        """The session's messages; with *full*, those that compactions removed instead of what they wrote."""
        return self._find(session_id).history(full)

    def _checked_credentials(self, config: SessionConfig) -> Credentials:
        credentials = Credentials(self._clients)
        credentials.check_settings(config)
        credentials.check_compaction(config)
        for provider in config.providers():
            credentials.add(provider)
        return credentials

    def _find(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            raise UnknownSession(f"there is no session {session_id!r}; it has ended, or never existed")
        return session

    def _session_ended(self, session: Session) -> None:
        self._finalizing[session] = task = asyncio.get_running_loop().create_task(self._finalize(session))
        task.add_done_callback(_log_failure)

    async def _finalize(self, session: Session) -> None:
        try:
            await session.shutdown()
        finally:
            del self._sessions[session.id]  # before others learn that the id is free, and reuse it here
            try:
                await self._on_end(session.id)
            finally:
                del self._finalizing[session]


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("a session that ended could not release everything", exc_info=error)
