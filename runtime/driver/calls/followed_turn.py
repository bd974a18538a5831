"""The turn whose events a reply yields."""

from typing import Protocol

import msgspec

from ...api.errors import EventsMissed, SessionClosed, SessionDied
from ...api.events import FromLLM, Missed, QuestionAsked, Steered, ToolBatch, TurnEnd
from ...api.status import SessionStatus


class TurnSession(Protocol):
    """What following a turn needs of its session."""

    async def status(self) -> SessionStatus:
        """The session's current status."""
        ...


class FollowedTurn:
    """The turn with the *number* that a message got, or the running one that the message has *entered*.

    *missed*: events were missed, perhaps its end among them. It *is_repeated* if the message was sent before: the
    program, or another one, may have read the turn already.
    """

    def __init__(self, session: TurnSession, number: int | None, is_repeated: bool = False) -> None:
        self.number = number
        self.entered = False
        self.missed = False
        self._is_repeated = is_repeated
        self._session = session
        self._end_seq: int | None = None  # that of an event after the turn's end

    def enters(self, event: FromLLM) -> bool:
        """True if with *event*, of another turn, the message enters that one. It is the followed turn from then on."""
        if not isinstance(event, Steered) or event.number != self.number:
            return False
        self.number, self.entered = event.turn, True
        return True

    async def concern(self, event: FromLLM) -> FromLLM | None:
        """*event* as far as it asks this program for something; ``None`` if it does not.

        The tools of a turn that the message entered are answered by who reads that turn. Those that run on Ray answer
        themselves. Of a turn that *is_repeated*, only what still waits is to be answered.
        """
        if self.entered:
            return None
        match event:
            case ToolBatch(uses=uses, on_ray=on_ray):
                waiting = await self._waiting_uses() if self._is_repeated else {use.id for use in uses}
                here = tuple(use for use in uses if use.id in waiting and use.id not in on_ray)
                return msgspec.structs.replace(event, uses=here)
            case QuestionAsked(tool_use_id=use) if self._is_repeated:
                return event if use in await self._waiting_uses() else None
            case _:
                return event

    async def require_end(self, event: FromLLM) -> None:
        """*event* was read, the first that were missed, or one after them.

        Raises:
            EventsMissed: the end of the turn does not come any more.
        """
        if isinstance(event, Missed | TurnEnd):  # the turn that the message entered may have ended, too
            self.missed = True
            self._end_seq = await self._find_end()
        if self._end_seq is not None and event.seq >= self._end_seq:
            raise EventsMissed(f"the end of turn {self.number} was no longer held; history() has its outcome")

    async def _waiting_uses(self) -> set[str]:
        try:
            status = await self._session.status()
        except SessionClosed:
            return set()
        return {*status.open_tool_use_ids, *status.awaiting_answer} - {*status.awaiting_approval}

    async def _find_end(self) -> int | None:
        """The number of an event that the turn's end does not follow, if the turn is over and the session is not."""
        try:
            status = await self._session.status()
        except (SessionClosed, SessionDied):
            return None  # the reader ends
        is_idle = status.turn is None and not status.waiting
        is_over = is_idle or (status.turn is not None and self.number is not None and status.turn > self.number)
        return status.last_seq if is_over else None
