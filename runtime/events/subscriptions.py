"""The pure router: which driver wants which session's segments, and what it has of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from ..api.options import RouterLimits
from .event_log import Shelf
from .segments import BEGINNING, Over, Position, Segment

_MANY_CURSORS = 1_000


class Watch(msgspec.Struct, frozen=True, array_like=True):
    """A reader's wish: the events of *session_id*, or of all sessions where that is ``None``.

    It gets what comes after its *cursors*, all that is held of a session without one, and no more than about
    *room_bytes* until it asks for more. *id* is the driver's own.
    """

    id: int
    session_id: str | None
    room_bytes: int
    cursors: dict[str, Position] = {}


class Wishes(msgspec.Struct, frozen=True, array_like=True):
    """What a driver wants from now on: watches *begun* and *ended*, and bytes *more* for some that it has.

    *whole* wishes are all there is: what the driver wanted before is forgotten.
    """

    whole: bool
    begun: list[Watch] = []
    more: dict[int, int] = {}
    ended: list[int] = []


class Delivery(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A segment for the watch *watch*."""

    watch: int
    segment: Segment


@dataclass(slots=True, eq=False)
class _Watching:
    watch: Watch
    driver: "_Driver"
    room_bytes: int
    cursors: dict[str, Position]
    news: dict[str, None] = field(default_factory=dict[str, None])  # sessions with something new, oldest first
    dropped: dict[str, Segment] = field(default_factory=dict[str, Segment])  # what is left of some of these

    def position(self, session_id: str) -> Position:
        """How far it is with the session."""
        return self.cursors.get(session_id, BEGINNING)

    def tell(self, session_id: str) -> bool:
        """There is something new of the session; whether there is something to collect."""
        self.news[session_id] = None
        return self.offer()

    def offer(self) -> bool:
        """Stand among those with something to collect, if so."""
        if not self.news or self.room_bytes <= 0:
            return False
        self.driver.news[self] = None
        return True


@dataclass(slots=True, eq=False)
class _Driver:
    id: str
    watches: dict[int, _Watching] = field(default_factory=dict[int, _Watching])
    news: dict[_Watching, None] = field(default_factory=dict[_Watching, None])


