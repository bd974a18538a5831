"""The publisher: one publish in flight, batches that grow, and nothing lost or doubled when a router fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from builders.segments import put_texts
from fixtures.virtual_time import run

from rayconteur.runtime.api.messages import FromLLM, TextChunk
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.publisher import Publisher
from rayconteur.runtime.events.segments import Segment, decode_events, decode_segments
from rayconteur.runtime.events.transport import RouterGone

MB = 1 << 20


class Desk:
    """Takes what is published, when it is let; it fails with *errors* first."""

    def __init__(self, *errors: Exception) -> None:
        self.batches: list[list[Segment]] = []
        self.heard_at: list[float] = []
        self.open = asyncio.Event()
        self.open.set()
        self._errors = list(errors)
        self._in_flight = 0

    async def publish(self, data: bytes) -> None:
        self._in_flight += 1
        assert self._in_flight == 1, "two publishes at once"
        self.heard_at.append(asyncio.get_running_loop().time())
        try:
            await self.open.wait()
            if self._errors:
                raise self._errors.pop(0)
            self.batches.append(decode_segments(data))
        finally:
            self._in_flight -= 1

    def said(self) -> list[list[str]]:
        """The texts in each batch."""
        return [[text(event) for segment in batch for event in decode_events(segment)] for batch in self.batches]


def text(event: FromLLM) -> str:
    assert isinstance(event, TextChunk)
    return event.text


Scene = Callable[[Desk, Publisher], Coroutine[Any, Any, None]]


def played(scene: Scene, *errors: Exception) -> Desk:
    """What came to the desk when *scene* was over."""

    async def main() -> Desk:
        desk = Desk(*errors)
        publisher = Publisher(desk.publish)
        running = asyncio.create_task(publisher.run())
        await scene(desk, publisher)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return desk

    return run(main())


def box(publisher: Publisher, session_id: str = "a", limit_bytes: int = 1_000) -> Outbox:
    return Outbox(session_id, 1, limit_bytes, publisher.schedule)


async def all_of(*boxes: Outbox) -> None:
    waiting: list[Awaitable[None]] = [each.wait_drained() for each in boxes]
    await asyncio.gather(*waiting)


def test_events_and_the_beginnings_of_texts_leave_at_once() -> None:
    async def scene(desk: Desk, publisher: Publisher) -> None:
        one = box(publisher)
        for block in (0, 1):
            one.put_text(TextChunk, 1, block, f"text {block}")
            await all_of(one)
        one.put_event(TextChunk(turn=1, text="an event"))
        await all_of(one)

    desk = played(scene)

    assert desk.said() == [["text 0"], ["text 1"], ["an event"]]
    assert desk.heard_at == [0.0, 0.0, 0.0]


def test_more_of_a_text_waits_for_company_until_the_last_publish_is_ten_milliseconds_ago() -> None:
    async def scene(desk: Desk, publisher: Publisher) -> None:
        one, other = box(publisher, "a"), box(publisher, "b")
        put_texts(one, "one")
        put_texts(other, "another's")
        await all_of(one, other)
        for word in ("and", " and", " and"):
            await asyncio.sleep(0.003)
            put_texts(one, word)
        put_texts(other, "more")
        await all_of(one, other)
        await asyncio.sleep(0.02)
        put_texts(one, "late")
        await all_of(one)

    desk = played(scene)

    assert desk.said() == [["one", "another's"], ["and and and", "more"], ["late"]]
    assert desk.heard_at == pytest.approx([0.0, 0.01, 0.03])


def test_what_does_not_wait_takes_along_what_does() -> None:
    async def scene(desk: Desk, publisher: Publisher) -> None:
        one, other = box(publisher, "a"), box(publisher, "b")
        put_texts(one, "one")
        await all_of(one)
        put_texts(one, "more")
        await asyncio.sleep(0.005)
        put_texts(other, "another's")
        await all_of(one, other)

    desk = played(scene)

    assert desk.said() == [["one"], ["more", "another's"]]
    assert desk.heard_at == pytest.approx([0.0, 0.005])


def test_an_outbox_that_is_half_full_waits_for_nobody() -> None:
    async def scene(desk: Desk, publisher: Publisher) -> None:
        one = box(publisher, limit_bytes=1_000)
        put_texts(one, "one")
        await all_of(one)
        put_texts(one, "x" * 300)
        await asyncio.sleep(0.005)
        put_texts(one, "y" * 300)
        await all_of(one)

    desk = played(scene)

    assert desk.said() == [["one"], ["x" * 300 + "y" * 300]]
    assert desk.heard_at == pytest.approx([0.0, 0.005])


def test_what_comes_while_a_publish_is_in_flight_goes_together_in_the_next() -> None:
    async def scene(desk: Desk, publisher: Publisher) -> None:
        one, other = box(publisher, "a"), box(publisher, "b")
        desk.open.clear()
        put_texts(one, "first")
        await asyncio.sleep(1)
        put_texts(one, "more", " and more")
        put_texts(other, "another's")
        await asyncio.sleep(1)
        desk.open.set()
        await all_of(one, other)

    assert played(scene).said() == [["first"], ["more and more", "another's"]]


def test_a_publish_that_fails_is_repeated_until_it_is_taken_and_nothing_is_lost_or_doubled() -> None:
    async def scene(_: Desk, publisher: Publisher) -> None:
        one = box(publisher)
        put_texts(one, "first")
        await asyncio.sleep(0.25)
        put_texts(one, "second")
        await all_of(one)

    desk = played(scene, ConnectionError(), ValueError(), TimeoutError())

    assert desk.said() == [["first"], ["second"]]
    assert [segment.first for batch in desk.batches for segment in batch] == [1, 2]


def test_the_pause_before_it_is_repeated_doubles_up_to_five_seconds() -> None:
    async def scene(_: Desk, publisher: Publisher) -> None:
        one = box(publisher)
        put_texts(one, "first")
        await all_of(one)

    desk = played(scene, *(ConnectionError() for _ in range(8)))

    pauses = [later - sooner for sooner, later in zip(desk.heard_at, desk.heard_at[1:], strict=False)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_an_outbox_has_room_again_only_when_the_router_has_what_was_taken() -> None:
    async def scene(desk: Desk, publisher: Publisher) -> None:
        one = box(publisher, limit_bytes=100)
        desk.open.clear()
        put_texts(one, "x" * 100)
        waiting = asyncio.create_task(one.wait_for_room())
        await asyncio.sleep(1)
        assert not waiting.done()
        desk.open.set()
        await waiting

    played(scene)


def test_no_batch_grows_far_beyond_four_megabytes_and_who_waited_longest_goes_first() -> None:
    async def scene(desk: Desk, publisher: Publisher) -> None:
        boxes = [box(publisher, f"{number:02}") for number in range(10)]
        desk.open.clear()
        for each in boxes:
            put_texts(each, "x" * MB)
        await asyncio.sleep(1)
        put_texts(boxes[0], "late")
        desk.open.set()
        await all_of(*boxes)

    desk = played(scene)

    sizes_bytes = [sum(segment.size_bytes for segment in batch) for batch in desk.batches]
    assert max(sizes_bytes) <= 5 * MB
    order = [segment.session_id for batch in desk.batches for segment in batch]
    assert order == [f"{number:02}" for number in range(10)] + ["00"]


def test_where_there_is_no_router_any_more_events_are_dropped_and_nobody_waits_for_good(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(_: Desk, publisher: Publisher) -> None:
        one = box(publisher)
        for word in ("one", "two"):
            put_texts(one, word)
            await all_of(one)

    with caplog.at_level(logging.ERROR):
        desk = played(scene, ConnectionError(), RouterGone())

    assert desk.said() == []
    assert [record.message for record in caplog.records] == [
        "the router is gone for good: this process drops its events from now on"
    ]
