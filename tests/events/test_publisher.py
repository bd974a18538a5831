"""The publisher keeps one publish in flight, and neither loses nor repeats an event when a router fails."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from builders.segments import put_texts
from fixtures.virtual_time import run

from rayconteur.runtime.api.events import FromLLM, TextChunk
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.publisher import Publisher
from rayconteur.runtime.events.segments import Segment, decode_events, decode_segments
from rayconteur.runtime.events.transport import RouterGone

MB = 1 << 20


class FlakyRouter:
    """Accepts publishes while it is open, after it has failed with *errors*."""

    def __init__(self, *errors: Exception) -> None:
        self.batches: list[list[Segment]] = []
        self.called_at: list[float] = []
        self.open = asyncio.Event()
        self.open.set()
        self._errors = list(errors)
        self._in_flight = 0

    async def publish(self, data: bytes) -> None:
        self._in_flight += 1
        assert self._in_flight == 1, "two publishes at once"
        self.called_at.append(asyncio.get_running_loop().time())
        try:
            await self.open.wait()
            if self._errors:
                raise self._errors.pop(0)
            self.batches.append(decode_segments(data))
        finally:
            self._in_flight -= 1

    def texts(self) -> list[list[str]]:
        """The texts of each batch."""
        return [[text(event) for segment in batch for event in decode_events(segment)] for batch in self.batches]


def text(event: FromLLM) -> str:
    assert isinstance(event, TextChunk)
    return event.text


Scene = Callable[[FlakyRouter, Publisher], Coroutine[Any, Any, None]]


def play(scene: Scene, *errors: Exception) -> FlakyRouter:
    """Run *scene* with a publisher; returns the router with what it accepted."""

    async def main() -> FlakyRouter:
        router = FlakyRouter(*errors)
        publisher = Publisher(router.publish)
        running = asyncio.create_task(publisher.run())
        await scene(router, publisher)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return router

    return run(main())


def outbox(publisher: Publisher, session_id: str = "a", limit_bytes: int = 1_000) -> Outbox:
    return Outbox(session_id, 1, limit_bytes, publisher.schedule)


async def drain(*boxes: Outbox) -> None:
    waiting: list[Awaitable[None]] = [each.wait_drained() for each in boxes]
    await asyncio.gather(*waiting)


def test_events_and_the_first_chunk_of_a_block_are_published_at_once() -> None:
    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        one = outbox(publisher)
        for block in (0, 1):
            one.put_text(TextChunk, 1, block, f"text {block}")
            await drain(one)
        one.put_event(TextChunk(turn=1, text="an event"))
        await drain(one)

    router = play(scene)

    assert router.texts() == [["text 0"], ["text 1"], ["an event"]]
    assert router.called_at == [0.0, 0.0, 0.0]


def test_coalescible_text_lingers_until_the_next_tick() -> None:
    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        one, other = outbox(publisher, "a"), outbox(publisher, "b")
        put_texts(one, "one")
        put_texts(other, "another's")
        await drain(one, other)
        for word in ("and", " and", " and"):
            await asyncio.sleep(0.003)
            put_texts(one, word)
        put_texts(other, "more")
        await drain(one, other)
        await asyncio.sleep(0.02)
        put_texts(one, "late")
        await drain(one)

    router = play(scene)

    assert router.texts() == [["one", "another's"], ["and and and", "more"], ["late"]]
    assert router.called_at == pytest.approx([0.0, 0.015, 0.035])


def test_an_urgent_event_takes_the_lingering_text_of_its_own_session_along() -> None:
    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        one, other = outbox(publisher, "a"), outbox(publisher, "b")
        put_texts(one, "one")
        put_texts(other, "another's")
        await drain(one, other)
        put_texts(one, "more")
        put_texts(other, "another's more")
        await asyncio.sleep(0.005)
        one.put_event(TextChunk(turn=1, text="an event"))
        await drain(one, other)

    router = play(scene)

    assert router.texts() == [["one", "another's"], ["more", "an event"], ["another's more"]]
    assert router.called_at == pytest.approx([0.0, 0.005, 0.015])


TOKENS, TOKEN_S = 50, 0.02


async def stream(one: Outbox, starts_at: float) -> None:
    """Fifty tokens at fifty a second."""
    await asyncio.sleep(starts_at)
    for _ in range(TOKENS):
        put_texts(one, "x")
        await asyncio.sleep(TOKEN_S)


def publish_times(sessions: int) -> list[list[float]]:
    """When something of each of so many streams was published; they start at random within 0.2 s."""

    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        boxes = [outbox(publisher, str(number)) for number in range(sessions)]
        start = random.Random(7)
        await asyncio.gather(*(stream(box, start.uniform(0, 0.2)) for box in boxes))
        await drain(*boxes)

    router = play(scene)

    assert sum(len(texts) for batch in router.texts() for texts in batch) == sessions * TOKENS
    times = zip(router.called_at, router.batches, strict=True)
    published = [(segment.session_id, at) for at, batch in times for segment in batch]
    return [[at for published_id, at in published if published_id == str(number)] for number in range(sessions)]


def gaps(times: list[float]) -> list[float]:
    return [later - sooner for sooner, later in pairwise(times)]


def test_the_text_of_many_sessions_leaves_every_30_ms_and_at_most_35_ms_after_the_first_chunk() -> None:
    for times in publish_times(40):
        assert len(times) <= 0.7 * TOKENS, "less than 1.4 tokens at a time"
        assert max(gaps(times)) <= 0.035 + 1e-9
        assert gaps(times)[3:20] == pytest.approx([0.03] * 17)


def test_the_text_of_few_sessions_leaves_at_each_tick() -> None:
    for times in publish_times(4):
        assert len(times) >= 0.95 * TOKENS
        assert max(gaps(times)) <= 0.035 + 1e-9


def test_the_text_of_a_half_full_outbox_does_not_linger() -> None:
    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        one = outbox(publisher, limit_bytes=1_000)
        put_texts(one, "one")
        await drain(one)
        put_texts(one, "x" * 300)
        await asyncio.sleep(0.005)
        put_texts(one, "y" * 300)
        await drain(one)

    router = play(scene)

    assert router.texts() == [["one"], ["x" * 300 + "y" * 300]]
    assert router.called_at == pytest.approx([0.0, 0.005])


def test_events_that_arrive_during_a_publish_form_the_next_batch() -> None:
    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        one, other = outbox(publisher, "a"), outbox(publisher, "b")
        router.open.clear()
        put_texts(one, "first")
        await asyncio.sleep(1)
        put_texts(one, "more", " and more")
        put_texts(other, "another's")
        await asyncio.sleep(1)
        router.open.set()
        await drain(one, other)

    assert play(scene).texts() == [["first"], ["another's", "more and more"]]


def test_a_failed_publish_is_repeated_until_accepted_and_no_event_is_lost_or_repeated() -> None:
    async def scene(_: FlakyRouter, publisher: Publisher) -> None:
        one = outbox(publisher)
        put_texts(one, "first")
        await asyncio.sleep(0.25)
        put_texts(one, "second")
        await drain(one)

    router = play(scene, ConnectionError(), ValueError(), TimeoutError())

    assert router.texts() == [["first"], ["second"]]
    assert [segment.first for batch in router.batches for segment in batch] == [1, 2]


def test_the_pause_between_attempts_doubles_up_to_five_seconds() -> None:
    async def scene(_: FlakyRouter, publisher: Publisher) -> None:
        one = outbox(publisher)
        put_texts(one, "first")
        await drain(one)

    router = play(scene, *(ConnectionError() for _ in range(8)))

    pauses = [later - sooner for sooner, later in zip(router.called_at, router.called_at[1:], strict=False)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_an_outbox_has_room_only_after_the_router_has_accepted_its_events() -> None:
    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        one = outbox(publisher, limit_bytes=100)
        router.open.clear()
        put_texts(one, "x" * 100)
        waiting = asyncio.create_task(one.wait_for_room())
        await asyncio.sleep(1)
        assert not waiting.done()
        router.open.set()
        await waiting

    play(scene)


def test_a_batch_is_limited_to_about_four_megabytes_and_the_longest_waiting_outbox_comes_first() -> None:
    async def scene(router: FlakyRouter, publisher: Publisher) -> None:
        boxes = [outbox(publisher, f"{number:02}") for number in range(10)]
        router.open.clear()
        for each in boxes:
            put_texts(each, "x" * MB)
        await asyncio.sleep(1)
        put_texts(boxes[0], "late")
        router.open.set()
        await drain(*boxes)

    router = play(scene)

    sizes_bytes = [sum(segment.size_bytes for segment in batch) for batch in router.batches]
    assert max(sizes_bytes) <= 5 * MB
    order = [segment.session_id for batch in router.batches for segment in batch]
    assert order == [f"{number:02}" for number in range(10)] + ["00"]


def test_when_the_router_is_gone_for_good_events_are_dropped_and_outboxes_drain(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(_: FlakyRouter, publisher: Publisher) -> None:
        one = outbox(publisher)
        for word in ("one", "two"):
            put_texts(one, word)
            await drain(one)

    with caplog.at_level(logging.ERROR):
        router = play(scene, ConnectionError(), RouterGone())

    assert router.texts() == []
    assert [record.message for record in caplog.records] == [
        "the router is gone for good: this process drops its events from now on"
    ]
