"""The turn whose events a reply yields."""

from typing import Protocol

from ...api.errors import EventsMissed, SessionClosed, SessionDied
from ...api.events import FromLLM, Missed, Steered, TurnEnd
from ...api.status import SessionStatus


class TurnSession(Protocol):
    """What following a turn needs of its session."""

    async def status(self) -> SessionStatus:
        """The session's current status."""
        ...


class FollowedTurn:
    """The turn with the *number* that a message got, or the running one that the message has *entered*.

    *missed*: events were missed, perhaps its end among them.
    """

    def __init__(self, session: TurnSession, number: int | None) -> None:
        self.number = number
        self.entered = False
        self.missed = False
        self._session = session
        self._end_seq: int | None = None  # that of an event after the turn's end

    def enters(self, event: FromLLM) -> bool:
        """True if with *event*, of another turn, the message enters that one. It is the followed turn from then on."""
        if not isinstance(event, Steered) or event.number != self.number:
            return False
        self.number, self.entered = event.turn, True
        return True

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

    async def _find_end(self) -> int | None:
        """The number of an event that the turn's end does not follow, if the turn is over and the session is not."""
        try:
            status = await self._session.status()
        except (SessionClosed, SessionDied):
            return None  # the reader ends
        is_idle = status.turn is None and not status.waiting
        is_over = is_idle or (status.turn is not None and self.number is not None and status.turn > self.number)
        return status.last_seq if is_over else None
