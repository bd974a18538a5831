"""From outboxes over a router to readers, whatever happens: nothing is lost silently, nothing comes twice."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import msgspec
import pytest
import virtual_time
from hypothesis import given, settings
from hypothesis import strategies as st

import rayconteur as rc
from rayconteur.runtime.plane.hub import Hub, Wishes
from rayconteur.runtime.plane.outbox import Outbox
from rayconteur.runtime.plane.publisher import Publisher
from rayconteur.runtime.plane.reader import Reader
from rayconteur.runtime.plane.routes import Routes
from rayconteur.runtime.plane.segments import decode_segments
from rayconteur.runtime.plane.shelf import RouterLimits

WIDE = RouterLimits()
NARROW = RouterLimits(session_bytes=400, total_bytes=1_000, poll_bytes=100)


class Plane:
    """A router in this process, its drivers' hubs, and the outboxes of some sessions."""

    def __init__(self, limits: RouterLimits) -> None:
        self.limits = limits
        self.routes = Routes(limits)
        self.news = asyncio.Condition()
        self.publisher = Publisher(self._publish)
        self.lose_acknowledgements = 0
        self._epochs = count(1)
        self.boxes: dict[str, Outbox] = {}
        self.hub = Hub(_Line(self, "driver"))

    def session(self, session_id: str) -> Outbox:
        self.boxes[session_id] = Outbox(session_id, next(self._epochs), 1 << 20, self.publisher.wake)
        return self.boxes[session_id]

    async def restart(self) -> None:
        """The router is lost, and another takes its place."""
        async with self.news:
            self.routes = Routes(self.limits)
            self.news.notify_all()

    async def settle(self) -> None:
        for box in self.boxes.values():
            await box.drained()
        await asyncio.sleep(5)

    async def _publish(self, data: bytes) -> None:
        async with self.news:
            self.routes.publish(decode_segments(data))
            self.news.notify_all()
        assert self.routes.shelf.size_bytes <= self.limits.total_bytes or len(self.routes.shelf.rows) == 1
        if self.lose_acknowledgements:
            self.lose_acknowledgements -= 1
            raise ConnectionError("the acknowledgement is lost")


class _Line:
    def __init__(self, plane: Plane, driver_id: str) -> None:
        self._plane = plane
        self._driver_id = driver_id

    async def watch(self, wishes: bytes) -> None:
        wanted = msgspec.msgpack.decode(wishes, type=Wishes)
        async with self._plane.news:
            self._plane.routes.watch(self._driver_id, wanted.begun, wanted.ended)
            self._plane.news.notify_all()

    async def poll(self) -> bytes | None:
        async with self._plane.news:
            routes = self._plane.routes
            if not routes.knows(self._driver_id):
                return None
            await self._plane.news.wait_for(
                lambda: self._plane.routes is not routes or routes.has_news(self._driver_id)
            )
            if self._plane.routes is not routes:
                return None
            return msgspec.msgpack.encode(routes.collect(self._driver_id))


def over(limits: RouterLimits, main: Callable[[Plane], Awaitable[None]]) -> None:
    async def run() -> None:
        plane = Plane(limits)
        tasks = [asyncio.create_task(plane.publisher.run()), asyncio.create_task(plane.hub.run())]
        await main(plane)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtual_time.run(run())


class Log:
    """What a reader of one or all sessions saw, checked as it comes."""

    def __init__(self, reader: Reader, after: int = 0) -> None:
        self.reader = reader
        self.last: dict[str, int] = {}
        self.missed = 0
        self.texts: list[str] = []
        self._after = after
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.reader:
            last = self.last.get(event.session_id, self._after)
            if isinstance(event, rc.Missed):
                assert (event.first, event.last) == (last + 1, event.seq)
                self.missed += event.last - event.first + 1
            else:
                assert event.seq == last + 1
            if isinstance(event, rc.TextChunk):
                self.texts.append(event.text)
            self.last[event.session_id] = event.seq


def test_a_late_reader_gets_everything_that_is_held() -> None:
    async def main(plane: Plane) -> None:
        box = plane.session("a")
        for turn in range(20):
            box.put(rc.TurnStarted(turn=turn))
            await asyncio.sleep(0.1)

        logs = [Log(Reader(plane.hub, "a", after), after) for after in (0, 7, 20)]
        await plane.settle()
        box.put(rc.TurnStarted(turn=21))
        await plane.settle()

        assert [(log.last["a"], log.missed) for log in logs] == [(21, 0)] * 3

    over(WIDE, main)


