"""The pure router: which driver wants which session's segments, and what it has of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from .segments import Segment
from .shelf import RouterLimits, Shelf


class Watch(msgspec.Struct, frozen=True, array_like=True):
    """A reader's wish: the events of *session_id*, or of all sessions where that is ``None``.

    It gets what comes after *after*, or after the number that *cursors* has for a session; where *after* is ``None``,
    only what comes from now on. *id* is the driver's own.
    """

    id: int
    session_id: str | None
    after: int | None = 0
    cursors: dict[str, tuple[int, int]] = {}
    """For each session what the reader has already: the epoch and the last number."""


class Delivery(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A segment for the watch *watch*."""

    watch: int
    segment: Segment


@dataclass(slots=True, eq=False)
class _Watching:
    watch: Watch
    driver: "_Driver"
    cursors: dict[str, tuple[int, int]]
    news: dict[str, None] = field(default_factory=dict)  # sessions with something new, oldest first
    marks: set[str] = field(default_factory=set)  # of these, those whose reader must hear first where "now" was


@dataclass(slots=True, eq=False)
class _Driver:
    id: str
    watches: dict[int, _Watching] = field(default_factory=dict)
    news: dict[_Watching, None] = field(default_factory=dict)


class Routes:
    """Takes segments, keeps them on a shelf, and hands each driver what it has not had yet.

    A slow driver costs the others nothing.
    """

    def __init__(self, limits: RouterLimits) -> None:
        self.shelf = Shelf(limits)
        self._limits = limits
        self._drivers: dict[str, _Driver] = {}
        self._by_session: dict[str, dict[_Watching, None]] = {}
        self._of_all: dict[_Watching, None] = {}

    def knows(self, driver_id: str) -> bool:
        """Whether the driver has ever watched here, and was not forgotten."""
        return driver_id in self._drivers

    def has_news(self, driver_id: str) -> bool:
        """Whether there is something to collect for the driver."""
        return bool(self._drivers[driver_id].news)

    def publish(self, segments: Iterable[Segment]) -> set[str]:
        """Take *segments*; the drivers that have something to collect now. What is here already is passed over."""
        drivers: set[str] = set()
        for segment in segments:
            if self.shelf.add(segment):
                for watching in (*self._by_session.get(segment.session_id, ()), *self._of_all):
                    self._tell(watching, segment.session_id)
                    drivers.add(watching.driver.id)
        return drivers

    def watch(self, driver_id: str, begun: Iterable[Watch], ended: Iterable[int] = ()) -> bool:
        """Begin and end watches of a driver; whether there is something to collect for it."""
        driver = self._drivers.setdefault(driver_id, _Driver(driver_id))
        for watch_id in ended:
            self._end(driver, watch_id)
        for watch in begun:
            self._end(driver, watch.id)
            self._begin(driver, watch)
        return bool(driver.news)

    def forget(self, driver_id: str) -> None:
        """End all watches of a driver."""
        driver = self._drivers.pop(driver_id, None)
        for watch_id in tuple(driver.watches) if driver else ():
            assert driver
            self._end(driver, watch_id)

    def collect(self, driver_id: str) -> list[Delivery]:
        """What the driver has not had yet, in order for each session.

        About ``poll_bytes`` at most, the rest comes next time.
        """
        driver = self._drivers[driver_id]
        deliveries: list[Delivery] = []
        room = self._limits.poll_bytes
        while driver.news and room > 0:
            watching = next(iter(driver.news))
            del driver.news[watching]
            room = self._collect(watching, deliveries, room)
            if watching.news:
                driver.news[watching] = None  # behind the others
        return deliveries

    def _collect(self, watching: _Watching, deliveries: list[Delivery], room: int) -> int:
        while watching.news and room > 0:
            session_id = next(iter(watching.news))
            del watching.news[session_id]
            row = self.shelf.rows.get(session_id)
            if row is None:
                continue
            last = _seq(watching.cursors.get(session_id), row.epoch)
            if session_id in watching.marks:
                watching.marks.remove(session_id)
                deliveries.append(Delivery(watching.watch.id, Segment(session_id, row.epoch, last + 1, 0, b"")))
            for segment in row.after(last):
                if room <= 0:
                    watching.news[session_id] = None
                    break
                deliveries.append(Delivery(watching.watch.id, segment))
                watching.cursors[session_id] = (row.epoch, segment.last)
                room -= len(segment.data) + 1
        return room

    def _begin(self, driver: _Driver, watch: Watch) -> None:
        watching = _Watching(watch, driver, dict(watch.cursors))
        driver.watches[watch.id] = watching
        if watch.session_id is None:
            self._of_all[watching] = None
            sessions: Iterable[str] = tuple(self.shelf.rows)
        else:
            self._by_session.setdefault(watch.session_id, {})[watching] = None
            sessions = (watch.session_id,)
        for session_id in sessions:
            row = self.shelf.rows.get(session_id)
            if row is None:
                continue
            if watch.after is None and session_id not in watching.cursors:
                watching.cursors[session_id] = (row.epoch, row.last)
                watching.marks.add(session_id)
                self._tell(watching, session_id)
            seen = watching.cursors.setdefault(session_id, (row.epoch, watch.after or 0))
            if _seq(seen, row.epoch) < row.last:
                self._tell(watching, session_id)

    def _end(self, driver: _Driver, watch_id: int) -> None:
        watching = driver.watches.pop(watch_id, None)
        if watching is None:
            return
        driver.news.pop(watching, None)
        self._of_all.pop(watching, None)
        session_id = watching.watch.session_id
        if session_id is not None and (of_session := self._by_session.get(session_id)):
            of_session.pop(watching, None)
            if not of_session:
                del self._by_session[session_id]

    @staticmethod
    def _tell(watching: _Watching, session_id: str) -> None:
        watching.news[session_id] = None
        watching.driver.news[watching] = None


def _seq(cursor: tuple[int, int] | None, epoch: int) -> int:
    """The last number that a reader with *cursor* has of *epoch*."""
    return cursor[1] if cursor and cursor[0] == epoch else 0
