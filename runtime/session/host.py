"""The sessions of one process. It knows nothing of Ray."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

import msgspec

from ...providers.registry import ProviderConfig
from ...providers.schema.checks.shown import shown
from ...providers.schema.messages import HistoryView
from ..api.config import SessionConfig
from ..api.errors import SessionExists, UnknownSession
from ..api.messages import AddMessages, Configure, MessageKey, Receipt, ToLLM, ToolResults, UserMessage
from ..api.options import RuntimeOptions
from ..api.settings.changes import given_settings
from ..api.status import SessionStatus, SessionSummary
from ..api.validation import invalid_config
from ..core.events import NOTHING, Opened, Recovered
from ..core.past.turns import Past, past_of, view_of
from ..core.phases import Requesting
from ..events.outbox import FIRST, Incarnation, Outbox
from ..events.publisher import Publisher
from ..events.segments import HeldSession, shard_of
from ..journal.entry import Position
from ..journal.entry import SessionKey as JournalKey
from .closing import Closing, wait_for_room
from .durable.journaling import Journaling
from .durable.partials import lost_answer
from .durable.rebuilding import Rebuilt
from .fleet.templates import KnownTemplates
from .history_budget import HistoryBudget
from .leaving import Leaving
from .metrics.gauges import HostGauges
from .pages import decode_part
from .requests.client_pool import ClientPool
from .requests.credentials import Credentials, Supplied, checked_credentials
from .session import Session
from .statuses import summary_of
from .tools.ray_runs import RayTools

log = logging.getLogger(__name__)

_GROUP_SESSIONS = 50
"""Sessions that are opened or closed before the event loop serves others: that takes some milliseconds."""

SessionKey = tuple[str, int]
"""A session's id, and the epoch that distinguishes it from earlier and later sessions with that id."""

_to_llm: msgspec.msgpack.Decoder[ToLLM] = msgspec.msgpack.Decoder(ToLLM)


