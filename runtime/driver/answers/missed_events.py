"""Events of a turn that a reader has missed: what they said of its answer is in the history, too."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from ....providers.schema.messages import Message, Role
from ...api.errors import EventsMissed, SessionClosed
from ...api.events import Missed
from ...api.status import SessionStatus
from ...session.pages import HistorySelection
from .final_answer import AnswerParts


class RecordedSession(Protocol):
    """A session that can be asked what has happened in it."""

    async def status(self) -> SessionStatus:
        """The session's current status."""
        ...

    async def history(self, full: bool, selection: HistorySelection) -> Sequence[Message]:
        """The messages of *selection*; if *full*, with those that compactions removed."""
        ...


async def require_all_asked(parts: AnswerParts, session: RecordedSession, turn: int | None, missed: Missed) -> None:
    """Check that *turn*, some of whose events were *missed*, does not wait for a program that knows nothing of it.

    Raises:
        EventsMissed: it waits for the result of a tool use, or for an answer, that *parts* have not seen.
        SessionDied: the session died, and the events were lost with it.
    """
    with suppress(SessionClosed):
        status = await session.status()
        waits_for = {*status.open_tool_use_ids, *status.awaiting_answer} - {*status.awaiting_approval}
        if status.turn == turn and not waits_for <= parts.asked:
            raise await events_missed(session, missed)


async def complete_parts(parts: AnswerParts, session: RecordedSession, turn: int, missed: Missed) -> None:
    """Take what was *missed* of *parts*, those of the *turn* that has just completed, from the history.

    Raises:
        EventsMissed, SessionDied: as ``events_missed`` does, if the history does not have all of it.
    """
    answers = HistorySelection(roles=frozenset((Role.ASSISTANT,)), after=turn - 1, before=turn + 1)
    with suppress(SessionClosed):
        if parts.restore(await session.history(True, answers)):
            return
    raise await events_missed(session, missed)


async def events_missed(session: RecordedSession, missed: Missed) -> EventsMissed:
    """The error for *missed* events.

    Raises:
        SessionDied: the session died, and the events were lost with it.
    """
    with suppress(SessionClosed):
        await session.status()
    return EventsMissed(f"events {missed.first} to {missed.last} of the session were no longer held")
