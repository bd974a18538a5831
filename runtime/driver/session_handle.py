"""A session as its driver holds it."""

import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from msgspec import UNSET

from ...providers.models import with_model_facts
from ...providers.schema.content import UserBlock
from ...providers.schema.messages import Message
from ..api.errors import EventsMissed, SessionClosed, UnknownSession
from ..api.messages import (
    Clear,
    Compact,
    Compacted,
    CompactReason,
    Configure,
    Interrupt,
    Missed,
    Receipt,
    Retry,
    ToLLM,
    UserMessage,
)
from ..api.status import CompactResult, SessionStatus
from ..api.validation import encoded, known
from ..cluster.ray_calls import ActorGone, answered
from ..cluster.refs import SessionRef
from ..cluster.session_registry import Hosts
from ..events.reader import Reader
from ..events.segments import Position
from .reply import Reply

T = TypeVar("T")


class SessionHandle:
    """A session, wherever it runs. Many drivers may hold it at once; it lives on when they let go.

    Every method raises ``SessionClosed`` when the session has ended, and ``SessionDied`` when its actor has died.
    """

    def __init__(self, session: SessionRef, hosts: Hosts, read: Callable[[str, Position], Reader]) -> None:
        self.id = session.id
        self.last_seq = 0
        self._session = session
        self._hosts = hosts
        self._read = read

    def __repr__(self) -> str:
        return f"SessionHandle({self.id!r})"

    def ask(self, message: str | UserMessage | tuple[UserBlock, ...]) -> Reply:
        """Say *message* and read what follows. It is sent, and refused, when the reply is first iterated or awaited."""
        match message:
            case str():
                return Reply(self, UserMessage.of(message))
            case UserMessage():
                return Reply(self, message)
            case _:
                return Reply(self, UserMessage(content=message))

    def retry(self) -> Reply:
        """Ask again for the answer that a failed turn did not get."""
        return Reply(self, Retry())

    async def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox, behind those sent before. It comes back when it is there.

        What follows from it is told in events.

        Raises:
            MailboxError: it was not taken; the class says why, and the session is as it was.
            UnsupportedContent: the same, for the provider or its model takes no such block.
            ConfigError: it is no message, or a ``Configure`` that does not fit; the field is named.
        """
        if isinstance(message, Configure):
            message = _resolved(message)
        data = encoded(message, "message")
        receipt = await self._call(lambda: self._session.host.mail.send(self.id, data))
        self.last_seq = max(self.last_seq, receipt.seq)
        return receipt

    def events(self, after: int = 0) -> Reader:
        """The session's events from number *after* + 1 on, as they come; ends after ``Closed``."""
        self._hosts.refuse_if_left()
        self._hosts.guard(self._session.host)
        return self._read(self.id, (self._session.epoch, after))

    async def interrupt(self, turn: int | None = None) -> bool:
        """End *turn*, or the one that runs; whether there was something to end."""
        return (await self.send(Interrupt(turn=turn))).turn is not None

    async def clear(self) -> None:
        """Forget the history, after the turns that wait already."""
        await self.send(Clear())

    async def compact(self) -> CompactResult:
        """Shorten the history, after the turns that wait already; what came of it."""
        receipt = await self.send(Compact())
        reader = self.events(after=receipt.seq)
        try:
            async for event in reader:
                if isinstance(event, Compacted) and event.reason is CompactReason.ASKED:
                    return CompactResult.of(event)
                if isinstance(event, Missed):
                    raise EventsMissed(f"events {event.first} to {event.last} of the session were no longer held")
        finally:
            reader.close()
        raise SessionClosed(f"session {self.id!r} ended before its compaction")

    async def configure(self, change: Configure) -> None:
        """Change settings, from the next request or turn on."""
        await self.send(change)

    async def status(self) -> SessionStatus:
        """The session as it is now."""
        status = await self._call(lambda: self._session.host.actor.status.remote(self.id))
        self.last_seq = max(self.last_seq, status.last_seq)
        return status

    async def history(self, full: bool = False) -> tuple[Message, ...]:
        """The messages as they are now; *full* are those that compactions took out, too, and no summaries."""
        return await self._call(lambda: self._session.host.actor.history.remote(self.id, full))

    async def close(self, drain: bool = False) -> None:
        """End the session: now, or with *drain* after the turns that wait already.

        Comes back when it is over and its id is free.
        """
        host = self._session.host
        await self._call(lambda: host.close_drained(self.id) if drain else host.close_now(self.id))
        self._hosts.closed(host)

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        self._hosts.refuse_if_left()
        try:
            return await answered(call())
        except UnknownSession:
            raise SessionClosed(f"session {self.id!r} has ended") from None
        except ActorGone:
            self._hosts.refuse_if_left()
            raise await self._hosts.fate(self._session) from None


def _resolved(change: Configure) -> Configure:
    """*change* with the credentials of the providers in it."""
    if change.provider is not UNSET:
        change = msgspec.structs.replace(change, provider=with_model_facts(known(change.provider).resolved(os.environ)))
    if change.compaction is not UNSET and change.compaction is not None:
        change = msgspec.structs.replace(change, compaction=change.compaction.resolved(os.environ))
    return change
