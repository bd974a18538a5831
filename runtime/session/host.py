"""A host: the sessions of one process. It knows nothing of Ray."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from zlib import crc32

import msgspec

from ...providers.messages import Message
from ..config import SessionConfig
from ..errors import SessionExists, UnknownSession
from ..messages import Close, Receipt, ToLLM
from ..plane.outbox import Outbox
from ..plane.publisher import Publisher
from ..status import SessionStatus
from ..validate import misfit
from .clients import ClientPool
from .session import Session

_to_llm: msgspec.msgpack.Decoder[ToLLM] = msgspec.msgpack.Decoder(ToLLM)


def shard_of(session_id: str, shards: int) -> int:
    """Which of so many routers the session's events go to: the same everywhere, always."""
    return crc32(session_id.encode()) % shards


class Host:
    """Opens sessions, finds them by their ids, and sees them off.

    *on_end* is awaited when one is over and its events are with the router.
    """

    def __init__(
        self, publish: Sequence[Callable[[bytes], Awaitable[None]]], on_end: Callable[[str], Awaitable[None]]
    ) -> None:
        self._publishers = [Publisher(to_router) for to_router in publish]
        self._on_end = on_end
        self._clients = ClientPool()
        self._sessions: dict[str, Session] = {}
        self._leaving: dict[Session, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send what the sessions emit, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for publisher in self._publishers:
                group.create_task(publisher.run())

    def open(self, session_ids: Sequence[str], config: SessionConfig) -> int:
        """Open a session for each id: all of them, or none. How many there are now.

        Raises:
            SessionExists: an id is taken here.
            ConfigError: the provider's client can't be opened, or has not what the settings ask for.
        """
        opened: dict[str, Session] = {}
        for session_id in session_ids:
            if session_id in self._sessions or session_id in opened:
                raise SessionExists(f"session {session_id!r} exists; attach to it, or take another id")
            opened[session_id] = self._session(session_id, config)
        self._sessions.update(opened)
        return len(self._sessions)

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

    def history(self, session_id: str) -> tuple[Message, ...]:
        """The session's messages."""
        return self._find(session_id).history()

    def _session(self, session_id: str, config: SessionConfig) -> Session:
        publisher = self._publishers[shard_of(session_id, len(self._publishers))]
        outbox = Outbox(session_id, int(time.time() * 1000), config.limits.outbox_bytes, publisher.wake)
        session = Session(session_id, config, self._clients, outbox)
        session.on_end = self._ended
        return session

    def _find(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            raise UnknownSession(f"there is no session {session_id!r}; it has ended, or never was")
        return session

    def _ended(self, session: Session) -> None:
        self._leaving[session] = asyncio.get_running_loop().create_task(self._see_off(session))

    async def _see_off(self, session: Session) -> None:
        await session.let_go()
        del self._sessions[session.id]  # before others hear that the id is free, and come with it
        await self._on_end(session.id)
        del self._leaving[session]
