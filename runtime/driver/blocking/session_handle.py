"""The session handle of the blocking API."""

from collections.abc import Iterable, Mapping
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from ....providers.schema.messages import Message
from ...api.config import SessionConfig
from ...api.messages import Configure, GrantScope, Receipt, ToLLM
from ...api.notebooks import session_html
from ...api.placement import Placement
from ...api.settings.changes import TurnSettings
from ...api.status import CompactResult, SessionStatus, SessionSummary
from .. import session_handle
from ..calls.abandoned_turns import Abandon
from ..calls.arguments import Question
from .background_loop import BackgroundLoop
from .reader import Reader, call_in_loop
from .reply import Reply, TypedReply

T = TypeVar("T")


class SessionHandle:
    """``rayconteur.SessionHandle``. As a context manager it closes the session at the end of the block."""

    def __init__(self, loop: BackgroundLoop, session: session_handle.SessionHandle) -> None:
        self.id = session.id
        self._loop = loop
        self._session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run(self._session.__aexit__(kind, error, trace))

    def __repr__(self) -> str:
        return repr(self._session)

    def _repr_html_(self) -> str:
        return session_html(self.id)

    @property
    def epoch(self) -> int:
        """What distinguishes it from earlier and later sessions with its id: it increases."""
        return self._session.epoch

    @property
    def last_seq(self) -> int:
        """The number of the last event that this handle knows of."""
        return self._session.last_seq

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
        """Send a user message and stream the reply. It is sent, or rejected, when the reply is iterated or answered.

        The answer's ``value`` is of the *output_type*. *on_abandon* says what happens to the turn if the reply is
        abandoned; by default, what the runtime's options say. *settings* are those of this turn only. A message that is
        sent again, with the same *key*, gets the reply of the first time, from the start of its turn.
        """
        if output_type is None:
            return Reply(self._loop, self._session.ask(message, None, on_abandon, settings, key))
        return TypedReply(self._loop, self._session.ask(message, output_type, on_abandon, settings, key))

    @overload
    def retry(self, on_abandon: Abandon = None, output_type: None = None, key: str | None = None) -> Reply: ...

    @overload
    def retry(self, on_abandon: Abandon = None, *, output_type: type[T], key: str | None = None) -> TypedReply[T]: ...

    def retry(
        self, on_abandon: Abandon = None, output_type: type[T] | None = None, key: str | None = None
    ) -> Reply | TypedReply[T]:
        """Repeat the request of a failed turn, with the settings that it had, and stream the reply.

        The answer's ``value`` is of the *output_type*; by default of that of the last ``ask``, if it had one.
        """
        if output_type is None:
            return Reply(self._loop, self._session.retry(on_abandon, key=key))
        return TypedReply(self._loop, self._session.retry(on_abandon, output_type=output_type, key=key))

    def continue_answer(self, on_abandon: Abandon = None, key: str | None = None) -> Reply:
        """Continue the last answer, which was cut off or paused, and stream the rest. ``answer()`` has all of it."""
        return Reply(self._loop, self._session.continue_answer(on_abandon, key))

    def send(self, message: ToLLM, key: str | None = None) -> Receipt:
        """Put *message* into the mailbox, behind those sent before: once, if it is sent again with the same *key*."""
        return self._loop.run(self._session.send(message, key))

    def events(self, after: int = 0) -> Reader:
        """Read the session's events from number *after* + 1 on, as they arrive.

        The reader ends after ``Closed`` or ``Died``.
        """
        return Reader(self._loop, self._loop.run(call_in_loop(lambda: self._session.events(after))))

    def approve(
        self,
        *tool_use_ids: str,
        inputs: Mapping[str, dict[str, Any]] | None = None,
        grant: GrantScope = "use",
        grant_s: float | None = None,
    ) -> None:
        """Let tool uses run that wait for approval."""
        self._loop.run(self._session.approve(*tool_use_ids, inputs=inputs, grant=grant, grant_s=grant_s))

    def deny(self, *tool_use_ids: str, reason: str = "") -> None:
        """Deny tool uses that wait for approval."""
        self._loop.run(self._session.deny(*tool_use_ids, reason=reason))

    def answer_question(self, tool_use_id: str, text: str) -> None:
        """Answer a question to the user."""
        self._loop.run(self._session.answer_question(tool_use_id, text))

    def interrupt(self, turn: int | None = None) -> bool:
        """End *turn*, or the running one. Returns true if there was a turn to end."""
        return self._loop.run(self._session.interrupt(turn))

    def add_messages(self, *messages: Message) -> None:
        """Add *messages* of both roles to the history, after the turns that are queued already; no request is sent."""
        self._loop.run(self._session.add_messages(*messages))

    def clear(self) -> None:
        """Clear the history, after the turns that are queued already."""
        self._loop.run(self._session.clear())

    def rewind(self, turns: int = 1, *, to: int | None = None) -> None:
        """Remove the last *turns* user messages and all that follows them, after the turns that are queued already.

        With *to*, what follows the turn of that number: 0 is the beginning.
        """
        self._loop.run(self._session.rewind(turns, to=to))

    def reset(self, history: bool = True, counters: bool = True) -> None:
        """Empty the *history*, and set the *counters* to 0, after the turns that are queued already."""
        self._loop.run(self._session.reset(history, counters))

    def compact(self, on_abandon: Abandon = None) -> CompactResult:
        """Compact the history, after the turns that are queued already, and return the result.

        *on_abandon* says what happens to the compaction if the call ends early, by Ctrl-C; by default, what the
        runtime's options say.
        """
        return self._loop.run(self._session.compact(on_abandon))

    def configure(self, change: Configure) -> None:
        """Change settings from the next request or turn on."""
        self._loop.run(self._session.configure(change))

    def settings(self) -> SessionConfig:
        """The settings in force, without secrets: of sessions that other drivers opened, too."""
        return self._loop.run(self._session.settings())

    def status(self) -> SessionStatus:
        """The session's current status."""
        return self._loop.run(self._session.status())

    def summary(self) -> SessionSummary:
        """What has happened in the session since it was opened: turns, steps, tool calls, requests, and their times."""
        return self._loop.run(self._session.summary())

    def history(
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
        of turns before and after the ones with these numbers. With *at*, the history is that after this turn.
        """
        return self._loop.run(self._session.history(full, limit=limit, roles=roles, before=before, after=after, at=at))

    def export(self, path: str | PathLike[str] | None = None, full: bool = False, at: int | None = None) -> bytes:
        """The conversation in JSON Lines, for ``rayconteur.load``; also written to *path*, if one is given."""
        return self._loop.run(self._session.export(path, full, at))

    def fork(
        self,
        at: int | None = None,
        session_id: str | None = None,
        config: SessionConfig | None = None,
        placement: Placement | None = None,
    ) -> "SessionHandle":
        """Start a session that goes on from this one: after the turn *at*, or the last one that has ended."""
        return SessionHandle(self._loop, self._loop.run(self._session.fork(at, session_id, config, placement)))

    def close(self, drain: bool = False) -> None:
        """Close the session: now, or with *drain* after the turns that are queued already."""
        self._loop.run(self._session.close(drain))