def test_a_reader_from_now_on_gets_what_comes_and_nothing_older_also_when_it_was_slow() -> None:
    async def main(plane: Plane) -> None:
        old, new = plane.session("old"), plane.session("new")
        old.put(rc.TurnStarted(turn=1))
        await plane.settle()
        reader = Reader(plane.hub, None, None, limit_bytes=50)
        await plane.settle()
        for turn in range(2, 30):  # nobody reads, so that it lets go
            new.put(rc.TurnStarted(turn=turn))
            await asyncio.sleep(1)
        third = plane.session("third")
        third.put(rc.TurnStarted(turn=1))
        old.put(rc.TurnStarted(turn=2))
        await plane.settle()

        seen: list[tuple[str, int]] = []
        for _ in range(30):
            event = await anext(reader)
            seen.append((event.session_id, event.turn))

        assert sorted(seen) == sorted([("new", turn) for turn in range(2, 30)] + [("third", 1), ("old", 2)])

    over(WIDE, main)


def test_the_reader_of_one_session_ends_with_it() -> None:
    async def main(plane: Plane) -> None:
        box = plane.session("a")
        log = Log(Reader(plane.hub, "a", 0))
        box.put(rc.Closed(), final=True)
        await log.task

        late = [event async for event in Reader(plane.hub, "a", 0)]
        assert [type(event) for event in late] == [rc.Closed]

    over(WIDE, main)


def test_a_reader_that_fails_raises_after_what_it_has() -> None:
    async def main(plane: Plane) -> None:
        box = plane.session("a")
        reader = Reader(plane.hub, "a", 0)
        box.put(rc.TurnStarted(turn=1))
        await plane.settle()

        reader.fail(rc.SessionDied("it died"))

        assert (await anext(reader)).seq == 1
        with pytest.raises(rc.SessionDied):
            await anext(reader)

    over(WIDE, main)


def test_a_reader_that_is_closed_lets_whoever_iterates_go() -> None:
    async def main(plane: Plane) -> None:
        plane.session("a")
        log = Log(Reader(plane.hub, "a", 0))
        await plane.settle()

        log.reader.close()
        await log.task

    over(WIDE, main)


Move = tuple[str, int]
MOVES = st.one_of(
    st.tuples(st.sampled_from(["say", "chunk"]), st.integers(0, 3)),
    st.tuples(
        st.sampled_from(["rest", "restart", "lose", "read one", "read all", "again", "pause"]), st.integers(0, 3)
    ),
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(MOVES, min_size=10, max_size=80), st.booleans())
def test_every_reader_sees_numbers_rise_by_one_and_gaps_announced(moves: list[Move], narrow: bool) -> None:
    async def main(plane: Plane) -> None:
        boxes = [plane.session(f"s{number}") for number in range(4)]
        logs = [Log(Reader(plane.hub, None, 0))]
        restarted = False
        for move, number in moves:
            match move:
                case "say":
                    boxes[number].put(rc.TurnStarted(turn=1))
                case "chunk":
                    boxes[number].put_text(rc.TextChunk, 1, 0, f"text {number} " * 5)
                case "restart":
                    restarted = True
                    await plane.restart()
                case "lose":
                    plane.lose_acknowledgements += 1
                case "read one":
                    logs.append(Log(Reader(plane.hub, f"s{number}", 0, limit_bytes=60)))
                case "read all":
                    logs.append(Log(Reader(plane.hub, None, 0, limit_bytes=60)))
                case _:
                    await asyncio.sleep(number / 3)
        await plane.settle()
        for box in boxes:  # so that each gap has an event behind it
            box.put(rc.TurnStarted(turn=2))
        await plane.settle()

        for log in logs:
            assert not log.task.done(), log.task.exception()
            expected = {f"s{n}": box.seq for n, box in enumerate(boxes) if log.reader.session_id in (None, f"s{n}")}
            assert log.last == expected
            assert not log.missed or narrow or restarted
            log.reader.close()

    over(NARROW if narrow else WIDE, main)