class Host:
    """Opens sessions, finds them by id, and removes them when they have ended.

    *publish* has one function per router. *on_end* is awaited with sessions, ids with their epochs, that are over:
    the router has all their events. *history_bytes* bounds the histories of all sessions together. With a
    *journaling*, sessions are recorded.
    """

    def __init__(
        self,
        publish: Sequence[Callable[[bytes], Awaitable[bytes | None]]],
        on_end: Callable[[dict[str, int]], Awaitable[None]],
        clients: ClientPool,
        history_bytes: int = RuntimeOptions().host_history_bytes,
        journaling: Journaling | None = None,
    ) -> None:
        self.publishers = [Publisher(to_router) for to_router in publish]  # one per router
        self._schedulers = [publisher.schedule for publisher in self.publishers]  # shared by all outboxes
        self._budget = HistoryBudget(history_bytes)
        self._on_history = self._budget.update  # shared by all sessions
        self._clients = clients
        self._journaling = journaling
        self._rebuilt: dict[SessionKey, Rebuilt] = {}
        self.ray_tools = RayTools(self.tell, self.stored)
        self._on_tools = self.ray_tools.batch_runs  # shared by all sessions
        self.sessions = self._sessions = dict[str, Session]()
        """Those that are here, by their ids: to be read only."""
        self.templates = KnownTemplates()
        self._opening = asyncio.Lock()
        self._closing = Closing(self._sessions, on_end, self.publishers, journaling)
        self.leaving = Leaving(self._sessions, self._closing, journaling is not None)
        self._on_session_end = self._closing.on_session_end  # shared by all sessions
        self.gauges = HostGauges(self._sessions, self.publishers, self._budget, journaling)

    async def run(self) -> None:
        """Publish the sessions' events, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for publisher in self.publishers:
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

    async def open(
        self,
        session_ids: Sequence[str],
        epoch: int,
        config: SessionConfig,
        history: AsyncIterator[bytes] | None = None,
        incarnation: Incarnation = FIRST,
    ) -> None:
        """Open a session for each id: all of them, or none. *epoch* distinguishes sessions that have the same id.

        With a later *incarnation*, a session goes on that another host had: its events are numbered on.

        No id may be given to another call before this one has returned. *history* has the encoded pages of a valid
        initial history, for one session.

        Raises:
            SessionExists: an id is taken here.
            ConfigError: the provider's client can't be opened, or does not support the settings.
            HistoryFull: there is no room for the *history*.
        """
        self._require_free(session_ids)
        await self.prepare(config.providers())
        credentials = checked_credentials(config, self._clients)
        public = self.ray_tools.shared(config.public())
        opened = Opened(config=public, created_at=time.time(), source=config.provider.source)
        outboxes = (self._new_outbox(session_id, epoch, config, incarnation) for session_id in session_ids)
        if history is not None:
            session = self._new_session(next(outboxes), credentials)
            session.start(opened)
            await self._load(session, history)
        else:
            await self._start_all(outboxes, opened, credentials)
        await self._all_stored(session_ids)
        service, model = config.provider.service, config.provider.model
        log.info("opened %d sessions: %s, %s; there are %d", len(session_ids), service, model, len(self))

    async def rebuild(self, key: SessionKey, position: Position | None = None) -> list[ProviderConfig]:
        """Rebuild a session, whose *position* the caller may know. Returns the providers that ``resume`` needs.

        Raises:
            JournalError: it can't be rebuilt; the class says why.
        """
        assert self._journaling
        self._require_free([key[0]])
        self._rebuilt[key] = rebuilt = await self._journaling.rebuilt(JournalKey(*key), position)
        return rebuilt.providers() + self.templates.providers_for(key[0], rebuilt.conversation.config)

    async def resume(self, key: SessionKey, supplied: Supplied, out_of_memory: bool = False) -> None:
        """Take over a session that was rebuilt here, with what is *supplied*. It may wait for what is lacking.

        The process before ran *out_of_memory*, as far as that is known.

        Raises:
            ConfigError: the client of a provider can't be opened, or it is lacking, and the session is idle: the
                process that has it goes on with it.
            JournalError: it can't be taken over; the class says why.
        """
        assert self._journaling
        rebuilt = self._rebuilt.pop(key)
        if rebuilt.is_idle:
            supplied.require_all()
        await self.prepare(supplied.providers)
        await self._journaling.take_over(rebuilt)
        credentials = Credentials.of(supplied, self._clients)
        credentials.note_lacking(rebuilt.providers())  # of what was recorded meanwhile
        publisher = self.publishers[self.router_of(key[0])]
        known = await publisher.take_over(HeldSession(*key, rebuilt.incarnation, rebuilt.used_seq))
        incarnation = Incarnation(rebuilt.incarnation, max(known, rebuilt.last_seq))
        partial = NOTHING
        if isinstance(rebuilt.conversation.phase, Requesting):
            held = await publisher.held_segments(HeldSession(*key, rebuilt.incarnation, known))
            partial = lost_answer(rebuilt.conversation, held)
        outbox = self._new_outbox(*key, rebuilt.conversation.config, incarnation)
        publisher.publish_first(await self._journaling.segments_after(rebuilt, known))
        self._sessions[key[0]] = session = self._new_session(outbox, credentials, rebuilt)
        lacks_credentials = credentials.lacks(rebuilt.conversation.request_config.provider)
        session.go_on(Recovered(partial=partial, out_of_memory=out_of_memory, lacks_credentials=lacks_credentials))
        self.templates.catch_up(session, supplied.providers)
        self.leaving.idle_timer.follow(session)
        await self._all_stored([key[0]])
        log.info("session %s goes on here, as incarnation %d", key[0], rebuilt.incarnation, extra={"session": key[0]})

    def tell(self, key: SessionKey, data: bytes, message_key: MessageKey | None = None) -> Receipt:
        """Put an encoded ``ToLLM`` into the session's mailbox: once, if it has a *message_key*.

        Raises:
            UnknownSession: it is not here, whether or not another session has its id.
            SessionError: the message is rejected; the class says why.
            InvalidConfig: it is not a ``ToLLM``; the message names the field.
        """
        try:
            message = _to_llm.decode(data)
        except msgspec.ValidationError as error:
            raise invalid_config(error, "message") from None
        session = self._find(key)
        is_new = not (message_key and session.conversation.knows(message_key))
        if is_new:
            self.leaving.require_accepts(message)
        if is_new and isinstance(message, UserMessage | AddMessages | ToolResults):
            self._budget.require_room(len(data))
        if is_new and self._journaling:
            self._journaling.require_available(message)
        if isinstance(message, Configure) and message.tools:
            message = self.ray_tools.shared(message)
        receipt = session.tell(message, len(data), message_key)
        if isinstance(message, Configure) and "passivate_after_s" in given_settings(message):
            self.leaving.idle_timer.follow(session)
        return receipt

    def stored(self, key: SessionKey) -> Awaitable[None] | None:
        """Done when all that the session was told so far is recorded: it survives. ``None`` if there is no wait.

        Raises:
            UnknownSession: another process has taken over the session.
            JournalUnavailable: awaiting: the journal has not stored it in time; it may do so later.
        """
        records = self._find(key).records
        if not self._journaling or not records or (stored := records.stored()) is None:
            return None
        return self._journaling.wait(stored)

    async def _all_stored(self, session_ids: Sequence[str]) -> None:
        """Wait until what was recorded of all these sessions is stored. Raises what ``stored`` does."""
        for session_id in session_ids if self._journaling else ():
            session = self._sessions.get(session_id)  # it may have left memory already: all of it is stored
            if session and (stored := self.stored((session_id, session.epoch))):
                await stored

    async def learn_facts(self, key: SessionKey, model: str) -> None:
        """Ask the models endpoint about *model*, if the session's provider says so."""
        await self._find(key).learn_facts(model)

    async def close(self, key: SessionKey, drain: bool) -> None:
        """Close the session and wait until it is over."""
        await asyncio.shield(self._closing.start(self._find(key), drain))

    async def close_all(self, keys: Sequence[SessionKey], drain: bool) -> list[Exception | None]:
        """Close sessions. Returns when all are over, with the error for each that could not be closed."""
        outcomes: list[Exception | None] = [None] * len(keys)
        closing: dict[asyncio.Future[None], list[int]] = {}  # the places of those that are over at the same time
        for place, key in enumerate(keys):
            try:
                closing.setdefault(self._closing.start(self._find(key), drain), []).append(place)
            except Exception as error:
                outcomes[place] = error
            if (place + 1) % _GROUP_SESSIONS == 0:
                await wait_for_room(closing)
        for over, places in closing.items():
            try:
                await asyncio.shield(over)
            except Exception as error:
                for place in places:
                    outcomes[place] = error
        return outcomes

    def router_of(self, session_id: str) -> int:
        """The index of the router, and of the publisher, that gets the session's events."""
        return shard_of(session_id, len(self.publishers))

    def epochs(self) -> dict[str, int]:
        """All sessions: their ids with their epochs."""
        return {session_id: session.epoch for session_id, session in self._sessions.items()}

    def settings(self, key: SessionKey) -> SessionConfig:
        """The settings in force, without secrets."""
        return self._find(key).conversation.config

    def status(self, key: SessionKey) -> SessionStatus:
        """The session's status."""
        return self._find(key).status()

    def summary(self, key: SessionKey) -> SessionSummary:
        """What has happened in the session."""
        return summary_of(key[0], self._find(key).conversation)

    def statuses(self, session_ids: Iterable[str]) -> list[SessionStatus]:
        """The statuses of those of *session_ids* that are here."""
        return [session.status() for each in session_ids if (session := self._sessions.get(each))]

    def history(self, key: SessionKey, full: bool = False, at: int | None = None) -> HistoryView:
        """The session's messages, as ``view_of`` has them."""
        return view_of(self._find(key).conversation, full, at)

    def past(self, key: SessionKey, at: int | None) -> Past:
        """The session, as ``past_of`` has it."""
        return past_of(self._find(key).conversation, at)

    def _require_free(self, session_ids: Sequence[str]) -> None:
        self.leaving.require_open()
        opening: set[str] = set()
        for session_id in session_ids:
            if session_id in self._sessions or session_id in opening:
                raise SessionExists(f"session {shown(session_id)} exists; attach to it, or use another id")
            opening.add(session_id)

    def _new_outbox(self, session_id: str, epoch: int, config: SessionConfig, incarnation: Incarnation) -> Outbox:
        schedule = self._schedulers[self.router_of(session_id)]
        return Outbox(session_id, epoch, config.limits.outbox_bytes, schedule, incarnation)

    def _new_session(self, outbox: Outbox, credentials: Credentials, rebuilt: Rebuilt | None = None) -> Session:
        records = self._journaling.records(outbox, self._closing.on_fenced, rebuilt) if self._journaling else None
        conversation = rebuilt.conversation if rebuilt else None
        session = Session(outbox.session_id, credentials.copy(), outbox, records, conversation)
        session.on_end, session.on_history, session.on_tools = self._on_session_end, self._on_history, self._on_tools
        return session

    async def _start_all(self, outboxes: Iterable[Outbox], opened: Opened, credentials: Credentials) -> None:
        """Start a session for each of *outboxes*."""
        async with self._opening:  # or each of many calls would open a group before the event loop serves others
            for number, outbox in enumerate(outboxes, start=1):
                self._sessions[outbox.session_id] = session = self._new_session(outbox, credentials)
                session.start(opened)
                self.leaving.idle_timer.follow(session)
                if number % _GROUP_SESSIONS == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _load(self, session: Session, history: AsyncIterator[bytes]) -> None:
        """Load the pages of *history* into a new *session*. Between two of them, the event loop serves others."""
        try:
            async for page in history:
                self._budget.require_room(len(page))
                session.load(decode_part(page))
                await asyncio.sleep(0)
        except BaseException:
            session.leave()
            raise
        self._sessions[session.id] = session
        self.leaving.idle_timer.follow(session)

    def _find(self, key: SessionKey) -> Session:
        session = self._sessions.get(key[0])
        if session is None or session.epoch != key[1]:
            raise UnknownSession(f"there is no session {shown(key[0])}; it has ended, or never existed")
        if session.records:
            session.records.touch()
        return session
