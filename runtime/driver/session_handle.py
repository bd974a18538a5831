"""A session handle: a driver's access to one session."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import nullcontext, suppress
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from ...providers.schema.errors import RayconteurError
from ...providers.schema.messages import Message
from ..api.config import SessionConfig
from ..api.messages import (
    AddMessages,
    AnswerQuestion,
    Approve,
    Clear,
    Configure,
    Continue,
    Deny,
    GrantScope,
    Interrupt,
    Receipt,
    Retry,
    Rewind,
    ToLLM,
    UserMessage,
)
from ..api.notebooks import session_html
from ..api.placement import Placement
from ..api.settings.changes import TurnSettings
from ..api.status import CompactResult, SessionStatus, SessionSummary
from ..events.reader import Reader
from .answers.output_type import OutputType, output_type_of
from .calls.abandoned_turns import Abandon
from .calls.arguments import Question, checked_turn, history_selection, user_message
from .calls.asked_compaction import ask_compaction
from .calls.forks import Fork
from .calls.histories import read_fork_start, read_history
from .calls.message_keys import checked_key, message_key
from .calls.reply_options import ReplyOptions
from .calls.session_calls import SessionCalls
from .exports import export
from .reply import Reply
from .typed_reply import TypedReply

T = TypeVar("T")


class SessionHandle:
    """A session, wherever it runs. Many drivers may hold handles of it; dropping a handle does not end the session.

    ``async with await runtime.spawn(config) as session`` closes it at the end of the block.

    When the session has ended, every method but ``close`` raises ``SessionClosed``, and when its actor has died, every
    method raises ``SessionDied``.
    """

    __slots__ = ("__weakref__", "_calls", "_last_output", "_last_settings", "_open_fork", "_reply_options", "id")

    def __init__(
        self, calls: SessionCalls, reply_options: ReplyOptions, open_fork: Callable[[Fork], "Awaitable[SessionHandle]"]
    ) -> None:
        self.id = calls.id
        self._calls = calls
        self._reply_options = reply_options
        self._open_fork = open_fork
        self._last_output: OutputType[Any] | None = None
        self._last_settings: TurnSettings | None = None

    def __repr__(self) -> str:
        return f"SessionHandle({self.id!r})"

    def _repr_html_(self) -> str:
        return session_html(self.id)

    @property
    def epoch(self) -> int:
        """What distinguishes it from earlier and later sessions with its id."""
        return self._calls.session.epoch

    @property
    def last_seq(self) -> int:
        """The number of the last event that this handle knows of."""
        return self._calls.last_seq

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session. An error of the block is raised, not what closing after it may meet."""
        with suppress(RayconteurError) if error else nullcontext():
            await self.close()

    @overload
    def ask(
        self,
        message: Question,
        output_type: None = None,
        on_abandon: Abandon = None,
        settings: TurnSettings | None = None,
        key: str | None = None,
    ) -> Reply: ...

    @overload
    def ask(
        self,
        message: Question,
        output_type: type[T],
        on_abandon: Abandon = None,
        settings: TurnSettings | None = None,
        key: str | None = None,
    ) -> TypedReply[T]: ...

    def ask(
        self,
        message: Question,
        output_type: type[T] | None = None,
        on_abandon: Abandon = None,
        settings: TurnSettings | None = None,
        key: str | None = None,
    ) -> Reply | TypedReply[T]:
        """Send a user message and stream the reply. It is sent, or rejected, when the reply is iterated or awaited.

        The answer's ``value`` is of the *output_type*: a msgspec Struct, a dataclass or a pydantic model, for example.
        *on_abandon* says what happens to the turn if the reply is abandoned; by default, what the runtime's options
        say. *settings* are those of this turn only. A message that is sent again, with the same *key*, gets the reply
        of the first time, from the start of its turn.

        Raises:
            InvalidConfig: there is no JSON Schema of the *output_type*, or the message has settings, too.
        """
        message = user_message(message, settings)
        self._last_settings = message.settings
        if output_type is None:
            self._last_output = None
            return self._reply(message, on_abandon, key)
        output = self._last_output = output_type_of(output_type)
        return TypedReply(self._calls, self._calls.session.epoch, message, self._options_of(on_abandon, key), output)

    @overload
    def retry(self, on_abandon: Abandon = None, output_type: None = None, key: str | None = None) -> Reply: ...

    @overload
    def retry(self, on_abandon: Abandon = None, *, output_type: type[T], key: str | None = None) -> TypedReply[T]: ...

    def retry(
        self, on_abandon: Abandon = None, output_type: type[T] | None = None, key: str | None = None
    ) -> Reply | TypedReply[T]:
        """Repeat the request of a failed turn, with the settings that it had, and stream the reply.

        The answer's ``value`` is of the *output_type*; by default of that of the last ``ask``, if it had one.

        Raises:
            InvalidConfig: there is no JSON Schema of the *output_type*.
        """
        output = self._last_output if output_type is None else output_type_of(output_type)
        if output is None:
            return self._reply(Retry(), on_abandon, key)
        return TypedReply(self._calls, self._calls.session.epoch, Retry(), self._options_of(on_abandon, key), output)

    def continue_answer(self, on_abandon: Abandon = None, key: str | None = None) -> Reply:
        """Continue the last answer, which was cut off or paused, and stream the rest. ``answer()`` has all of it."""
        return self._reply(Continue(), on_abandon, key)

    async def send(self, message: ToLLM, key: str | None = None) -> Receipt:
        """Put *message* into the mailbox, behind those sent before. Returns when it is there.

        Its effects are reported in events. One that is sent again, with the same *key*, gets the receipt of the first
        time and has no further effect.

        Raises:
            MailboxError: it was rejected; the class says why, and the session is unchanged.
            KeyMisused: another message was sent with the *key*.
            UnsupportedContent: it was rejected: the provider or its model does not accept such a block.
            ConfigError: it is not a message, or an invalid ``Configure``; the field is named.
        """
        return await self._calls.send(message, message_key(checked_key(key), message))

    def events(self, after: int = 0) -> Reader:
        """Read the session's events from number *after* + 1 on, as they arrive.

        The reader ends after ``Closed`` or ``Died``.

        Raises:
            InvalidConfig: *after* is not the number of an event, or 0.
        """
        return self._calls.events(after)

    async def approve(
        self,
        *tool_use_ids: str,
        inputs: Mapping[str, dict[str, Any]] | None = None,
        grant: GrantScope = "use",
        grant_s: float | None = None,
    ) -> None:
        """Let tool uses run that wait for approval: those with *tool_use_ids*, or all.

        *inputs* replaces the input of some. *grant* extends the approval to later uses, for *grant_s* seconds if given.

        Raises:
            NoApprovalNeeded: one does not wait for approval, or none does.
            UnknownToolUse: there is no such tool use.
        """
        await self.send(Approve(tool_use_ids=tool_use_ids, inputs=dict(inputs or {}), grant=grant, grant_s=grant_s))

    async def deny(self, *tool_use_ids: str, reason: str = "") -> None:
        """Deny tool uses that wait for approval: those with *tool_use_ids*, or all. The model is told the *reason*.

        Raises:
            NoApprovalNeeded, UnknownToolUse: as for ``approve``.
        """
        await self.send(Deny(tool_use_ids=tool_use_ids, reason=reason))

    async def answer_question(self, tool_use_id: str, text: str) -> None:
        """Answer the question to the user that a ``QuestionAsked`` told of: the model is given *text*.

        Raises:
            NoQuestion, QuestionAnswered: that tool use asks nothing, or has been answered.
            EmptyMessage: *text* is blank.
        """
        await self.send(AnswerQuestion(tool_use_id=tool_use_id, text=text))

    async def interrupt(self, turn: int | None = None) -> bool:
        """End *turn*, or the running one. Returns true if there was a turn to end."""
        return (await self.send(Interrupt(turn=turn))).turn is not None

    async def add_messages(self, *messages: Message) -> None:
        """Add *messages* of both roles to the history, after the turns that are queued already; no request is sent.

        An answer can't follow an answer. It can be first if nothing runs and the history ends with a message of the
        user's.

        Raises:
            InvalidConfig: no history could go on with them; the message is named, and the reason.
            MailboxError: there is no room for them; the class says where.
        """
        await self.send(AddMessages(messages=messages))

    async def clear(self) -> None:
        """Clear the history, after the turns that are queued already."""
        await self.send(Clear())

    async def rewind(self, turns: int = 1, *, to: int | None = None) -> None:
        """Remove the last *turns* user messages and all that follows them, after the turns that are queued already.

        With *to*, what follows the turn of that number: 0 is the beginning. What was spent stays spent.

        Raises:
            UnknownTurn: there is no turn *to*.
        """
        await self.send(Rewind(turns=turns, to=checked_turn(to, "to")))

    async def reset(self, history: bool = True, counters: bool = True) -> None:
        """Empty the *history*, and set the *counters* to 0, after the turns that are queued already.

        The counters are the turns, requests, tokens and times of ``status()`` and ``summary()``. Settings stay.
        """
        await self.send(Clear(history=history, counters=counters))

    async def compact(self, on_abandon: Abandon = None) -> CompactResult:
        """Compact the history, after the turns that are queued already, and return the result.

        *on_abandon* says what happens to the compaction if this is cancelled; by default, what the runtime's options
        say.
        """
        return await ask_compaction(self._calls, self._options_of(on_abandon))

    async def configure(self, change: Configure) -> None:
        """Change settings from the next request or turn on."""
        await self.send(change)

    async def settings(self) -> SessionConfig:
        """The settings in force, without secrets: of sessions that other drivers opened, too."""
        key = self._calls.session.key
        return await self._calls.call(lambda host: host.call(lambda actor: actor.settings.remote(key)))

    async def status(self) -> SessionStatus:
        """The session's current status."""
        return await self._calls.status()

    async def summary(self) -> SessionSummary:
        """What has happened in the session since it was opened: turns, steps, tool calls, requests, and their times."""
        key = self._calls.session.key
        return await self._calls.call(lambda host: host.call(lambda actor: actor.summary.remote(key)))

    async def history(
        self,
        full: bool = False,
        *,
        limit: int | None = None,
        roles: Iterable[str] | None = None,
        before: int | None = None,
        after: int | None = None,
        at: int | None = None,
    ) -> tuple[Message, ...]:
        """The messages; if *full*, with those that compactions removed, and without summaries.

        With *limit*, the last ones; with *roles*, those of ``user`` or ``assistant``; with *before* and *after*, those
        of turns before and after the ones with these numbers. With *at*, the history is that after the turn of this
        number: as it was, from the journal; without one, what is left of it in memory.

        Raises:
            InvalidConfig: one of these is not valid; it is named.
            UnknownTurn: the turn *at* has not ended, never was, or is gone.
        """
        return await read_history(self._calls, full, history_selection(limit, roles, before, after, at))

    async def export(self, path: str | PathLike[str] | None = None, full: bool = False, at: int | None = None) -> bytes:
        """The conversation in JSON Lines, for ``rayconteur.load``; also written to *path*, if one is given.

        If *full*, with the messages that compactions removed, and without summaries. With *at*, as it was after a turn.
        """
        return await export(self.id, await self.history(full, at=at), path)

    async def fork(
        self,
        at: int | None = None,
        session_id: str | None = None,
        config: SessionConfig | None = None,
        placement: Placement | None = None,
    ) -> "SessionHandle":
        """Start a session that goes on from this one: after the turn *at*, or the last one that has ended.

        It has a copy of the history, and the settings of then, without a journal those of now, or *config*. The turn
        that runs and what is queued are no part of it, nor are approvals. Its status says where it is ``forked_from``.

        Raises:
            UnknownTurn: the turn *at* has not ended, never was, or is gone.
            ConfigError, SessionExists, HistoryFull: as for ``spawn``.
        """
        calls = self._calls
        start = await read_fork_start(calls, checked_turn(at))
        return await self._open_fork(Fork(start, calls.tools, tuple(calls.providers), session_id, config, placement))

    async def close(self, drain: bool = False) -> None:
        """Close the session: now, or with *drain* after the turns that are queued already.

        Returns when the session has ended and its id is free. If it has ended before, that is at once.
        """
        await self._calls.close(drain)

    def _reply(self, message: UserMessage | Retry | Continue, on_abandon: Abandon, key: str | None) -> Reply:
        return Reply(self._calls, self._calls.session.epoch, message, self._options_of(on_abandon, key))

    def _options_of(self, on_abandon: Abandon, key: str | None = None) -> ReplyOptions:
        """The options of a reply to the last ``ask``, or to what goes on from it."""
        return self._reply_options.of_reply(on_abandon, self._last_settings, key)