class Routes:
    """Takes segments, keeps them on a shelf, and hands each driver what it has not had yet.

    A slow driver costs the others nothing.
    """

    def __init__(self, limits: RouterLimits) -> None:
        self.shelf = Shelf(limits, self._dropped)
        self._limits = limits
        self._drivers: dict[str, _Driver] = {}
        self._by_session: dict[str, dict[_Watching, None]] = {}
        self._of_all: dict[_Watching, None] = {}

    def knows(self, driver_id: str) -> bool:
        """Whether the driver has told its wishes here, and was not forgotten."""
        return driver_id in self._drivers

    def has_news(self, driver_id: str) -> bool:
        """Whether there is something to collect for the driver."""
        return bool(self._drivers[driver_id].news)

    def positions_kept(self, driver_id: str) -> int:
        """Of how many sessions it is remembered how far the driver's readers are."""
        return sum(len(watching.cursors) for watching in self._drivers[driver_id].watches.values())

    def publish(self, segments: Iterable[Segment]) -> set[str]:
        """Take *segments*; the drivers that have something to collect now. What is here already is passed over."""
        drivers: set[str] = set()
        for segment in segments:
            if self.shelf.add(segment):
                drivers |= self._tell(segment.session_id)
        return drivers

    def end(self, sessions: Mapping[str, int], over: Over) -> set[str]:
        """Nothing more will come from *sessions*, ids with their epochs. Who has something to collect now."""
        drivers: set[str] = set()
        for session_id, epoch in sessions.items():
            if self.shelf.end(session_id, epoch, over):
                drivers |= self._tell(session_id)
        return drivers

    def heed(self, driver_id: str, wishes: Wishes) -> list[int] | None:
        """Do as a driver wishes; which of the watches begun are of sessions that nothing is known of.

        ``None``, and nothing was done: the driver isn't known and must say all that it wants.
        """
        if wishes.whole:
            self.forget(driver_id)
            self._drivers[driver_id] = _Driver(driver_id)
        driver = self._drivers.get(driver_id)
        if driver is None:
            return None
        for watch_id in wishes.ended:
            self._end(driver, watch_id)
        for watch in wishes.begun:
            self._begin(driver, watch)
        for watch_id, more_bytes in wishes.more.items():
            if watching := driver.watches.get(watch_id):
                watching.room_bytes += more_bytes
                watching.offer()
        single = ((watch.id, watch.session_id) for watch in wishes.begun if watch.session_id is not None)
        return [watch_id for watch_id, session_id in single if session_id not in self.shelf]

    def forget(self, driver_id: str) -> None:
        """End all watches of a driver."""
        driver = self._drivers.pop(driver_id, None)
        if driver:
            for watch_id in tuple(driver.watches):
                self._end(driver, watch_id)

    def collect(self, driver_id: str) -> list[Delivery]:
        """What the driver has not had yet, in order for each session.

        About ``poll_bytes`` at most, the rest comes next time.
        """
        driver = self._drivers[driver_id]
        deliveries: list[Delivery] = []
        room_bytes = self._limits.poll_bytes
        while driver.news and room_bytes > 0:
            watching = next(iter(driver.news))
            del driver.news[watching]
            room_bytes = self._collect(watching, deliveries, room_bytes)
            watching.offer()  # behind the others
        return deliveries

    def _collect(self, watching: _Watching, deliveries: list[Delivery], room_bytes: int) -> int:
        while watching.news and watching.room_bytes > 0 and room_bytes > 0:
            session_id = next(iter(watching.news))
            del watching.news[session_id]
            for segment in self._left(watching, session_id):
                if watching.room_bytes <= 0 or room_bytes <= 0:
                    watching.news[session_id] = None  # behind the others
                    break
                deliveries.append(Delivery(watching.watch.id, segment))
                watching.cursors[session_id] = segment.position
                watching.room_bytes -= segment.size_bytes
                room_bytes -= segment.size_bytes
        if len(watching.cursors) > 2 * len(self.shelf) + _MANY_CURSORS:
            watching.cursors = {held: at for held, at in watching.cursors.items() if held in self.shelf}
        return room_bytes

    def _left(self, watching: _Watching, session_id: str) -> Iterator[Segment]:
        """What *watching* has not had of the session."""
        if dropped := watching.dropped.pop(session_id, None):
            yield dropped
        yield from self.shelf.after(session_id, watching.position(session_id))

    def _begin(self, driver: _Driver, watch: Watch) -> None:
        self._end(driver, watch.id)
        watching = _Watching(watch, driver, watch.room_bytes, dict(watch.cursors))
        driver.watches[watch.id] = watching
        if watch.session_id is None:
            self._of_all[watching] = None
        else:
            self._by_session.setdefault(watch.session_id, {})[watching] = None
        for session_id in self.shelf if watch.session_id is None else (watch.session_id,):
            if watching.position(session_id) < self.shelf.position(session_id):
                watching.tell(session_id)

    def _end(self, driver: _Driver, watch_id: int) -> None:
        watching = driver.watches.pop(watch_id, None)
        if watching is None:
            return
        driver.news.pop(watching, None)
        self._of_all.pop(watching, None)
        session_id = watching.watch.session_id
        if session_id is not None:
            of_session = self._by_session[session_id]
            del of_session[watching]
            if not of_session:
                del self._by_session[session_id]

    def _tell(self, session_id: str) -> set[str]:
        return {watching.driver.id for watching in self._watching(session_id) if watching.tell(session_id)}

    def _dropped(self, left: Segment) -> None:
        for watching in self._watching(left.session_id):
            if left.session_id in watching.news and watching.position(left.session_id) < left.position:
                watching.dropped[left.session_id] = left
                if len(watching.dropped) > self._limits.ended_sessions:
                    del watching.dropped[next(iter(watching.dropped))]

    def _watching(self, session_id: str) -> tuple[_Watching, ...]:
        return (*self._by_session.get(session_id, ()), *self._of_all)
