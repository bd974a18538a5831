"""A session handle: a driver's access to one session."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, overload

import msgspec
from msgspec import UNSET

from ...providers.models import with_model_facts
from ...providers.registry import ProviderConfig
from ...providers.schema.errors import MissingExtra, RayconteurError
from ...providers.schema.messages import Message
from ...providers.served_facts import learn_facts
from ..api.compact_reason import CompactReason
from ..api.config import SessionConfig
from ..api.errors import EventsMissed, PeerUnreachable, SessionClosed, UnknownSession
from ..api.export import encode_export
from ..api.messages import (
    Clear,
    Compact,
    Compacted,
    Configure,
    Continue,
    Died,
    Interrupt,
    Missed,
    Receipt,
    Retry,
    Rewind,
    ToLLM,
    UserMessage,
    given_settings,
)
from ..api.notebooks import session_html
from ..api.request_forms import with_request_forms
from ..api.status import CompactResult, SessionStatus
from ..api.validation import encode_for_transfer, validated_struct
from ..cluster.host_calls import tell
from ..cluster.ray_calls import no_answer
from ..cluster.ray_errors import ActorGone
from ..cluster.refs import HostRef, SessionRef
from ..cluster.session_registry import SessionRegistry
from ..cluster.shipping import with_shipped_strategies
from ..events.reader import Reader
from ..events.segments import Position
from ..session.host import SessionKey
from ..session.pages import HistoryPosition, decode_history_page
from ..streams.calls import CallTimedOut
from ..streams.connection import ConnectionLost
from .calls.abandoned_turns import Abandon, checked_on_abandon
from .calls.arguments import Question, checked_after, providers_of
from .output_type import output_type_of
from .reply import Reply, ReplyOptions, session_died
from .silence import SilenceWatch
from .typed_reply import TypedReply

T = TypeVar("T")

_FAILURES = (UnknownSession, ActorGone, ConnectionLost, PeerUnreachable)
"""The errors of a call to a session that is not there."""


class SessionHandle:
    """A session, wherever it runs. Many drivers may hold handles of it; dropping a handle does not end the session.

    ``async with await runtime.spawn(config) as session`` closes it at the end of the block.

    When the session has ended, every method but ``close`` raises ``SessionClosed``, and when its actor has died, every
    method raises ``SessionDied``.
    """

    __slots__ = (
        "__weakref__",
        "_is_closed",
        "_preparing",
        "_read",
        "_registry",
        "_reply_options",
        "_session",
        "id",
        "last_seq",
        "open_replies",
    )

    def __init__(
        self,
        session: SessionRef,
        registry: SessionRegistry,
        read: Callable[[str, Position], Reader],
        reply_options: ReplyOptions,
    ) -> None:
        self.id = session.id
        self.last_seq = 0
        self.open_replies = 0
        self._session = session
        self._registry = registry
        self._read = read
        self._reply_options = reply_options
        self._preparing: asyncio.Lock | None = None  # created by the first ``Configure``
        self._is_closed = False

    def __repr__(self) -> str:
        return f"SessionHandle({self.id!r})"

    def _repr_html_(self) -> str:
        return session_html(self.id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session. An error of the block is raised, not what closing after it may meet."""
        with suppress(RayconteurError) if error else nullcontext():
            await self.close()

    @overload
    def ask(self, message: Question, output_type: None = None, on_abandon: Abandon = None) -> Reply: ...

    @overload
    def ask(self, message: Question, output_type: type[T], on_abandon: Abandon = None) -> TypedReply[T]: ...

    def ask(
        self, message: Question, output_type: type[T] | None = None, on_abandon: Abandon = None
    ) -> Reply | TypedReply[T]:
        """Send a user message and stream the reply. It is sent, or rejected, when the reply is iterated or awaited.

        The answer's ``value`` is of the *output_type*: a msgspec Struct, a dataclass or a pydantic model, for example.
        *on_abandon* says what happens to the turn if the reply is abandoned; by default, what the runtime's options
        say.

        Raises:
            InvalidConfig: there is no JSON Schema of the *output_type*.
        """
        match message:
            case str():
                message = UserMessage.of(message)
            case UserMessage():
                pass
            case _:
                message = UserMessage(content=message)
        if output_type is None:
            return self._reply(message, on_abandon)
        output = output_type_of(output_type)
        return TypedReply(self, self._session.epoch, message, self._options_of(on_abandon), output)

    def retry(self, on_abandon: Abandon = None) -> Reply:
        """Repeat the request of a failed turn, and stream the reply."""
        return self._reply(Retry(), on_abandon)

    def continue_answer(self, on_abandon: Abandon = None) -> Reply:
        """Continue the last answer, which was cut off or paused, and stream the rest. ``answer()`` has all of it."""
        return self._reply(Continue(), on_abandon)

    async def send(self, message: ToLLM) -> Receipt:
        """Put *message* into the mailbox, behind those sent before. Returns when it is there.

        Its effects are reported in events.

        Raises:
            MailboxError: it was rejected; the class says why, and the session is unchanged.
            UnsupportedContent: it was rejected: the provider or its model does not accept such a block.
            ConfigError: it is not a message, or an invalid ``Configure``; the field is named.
        """
        return await self.deliver(message, None)

    async def deliver(self, message: ToLLM, on_late: Callable[[Receipt], None] | None) -> Receipt:
        """As ``send``. If the message gets there although this is cancelled, *on_late* gets the receipt."""
        if isinstance(message, Configure) or (self._preparing and self._preparing.locked()):
            self._preparing = self._preparing or asyncio.Lock()
            async with self._preparing:  # what is sent meanwhile stays behind
                if isinstance(message, Configure):
                    message = await self._prepared(message)
        data = encode_for_transfer(message, "message")
        channel, urgent = self._session.host.channel, isinstance(message, Interrupt)
        receipt = await self._call(lambda host: host.reply_to(tell(channel, self._session.key, data, urgent, on_late)))
        self.last_seq = max(self.last_seq, receipt.seq)
        return receipt

    def events(self, after: int = 0) -> Reader:
        """Read the session's events from number *after* + 1 on, as they arrive.

        The reader ends after ``Closed`` or ``Died``.

        Raises:
            InvalidConfig: *after* is not the number of an event, or 0.
        """
        self._registry.require_open()
        return self._read(self.id, (self._session.epoch, checked_after(after)))

    def watch(self, reader: Reader) -> SilenceWatch:
        """Have *reader* fail with ``Unreachable`` when the session's actor or router does not respond."""
        return SilenceWatch(reader, partial(self._check_reachable, reader), self._session.host.timeout_s)

    async def interrupt(self, turn: int | None = None) -> bool:
        """End *turn*, or the running one. Returns true if there was a turn to end."""
        return (await self.send(Interrupt(turn=turn))).turn is not None

    async def clear(self) -> None:
        """Clear the history, after the turns that are queued already."""
        await self.send(Clear())

    async def rewind(self, turns: int = 1) -> None:
        """Remove the last *turns* user messages and all that follows them, after the turns that are queued already."""
        await self.send(Rewind(turns=turns))

    async def compact(self) -> CompactResult:
        """Compact the history, after the turns that are queued already, and return the result."""
        receipt = await self.send(Compact())
        reader = self.events(after=receipt.seq)
        watch = self.watch(reader)
        try:
            async for event in reader:
                if isinstance(event, Compacted) and event.reason is CompactReason.ASKED:
                    return CompactResult.of(event)
                if isinstance(event, Died):
                    raise session_died(self.id, event.reason)
                if isinstance(event, Missed):
                    raise EventsMissed(f"events {event.first} to {event.last} of the session were no longer held")
        finally:
            watch.stop()
            reader.close()
        raise SessionClosed(f"session {self.id!r} ended before its compaction")

    async def configure(self, change: Configure) -> None:
        """Change settings from the next request or turn on."""
        await self.send(change)

    async def settings(self) -> SessionConfig:
        """The settings in force, without secrets: of sessions that other drivers opened, too."""
        return await self._call(lambda host: host.call(lambda actor: actor.settings.remote(self._session.key)))

    async def status(self) -> SessionStatus:
        """The session's current status."""
        status = await self._call(lambda host: host.call(lambda actor: actor.status.remote(self._session.key)))
        self.last_seq = max(self.last_seq, status.last_seq)
        return status

    async def history(self, full: bool = False) -> tuple[Message, ...]:
        """The messages; if *full*, with those that compactions removed, and without summaries."""
        messages: list[Message] = []
        position: HistoryPosition | None = None
        while True:
            page = decode_history_page(await self._call(partial(_history_page, self._session.key, full, position)))
            messages[page.start :] = page.messages  # from the start again, if the history has lost messages meanwhile
            if page.next is None:
                return tuple(messages)
            position = page.next

    async def export(self, path: str | PathLike[str] | None = None, full: bool = False) -> bytes:
        """The conversation in JSON Lines, for ``rayconteur.load``; also written to *path*, if one is given.

        If *full*, with the messages that compactions removed, and without summaries.
        """
        messages = await self.history(full)
        data = await asyncio.to_thread(encode_export, self.id, messages)
        if path is not None:
            await asyncio.to_thread(Path(path).write_bytes, data)
        return data

    async def close(self, drain: bool = False) -> None:
        """Close the session: now, or with *drain* after the turns that are queued already.

        Returns when the session has ended and its id is free. If it has ended before, that is at once.
        """
        if self._is_closed:
            return
        self._registry.require_open()
        host, key = self._session.host, self._session.key
        try:  # without a coroutine more: it may be one of 100,000
            await (host.close_drained(key) if drain else host.close_now(key))
        except _FAILURES as error:
            reason = await self._failure_reason(error)
            if not isinstance(reason, SessionClosed):
                raise reason from None
            self._is_closed = True
        else:
            was_closed, self._is_closed = self._is_closed, True  # by another call, meanwhile
            if not was_closed:
                self._registry.on_session_closed(host)

    def _reply(self, message: UserMessage | Retry | Continue, on_abandon: Abandon) -> Reply:
        return Reply(self, self._session.epoch, message, self._options_of(on_abandon))

    def _options_of(self, on_abandon: Abandon) -> ReplyOptions:
        options = self._reply_options
        return options if on_abandon is None else replace(options, on_abandon=checked_on_abandon(on_abandon))

    async def _prepared(self, change: Configure) -> Configure:
        """*change*, validated, with the credentials of its providers from the environment.

        The models endpoint has been asked about a new model, if the provider says so, and the session's process has
        opened the clients of new providers: that may take seconds, for which other sessions there must not wait.
        """
        change = validated_struct(with_shipped_strategies(change), (Configure,), "message")
        if isinstance(change.provider, ProviderConfig):
            provider = change.provider.resolved(os.environ)
            await learn_facts(provider)
            change = msgspec.structs.replace(change, provider=with_model_facts(provider))
        elif change.model is not UNSET:
            await self._call(partial(_learn_facts, self._session.key, change.model))
        if compaction := given_settings(change).get("compaction"):
            change = msgspec.structs.replace(change, compaction=compaction.resolved(os.environ))
        with suppress(MissingExtra):  # the session's process may have the SDK that this one lacks
            change = await asyncio.to_thread(with_request_forms, change)
        if providers := providers_of(change):
            await self._call(lambda host: host.call_while_alive(host.actor.prepare.remote(providers)))
        return change

    async def _call(self, call: Callable[[HostRef], Awaitable[T]]) -> T:
        self._registry.require_open()
        try:
            return await call(self._session.host)
        except _FAILURES as error:
            raise await self._failure_reason(error) from None

    async def _check_reachable(self, reader: Reader, within_s: float) -> None:
        host = self._session.host
        for check, callee in (
            (host.liveness.check, f"the actor {host.id!r}"),
            (reader.check_source, f"the router of session {self.id!r}"),
        ):
            try:
                await check(within_s)
            except CallTimedOut:
                raise no_answer(callee, host.timeout_s) from None

    async def _failure_reason(self, error: Exception) -> RayconteurError:
        """Why a call failed with one of ``_FAILURES``."""
        if isinstance(error, UnknownSession):
            return SessionClosed(f"session {self.id!r} has ended")
        self._registry.require_open()
        return await self._registry.failure_reason(self._session, error)


async def _history_page(key: SessionKey, full: bool, position: HistoryPosition | None, host: HostRef) -> bytes:
    return await host.call(lambda actor: actor.history.remote(key, full, position))


async def _learn_facts(key: SessionKey, model: str, host: HostRef) -> None:
    await host.call_while_alive(host.actor.learn_facts.remote(key, model))
