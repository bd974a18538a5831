"""Readers of sessions that their router does not know: the directory is asked whether those have ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from ...api.errors import DirectoryUnreachable
from ..reader import Reader
from ..segments import END_SEQ, START, Position, Positions, Segment
from ..transport import RouterGone, Transport
from .subscriber import Subscriber

log = logging.getLogger(__name__)

_UNKNOWN_S = 0.2
"""How long the first segment of a session may take that the router does not know, before the directory is asked."""

_PAUSE_S = 0.2

FindRecorded = Callable[[str, int], Awaitable[Segment | None]]
"""Finds how far the session of that id and epoch is recorded: a segment without events, after the last one."""

_positions_decoder = msgspec.msgpack.Decoder(Positions)


class UnknownSessions:
    """The subscribers to sessions that the router of *transport* does not know, although it *serves* them.

    Such a session has no events yet, or has ended and was dropped: then its readers would wait forever. Of a reader of
    all sessions, those are asked about that the router of before knew, and this one does not. *feed* gives a subscriber
    a segment; *on_gone* is called if the router is gone for good.

    A reader of one session fails with ``DirectoryUnreachable`` if the directory does not say within ``timeout_s``, if
    that is set, whether it has ended. One of all sessions waits for nothing that only the directory knows.
    """

    def __init__(
        self,
        transport: Transport,
        serves: Callable[[str], bool],
        feed: Callable[[Subscriber, Segment], None],
        on_gone: Callable[[], None],
    ) -> None:
        self.find_recorded: FindRecorded | None = None
        """How far a session has come that is in no process, if there is a place that knows."""
        self.timeout_s: float | None = None
        self._transport = transport
        self._serves = serves
        self._feed = feed
        self._on_gone = on_gone
        self._waiting: dict[Subscriber, float] = {}  # since when
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None  # a task of its own: while the directory is away, it waits

    def __contains__(self, subscriber: Subscriber) -> bool:
        return subscriber in self._waiting

    def add(self, subscribers: Iterable[Subscriber]) -> None:
        """Ask about the sessions of *subscribers*, unless something arrives soon."""
        loop = asyncio.get_running_loop()
        self._waiting |= dict.fromkeys(subscribers, loop.time())
        if self._waiting and self._timer is None:
            self._timer = loop.call_later(_UNKNOWN_S, self._ask)

    def remove(self, subscriber: Subscriber) -> None:
        """Something has arrived for it, or nothing is to arrive any more."""
        self._waiting.pop(subscriber, None)

    def clear(self) -> None:
        """All subscribe again."""
        self._waiting = {}  # another one: what is being asked for those of before says nothing of these

    def stop(self) -> None:
        """Ask no more."""
        if self._timer:
            self._timer.cancel()
        if self._asking:
            self._asking.cancel()

    def _ask(self) -> None:
        self._timer = None
        if self._waiting and (self._asking is None or self._asking.done()):
            self._asking = asyncio.get_running_loop().create_task(self._ask_until_decided())

    async def _ask_until_decided(self) -> None:
        while waiting := self._waiting:
            try:
                async with asyncio.timeout_at(self._deadline(waiting)):
                    await self._ask_or_pause(waiting)
            except RouterGone:
                self._on_gone()
                return
            except TimeoutError:
                self._fail_late(waiting)

    async def _ask_or_pause(self, waiting: dict[Subscriber, float]) -> None:
        try:
            if await self._ask_once(waiting):
                return
        except RouterGone:
            raise
        except Exception as error:  # as for an update
            log.warning("the call to the router failed with %s; retrying in %.1f s", type(error).__name__, _PAUSE_S)
        await asyncio.sleep(_PAUSE_S)

    async def _ask_once(self, waiting: dict[Subscriber, float]) -> bool:
        """Ask about all unknown sessions, except others that had one of their ids: those come next.

        Returns true if it is known of all that were asked about whether they have ended.
        """
        positions: dict[str, Position] = {}
        if any(subscriber.reader.session_id is None for subscriber in waiting):
            positions = _positions_decoder.decode(await self._transport.positions()).sessions
        sessions: dict[str, int] = {}
        asked: dict[Subscriber, set[str]] = {}
        for subscriber in waiting:
            lost = self._lost_sessions(subscriber.reader, positions)
            if [session_id for session_id, epoch in lost if sessions.setdefault(session_id, epoch) != epoch]:
                continue  # another session with the same id is asked about first
            asked[subscriber] = {session_id for session_id, _ in lost}
        undecided = await self._transport.end_lost_sessions(sessions) if sessions else []
        for subscriber, session_ids in asked.items():
            if session_ids.isdisjoint(undecided) and subscriber in waiting:
                await self._feed_recorded(subscriber)
                waiting.pop(subscriber, None)
        return not undecided

    def _deadline(self, waiting: dict[Subscriber, float]) -> float | None:
        """When the first of the readers of one session has waited for too long."""
        since = [since for subscriber, since in waiting.items() if subscriber.reader.session_id is not None]
        return min(since) + self.timeout_s if since and self.timeout_s is not None else None

    def _fail_late(self, waiting: dict[Subscriber, float]) -> None:
        deadline = self._deadline(waiting)
        late = [each for each in waiting if deadline is not None and self._deadline({each: waiting[each]}) == deadline]
        for subscriber in late:
            subscriber.reader.fail(
                DirectoryUnreachable(
                    f"whether session {subscriber.reader.session_id!r} has ended could not be found out within "
                    f"{self.timeout_s:g} s: the directory does not answer, or an actor has not said which sessions it "
                    "has; read its events again later"
                )
            )
            waiting.pop(subscriber, None)

    async def _feed_recorded(self, subscriber: Subscriber) -> None:
        """Tell the reader of one session what its router does not know: how far it came before it left memory."""
        reader = subscriber.reader
        if self.find_recorded is None or reader.session_id is None:
            return
        segment = await self.find_recorded(reader.session_id, reader.epoch)
        if segment and not reader.ended:
            self._feed(subscriber, segment)

    def _lost_sessions(self, reader: Reader, positions: Mapping[str, Position]) -> list[tuple[str, int]]:
        """The sessions of *reader* that may have ended: ids with epochs. The router knows those of *positions*."""
        if reader.session_id is not None:
            return [(reader.session_id, reader.epoch)]
        cursors = ((session_id, *cursor) for session_id, cursor in reader.cursors.items() if self._serves(session_id))
        return [
            (session_id, epoch)
            for session_id, epoch, seq in cursors
            if seq != END_SEQ and positions.get(session_id, START)[0] != epoch
        ]
