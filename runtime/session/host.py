"""A host: the sessions of one process. It knows nothing of Ray."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from ...providers.schema.messages import Message
from ..api.config import SessionConfig
from ..api.errors import SessionExists, UnknownSession
from ..api.messages import Close, Receipt, ToLLM
from ..api.status import SessionStatus
from ..api.validation import misfit
from ..events.outbox import Outbox
from ..events.publisher import Publisher
from ..events.segments import shard_of
from .client_pool import ClientPool
from .credentials import Wallet
from .session import Session

log = logging.getLogger(__name__)

_to_llm: msgspec.msgpack.Decoder[ToLLM] = msgspec.msgpack.Decoder(ToLLM)


class Host:
    """Opens sessions, finds them by their ids, and sees them off.

    *on_end* is awaited when one is over and its events are with the router.
    """

    def __init__(
        self,
        publish: Sequence[Callable[[bytes], Awaitable[None]]],
        on_end: Callable[[str], Awaitable[None]],
        clients: ClientPool,
    ) -> None:
        self._publishers = [Publisher(to_router) for to_router in publish]
        self._on_end = on_end
        self._clients = clients
        self._sessions: dict[str, Session] = {}
        self._leaving: dict[Session, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send what the sessions emit, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for publisher in self._publishers:
                group.create_task(publisher.run())

    def __len__(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    def open(self, session_ids: Sequence[str], epoch: int, config: SessionConfig) -> None:
        """Open a session for each id: all of them, or none. *epoch* tells them from those that had their ids before.

        Raises:
            SessionExists: an id is taken here.
            ConfigError: the provider's client can't be opened, or has not what the settings ask for.
        """
        opened: dict[str, Session] = {}
        for session_id in session_ids:
            if session_id in self._sessions or session_id in opened:
                raise SessionExists(f"session {session_id!r} exists; attach to it, or take another id")
            opened[session_id] = self._session(session_id, epoch, config)
        self._sessions.update(opened)

    def tell(self, session_id: str, data: bytes) -> Receipt:
        """Take an encoded ``ToLLM``.

        Raises:
            SessionError: the message was not taken; the class says why.
            InvalidConfig: it is no ``ToLLM``; the field is named.
        """
        try:
            message = _to_llm.decode(data)
        except msgspec.ValidationError as error:
            raise misfit(error, "message") from None
        return self._find(session_id).tell(message, len(data))

    async def close(self, session_id: str, drain: bool) -> None:
        """Close the session and wait until it is over."""
        session = self._find(session_id)
        if not session.ended.is_set():
            session.tell(Close(drain=drain), 0)
            await session.ended.wait()
        await asyncio.shield(self._leaving[session])

    def status(self, session_id: str) -> SessionStatus:
        """The session's status."""
        return self._find(session_id).status()

    def statuses(self) -> list[SessionStatus]:
        """The status of every session here."""
        return [session.status() for session in self._sessions.values()]

    def history(self, session_id: str, full: bool = False) -> tuple[Message, ...]:
        """The session's messages; *full* with those that compactions took out."""
        return self._find(session_id).history(full)

    def _session(self, session_id: str, epoch: int, config: SessionConfig) -> Session:
        publisher = self._publishers[shard_of(session_id, len(self._publishers))]
        outbox = Outbox(session_id, epoch, config.limits.outbox_bytes, publisher.schedule)
        session = Session(session_id, config, Wallet(self._clients), outbox)
        session.on_end = self._ended
        return session

    def _find(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            raise UnknownSession(f"there is no session {session_id!r}; it has ended, or never was")
        return session

    def _ended(self, session: Session) -> None:
        self._leaving[session] = leaving = asyncio.get_running_loop().create_task(self._see_off(session))
        leaving.add_done_callback(_must_not_fail)

    async def _see_off(self, session: Session) -> None:
        try:
            await session.let_go()
        finally:
            del self._sessions[session.id]  # before others hear that the id is free, and come with it
            try:
                await self._on_end(session.id)
            finally:
                del self._leaving[session]


def _must_not_fail(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("a session could not let go of everything", exc_info=error)
