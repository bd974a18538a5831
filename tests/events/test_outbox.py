"""The outbox: numbers without gaps, text that waits together leaves together, and a limit to lean on."""

import asyncio

import pytest
from builders.segments import distinct_events, outbox, put_texts
from fixtures.virtual_time import run

from rayconteur.runtime.api.messages import Closed, FromLLM, TextChunk, ThinkingChunk, TurnStarted
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.segments import Segment, SessionEnd, decode_events


def taken(box: Outbox) -> list[FromLLM]:
    segment = box.take_segment()
    return decode_events(segment) if segment else []


def texts(events: list[FromLLM]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextChunk | ThinkingChunk)]


def test_events_are_numbered_from_one_without_gaps_over_all_that_is_taken() -> None:
    box = outbox("raven")
    segments: list[Segment | None] = []

    for count in (2, 1, 3):
        for event in distinct_events(count):
            box.put_event(event)
        segments.append(box.take_segment())

    assert [(each.first, each.last) for each in segments if each] == [(1, 2), (3, 3), (4, 6)]
    assert [event.seq for each in segments if each for event in decode_events(each)] == [1, 2, 3, 4, 5, 6]
    assert box.seq == 6


def test_nothing_to_take_is_nothing() -> None:
    assert outbox().take_segment() is None


def test_text_that_waits_together_leaves_as_one_event() -> None:
    box = outbox()

    put_texts(box, "Quoth ", "the ", "raven")

    assert texts(taken(box)) == ["Quoth the raven"]


@pytest.mark.parametrize(
    ("kind", "turn", "block"),
    [(ThinkingChunk, 1, 0), (TextChunk, 2, 0), (TextChunk, 1, 1)],
    ids=["another kind", "another turn", "another block"],
)
def test_text_is_not_joined_with_that_of(kind: type[TextChunk] | type[ThinkingChunk], turn: int, block: int) -> None:
    box = outbox()

    put_texts(box, "one", turn=1, block=0)
    box.put_text(kind, turn, block, "two")
    put_texts(box, "three", turn=1, block=0)

    assert texts(taken(box)) == ["one", "two", "three"]


def test_text_is_not_joined_over_an_event_in_between() -> None:
    box = outbox()

    put_texts(box, "one")
    box.put_event(TurnStarted(turn=1))
    put_texts(box, "two")

    assert [type(event) for event in taken(box)] == [TextChunk, TurnStarted, TextChunk]


def test_text_is_not_joined_with_what_was_taken() -> None:
    box = outbox()

    put_texts(box, "one")
    first = taken(box)
    put_texts(box, "two")

    assert (texts(first), texts(taken(box))) == (["one"], ["two"])


def test_it_calls_once_when_there_is_something_to_take_and_again_after_it_was_taken() -> None:
    calls: list[int] = []
    box = Outbox("a", 1, 1_000, lambda _: calls.append(box.size_bytes))

    put_texts(box, "")
    put_texts(box, "one", "two")
    box.put_event(TurnStarted(turn=1))
    assert len(calls) == 1

    box.take_segment()
    put_texts(box, "three")
    assert len(calls) == 2


def test_the_last_event_says_that_nothing_follows_and_nothing_does() -> None:
    box = outbox()

    put_texts(box, "bye")
    box.put_event(Closed())
    with pytest.raises(AssertionError):
        box.put_event(TurnStarted(turn=1))

    segment = box.take_segment()
    assert segment is not None
    assert (segment.count, segment.session_end) == (2, SessionEnd.CLOSED)


def test_what_was_taken_counts_until_it_is_acknowledged_and_what_came_meanwhile_goes_on_counting() -> None:
    box = outbox()

    put_texts(box, "x" * 500)
    box.take_segment()
    held_bytes = box.size_bytes
    put_texts(box, "y" * 200)
    box.acknowledge()

    assert held_bytes >= 500
    assert 200 <= box.size_bytes < held_bytes
    assert texts(taken(box)) == ["y" * 200]


def test_it_keeps_what_is_put_in_beyond_its_limit() -> None:
    box = outbox(limit_bytes=100)

    put_texts(box, "x" * 300)
    assert box.full
    put_texts(box, "y")

    assert texts(taken(box)) == ["x" * 300 + "y"]


def test_one_who_asks_for_room_waits_until_enough_is_acknowledged() -> None:
    async def main() -> list[str]:
        steps: list[str] = []
        box = outbox(limit_bytes=300)
        put_texts(box, "x" * 300)

        async def speaker() -> None:
            await box.wait_for_room()
            steps.append("room")

        waiting = asyncio.create_task(speaker())
        await asyncio.sleep(1)
        box.take_segment()
        put_texts(box, "y" * 300)
        box.acknowledge()
        await asyncio.sleep(1)
        steps.append("still full")
        box.take_segment()
        box.acknowledge()
        await waiting
        return steps

    assert run(main()) == ["still full", "room"]


def test_it_is_drained_when_all_is_acknowledged() -> None:
    async def main() -> list[bool]:
        box = outbox()
        put_texts(box, "bye")
        draining = asyncio.create_task(box.wait_drained())
        done: list[bool] = []
        for step in (box.take_segment, box.acknowledge):
            step()
            await asyncio.sleep(1)
            done.append(draining.done())
        return done

    assert run(main()) == [False, True]


def test_an_empty_one_has_room_and_is_drained_at_once() -> None:
    async def main() -> None:
        box = outbox(limit_bytes=1)
        await box.wait_for_room()
        await box.wait_drained()

    run(main())
