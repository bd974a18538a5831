"""A stored session: what the journal has of a session, open or closed, to be read."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from os import PathLike

from ...providers.schema.messages import Message
from ..api.config import SessionConfig
from ..api.events import FromLLM, Missed
from ..api.placement import Placement
from ..api.tools.function_tool import FunctionTool
from ..journal.entry import SessionKey
from ..journal.journal import Journal
from ..session.durable.past import recorded_past
from ..session.durable.reading import last_seq, recorded_events
from ..session.forks import recorded_fork_start
from .calls.arguments import checked_after, checked_turn, history_selection
from .calls.forks import Fork
from .calls.tool_runs import checked_functions
from .exports import export
from .session_handle import SessionHandle


class StoredSession:
    """What the journal has of a session, which may have been closed. Reading it changes nothing, and wakes nobody.

    *epoch* distinguishes it from earlier and later sessions with its id.
    """

    def __init__(
        self, key: SessionKey, journal: Journal, open_fork: Callable[[Fork], Awaitable[SessionHandle]]
    ) -> None:
        self.id, self.epoch = key
        self._key = key
        self._journal = journal
        self._open_fork = open_fork

    def __repr__(self) -> str:
        return f"StoredSession({self.id!r}, epoch={self.epoch})"

    async def events(self, after: int = 0) -> AsyncGenerator[FromLLM]:
        """The events from number *after* + 1 on that are stored by now; ``Missed`` for those that are not recorded.

        Raises:
            CorruptRecord: a record is damaged. The events before it have come.
        """
        first, last = checked_after(after) + 1, await last_seq(self._journal, self._key)
        if first <= last:
            missed = Missed(session_id=self.id, first=first, last=last)
            async for page in recorded_events(self._journal, missed, self.epoch):
                for event in page:
                    yield event

    async def epochs(self) -> tuple[int, ...]:
        """The epochs of all sessions that the journal has of this id, the first one first."""
        found: list[int] = []
        after = SessionKey(self.id, 0)
        while page := await self._journal.sessions(after):
            found += (position.session.epoch for position in page if position.session.id == self.id)
            after = page[-1].session
            if after.id != self.id:
                break
        return tuple(found)

    async def settings(self, at: int | None = None) -> SessionConfig:
        """The settings after the turn *at*, or the last ones, without secrets. Raises what ``history`` does."""
        return (await recorded_past(self._journal, self._key, checked_turn(at))).config

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
        """The messages, as ``SessionHandle.history`` has them; without those of a turn that runs.

        Raises:
            UnknownTurn: the turn *at* has not ended, or never was.
            CorruptRecord: a record before its end is damaged.
        """
        selection = history_selection(limit, roles, before, after, at)
        past = await recorded_past(self._journal, self._key, selection.at)
        return selection.of(past.full if full else past.messages)

    async def export(self, path: str | PathLike[str] | None = None, full: bool = False, at: int | None = None) -> bytes:
        """The conversation in JSON Lines, as ``SessionHandle.export`` has it."""
        return await export(self.id, await self.history(full, at=at), path)

    async def fork(
        self,
        at: int | None = None,
        session_id: str | None = None,
        config: SessionConfig | None = None,
        placement: Placement | None = None,
        tools: Iterable[FunctionTool] = (),
    ) -> SessionHandle:
        """Start a session that goes on from this one, as ``SessionHandle.fork`` does. Of its tools *tools* run here."""
        functions = checked_functions(tools)
        start = await recorded_fork_start(self._journal, self._key, checked_turn(at))
        return await self._open_fork(Fork(start, functions, session_id=session_id, config=config, placement=placement))
