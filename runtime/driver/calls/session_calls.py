"""What a session handle and its replies share: the calls to a session's actor, and what is known of its events."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import UNSET

from ....providers.registry import ProviderConfig
from ....providers.schema.errors import RayconteurError
from ....providers.schema.messages import Message
from ...api.errors import SessionClosed, SessionDied, UnknownSession, Unreachable
from ...api.messages import Configure, Interrupt, MessageKey, Receipt, ToLLM, UserMessage
from ...api.request_forms import Change, providers_of
from ...api.settings.changes import TurnSettings, given_settings
from ...api.status import SessionStatus
from ...api.validation import encode_for_transfer
from ...cluster.host_calls import tell
from ...cluster.refs import HostRef, SessionRef
from ...cluster.registry.session_registry import SessionRegistry
from ...events.reader import Reader
from ...events.segments import Position
from ...session.host import SessionKey
from ...session.leaving import starts_work
from ...session.pages import HistoryPosition, HistorySelection, decode_history_page
from ...streams.connection import ConnectionLost
from ..silence import CALL_FAILURES, SilenceWatch, check_reachable
from .abandoned_turns import OnLate
from .arguments import checked_after
from .preparation import prepared_change
from .tool_runs import SessionTools

T = TypeVar("T")

_TRIES = 10
"""How often a call is made that finds its actor lost."""


class SessionCalls:
    """The calls to one *session*, for its handle and the replies of that."""

    __slots__ = (
        "_is_closed",
        "_preparing",
        "_read",
        "id",
        "last_seq",
        "open_replies",
        "providers",
        "registry",
        "session",
        "tools",
    )

    def __init__(
        self,
        session: SessionRef,
        registry: SessionRegistry,
        read: Callable[[str, Position], Reader],
        tools: SessionTools,
    ) -> None:
        self.id = session.id
        self.session = session
        self.registry = registry
        self.tools = tools
        self.providers: Iterable[ProviderConfig] = ()
        """Those that this program has given it, with their secrets."""
        self.last_seq = 0
        self.open_replies = 0
        self._is_closed = False
        self._read = read
        self._preparing: asyncio.Lock | None = None  # created by the first ``Configure``

    async def send(self, message: ToLLM, key: MessageKey | None = None) -> Receipt:
        """Put *message* into the mailbox: once, if it has a *key*."""
        return await self.deliver(message, None, key)

    async def deliver(self, message: ToLLM, on_late: OnLate | None, key: MessageKey | None = None) -> Receipt:
        """As ``send``. If the message gets there although this is cancelled, *on_late* gets the receipt."""
        if starts_work(message):
            self.registry.pool.require_not_draining()
        change = message
        if _is_prepared(message) or (self._preparing and self._preparing.locked()):
            self._preparing = self._preparing or asyncio.Lock()
            async with self._preparing:  # what is sent meanwhile stays behind
                message = await self._prepared(message)
        data = encode_for_transfer(message, "message")
        urgent = isinstance(message, Interrupt)
        if key is None and self.registry.is_durable:  # it is sent again to the next actor, if its own dies just then
            key = MessageKey(uuid.uuid4().hex, b"")
        receipt = await self._repeated(
            lambda host: host.reply_to(tell(host.channel, self.session.key, data, urgent, on_late, key)),
            unless=() if key else (ConnectionLost,),  # the message may be in the mailbox
        )
        self.last_seq = max(self.last_seq, receipt.seq)
        if isinstance(change, Configure) and "tools" in (settings := given_settings(change)):
            self.tools = SessionTools.of(settings["tools"] or ())
        if isinstance(message, Configure) and (providers := providers_of(message)):
            self.providers = (*providers, *self.providers)
        return receipt

    def events(self, after: int = 0) -> Reader:
        """The session's events after number *after*."""
        self.registry.require_open()
        return self._read(self.id, (self.session.epoch, checked_after(after)))

    def watch(self, reader: Reader) -> SilenceWatch:
        """Have *reader* fail when the session's actor or router does not respond, or nobody tells it of a death."""
        return SilenceWatch(reader, partial(self._check, reader), self.session.host.timeout_s)

    async def recover(self, reason: RayconteurError) -> None:
        """Have the session go on from its journal, as its host is lost, for the *reason*.

        Raises:
            RayconteurError: it does not; without a journal, that is *reason*.
        """
        self.session = await self.registry.recover(self.session, reason)

    async def close(self, drain: bool) -> None:
        """Close the session. Returns when it has ended and its id is free; at once, if it has ended before."""
        if self._is_closed:
            return
        self.registry.require_open()
        host, key = self.session.host, self.session.key
        try:  # without a coroutine more: it may be one of 100,000
            await (host.close_drained(key) if drain else host.close_now(key))
        except CALL_FAILURES as error:
            try:
                await self.recover(await self.failure_reason(error))
            except SessionClosed:
                self._is_closed = True
            else:
                await self.close(drain)  # where it goes on
        else:
            was_closed, self._is_closed = self._is_closed, True  # by another call, meanwhile
            if not was_closed:
                self.registry.on_session_closed(host)

    async def _check(self, reader: Reader, within_s: float) -> None:
        """Raises what ``check_reachable`` does, unless the session goes on elsewhere."""
        try:
            await check_reachable(self.session, self.failure_reason, reader, within_s)
        except (SessionDied, SessionClosed) as error:
            await self.recover(error)

    async def status(self) -> SessionStatus:
        """The session's current status."""
        status = await self.call(lambda host: host.call(lambda actor: actor.status.remote(self.session.key)))
        self.last_seq = max(self.last_seq, status.last_seq)
        return status

    async def history(self, full: bool, selection: HistorySelection) -> tuple[Message, ...]:
        """The messages of *selection*; if *full*, with those that compactions removed, and without summaries."""
        messages = list[Message]()
        position: HistoryPosition | None = None
        while True:
            read_page = partial(_history_page, self.session.key, full, position, selection)
            page = decode_history_page(await self.call(read_page))
            messages[page.start :] = page.messages  # from the start again, if it has lost messages meanwhile
            if page.next is None:
                return tuple(messages)
            position = page.next

    async def call(self, call: Callable[[HostRef], Awaitable[T]]) -> T:
        """The result of *call*, which may be made again, with the session's actor: with the next one if that is lost.

        Raises:
            SessionClosed, SessionDied: the session is not there any more.
        """
        return await self._repeated(call)

    async def _repeated(self, call: Callable[[HostRef], Awaitable[T]], unless: tuple[type[Exception], ...] = ()) -> T:
        """As ``call``. It is not made again after the errors *unless*."""
        self.registry.require_open()
        for _ in range(_TRIES):
            try:
                return await call(self.session.host)
            except CALL_FAILURES as error:
                reason = await self.failure_reason(error)
                await self.recover(reason)
                if isinstance(error, unless):
                    raise reason from None
        raise Unreachable(f"session {self.id!r} is lost again and again; try again later")

    async def failure_reason(self, error: Exception) -> RayconteurError:
        """Why a call failed with one of ``CALL_FAILURES``."""
        if isinstance(error, UnknownSession):
            return SessionClosed(f"session {self.id!r} has ended")
        self.registry.require_open()
        return await self.registry.failure_reason(self.session, error)

    async def _prepared(self, message: ToLLM) -> ToLLM:
        """*message*; the settings that it names, if they need it, are prepared."""
        match message:
            case Configure():
                return await self._prepared_change(message, "message")
            case UserMessage(settings=TurnSettings() as settings) if _is_prepared(message):
                settings = await self._prepared_change(settings, "message.settings")
                return msgspec.structs.replace(message, settings=settings)
            case _:
                return message

    async def _prepared_change(self, change: Change, name: str) -> Change:
        """*change*, which errors call *name*, as ``prepared_change`` has it, and prepared in the session's process.

        The models endpoint has been asked about a new model, if the provider says so, and the clients of new providers
        are open: that may take seconds, for which other sessions there must not wait.
        """
        change = await prepared_change(change, self.registry.options, name)
        if change.model is not UNSET and not isinstance(change.provider, ProviderConfig):
            await self.call(partial(_learn_facts, self.session.key, change.model))
        if providers := providers_of(change):
            await self.call(lambda host: host.call_while_alive(host.actor.prepare.remote(providers)))
        return change


def _is_prepared(message: ToLLM) -> bool:
    """True if *message* names settings that may take a while: a ``Configure``, or a provider or tools of a turn."""
    match message:
        case Configure():
            return True
        case UserMessage(settings=TurnSettings() as settings):
            return not {"provider", "model", "tools"}.isdisjoint(given_settings(settings))
        case _:
            return False


async def _history_page(
    key: SessionKey, full: bool, position: HistoryPosition | None, selection: HistorySelection, host: HostRef
) -> bytes:
    return await host.call(lambda actor: actor.history.remote(key, full, position, selection))


async def _learn_facts(key: SessionKey, model: str, host: HostRef) -> None:
    await host.call_while_alive(host.actor.learn_facts.remote(key, model))
