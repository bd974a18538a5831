"""The outbox numbers events without gaps, joins pending text, and limits what it holds."""

import asyncio
import time

import pytest
from builders.segments import distinct_events, outbox, put_texts
from fixtures.virtual_time import run

from rayconteur.runtime.api.events import Closed, FromLLM, TextChunk, ThinkingChunk, TurnStarted
from rayconteur.runtime.events.outbox import Outbox
from rayconteur.runtime.events.segments import Segment, SessionEnd, decode_events


def take_events(box: Outbox) -> list[FromLLM]:
    segment = box.take_segment()
    return decode_events(segment) if segment else []


def texts(events: list[FromLLM]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextChunk | ThinkingChunk)]


def next_instant() -> float:
    """The time, once it is a later one than before."""
    before = time.time()
    while (now := time.time()) == before:
        pass
    return now


def test_events_are_numbered_from_one_without_gaps_across_segments() -> None:
    box = outbox("raven")
    segments: list[Segment | None] = []

    for count in (2, 1, 3):
        for event in distinct_events(count):
            box.put_event(event)
        segments.append(box.take_segment())

    assert [(each.first, each.last) for each in segments if each] == [(1, 2), (3, 3), (4, 6)]
    assert [event.seq for each in segments if each for event in decode_events(each)] == [1, 2, 3, 4, 5, 6]
    assert box.seq == 6


def test_an_empty_outbox_has_no_segment() -> None:
    assert outbox().take_segment() is None


def test_pending_chunks_of_a_block_become_one_event() -> None:
    box = outbox()

    put_texts(box, "Quoth ", "the ", "raven")

    assert texts(take_events(box)) == ["Quoth the raven"]


@pytest.mark.parametrize(
    ("kind", "turn", "block"),
    [(ThinkingChunk, 1, 0), (TextChunk, 2, 0), (TextChunk, 1, 1)],
    ids=["another kind", "another turn", "another block"],
)
def test_chunks_are_not_joined_across(kind: type[TextChunk] | type[ThinkingChunk], turn: int, block: int) -> None:
    box = outbox()

    put_texts(box, "one", turn=1, block=0)
    box.put_text(kind, turn, block, "two")
    put_texts(box, "three", turn=1, block=0)

    assert texts(take_events(box)) == ["one", "two", "three"]


def test_chunks_are_not_joined_across_another_event() -> None:
    box = outbox()

    put_texts(box, "one")
    box.put_event(TurnStarted(turn=1))
    put_texts(box, "two")

    assert [type(event) for event in take_events(box)] == [TextChunk, TurnStarted, TextChunk]


def test_a_chunk_is_not_joined_with_one_that_was_taken() -> None:
    box = outbox()

    put_texts(box, "one")
    first = take_events(box)
    put_texts(box, "two")

    assert (texts(first), texts(take_events(box))) == (["one"], ["two"])


def test_it_notifies_once_when_events_are_pending_and_again_after_they_were_taken() -> None:
    notified_at_bytes: list[int] = []
    box = Outbox("a", 1, 1_000, lambda _: notified_at_bytes.append(box.size_bytes))

    put_texts(box, "")
    put_texts(box, "one", "two")
    box.put_event(TurnStarted(turn=1))
    assert len(notified_at_bytes) == 1

    box.take_segment()
    put_texts(box, "three")
    assert len(notified_at_bytes) == 2


def test_the_last_segment_says_that_the_session_was_closed_and_no_event_may_follow() -> None:
    box = outbox()

    put_texts(box, "bye")
    box.put_event(Closed())
    with pytest.raises(AssertionError):
        box.put_event(TurnStarted(turn=1))

    segment = box.take_segment()
    assert segment is not None
    assert (segment.count, segment.session_end) == (2, SessionEnd.CLOSED)


def test_taken_events_count_until_acknowledged_and_events_that_arrived_meanwhile_keep_counting() -> None:
    box = outbox()

    put_texts(box, "x" * 500)
    box.take_segment()
    held_bytes = box.size_bytes
    put_texts(box, "y" * 200)
    box.acknowledge()

    assert held_bytes >= 500
    assert 200 <= box.size_bytes < held_bytes
    assert texts(take_events(box)) == ["y" * 200]


def test_events_beyond_the_limit_are_kept() -> None:
    box = outbox(limit_bytes=100)

    put_texts(box, "x" * 300)
    assert box.full
    put_texts(box, "y")

    assert texts(take_events(box)) == ["x" * 300 + "y"]


def test_waiting_for_room_ends_when_enough_is_acknowledged() -> None:
    async def main() -> list[str]:
        steps: list[str] = []
        box = outbox(limit_bytes=300)
        put_texts(box, "x" * 300)

        async def produce() -> None:
            await box.wait_for_room()
            steps.append("room")

        waiting = asyncio.create_task(produce())
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


def test_it_is_drained_when_everything_is_acknowledged() -> None:
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


def test_an_empty_outbox_has_room_and_is_drained_at_once() -> None:
    async def main() -> None:
        box = outbox(limit_bytes=1)
        await box.wait_for_room()
        await box.wait_drained()

    run(main())


def test_an_event_has_the_time_at_which_it_was_put_and_not_that_at_which_it_was_taken() -> None:
    box = outbox()
    put_at: list[float] = []
    for event in distinct_events(3):
        put_at.append(next_instant())
        box.put_event(event)
    taken_at = next_instant()

    times = [event.at for event in take_events(box)]

    later = [*put_at[1:], taken_at]
    assert all(put <= at <= next_put for put, at, next_put in zip(put_at, times, later, strict=True))


def test_events_that_arrive_together_have_the_time_that_they_are_given() -> None:
    box = outbox()
    for event in distinct_events(2):
        box.put_event(event, at=7.5)

    assert [event.at for event in take_events(box)] == [7.5, 7.5]


@pytest.mark.parametrize("kind", [TextChunk, ThinkingChunk])
def test_joined_text_has_the_time_of_its_first_piece(kind: type[TextChunk] | type[ThinkingChunk]) -> None:
    box = outbox()
    box.put_text(kind, 1, 0, "Quoth ")
    second_at = next_instant()
    box.put_text(kind, 1, 0, "the raven")

    (event,) = take_events(box)

    assert 0 < event.at < second_at


def test_text_that_continues_what_was_taken_has_a_time_of_its_own() -> None:
    box = outbox()
    put_texts(box, "Quoth ")
    box.take_segment()
    second_at = next_instant()
    put_texts(box, "the raven")

    assert take_events(box)[0].at >= second_at


def test_what_is_held_is_taken_once_it_is_released_and_what_came_before_at_once() -> None:
    scheduled: list[Outbox] = []
    box = Outbox("raven", 1, 1 << 20, scheduled.append)
    put_texts(box, "before")

    assert box.hold() == 1
    box.put_event(Closed())

    before = box.take_segment()
    assert before is not None
    assert (before.first, before.last, before.session_end) == (1, 1, SessionEnd.NONE)
    assert box.take_segment() is None
    box.acknowledge()
    assert not box.has_ended
    scheduled.clear()

    box.release()

    assert scheduled == [box]
    after = box.take_segment()
    assert after is not None
    assert (after.first, after.last, after.session_end) == (2, 2, SessionEnd.CLOSED)
    box.acknowledge()
    assert box.has_ended


def test_events_are_released_up_to_a_number() -> None:
    box = outbox()
    box.hold()
    for event in distinct_events(3):
        box.put_event(event)

    box.release(2)
    assert [event.seq for event in take_events(box)] == [1, 2]
    box.release()
    assert [event.seq for event in take_events(box)] == [3]


def test_text_before_a_held_event_grows_no_more_and_text_behind_it_waits() -> None:
    box = outbox()
    put_texts(box, "one")

    assert box.hold() == 1
    put_texts(box, "two")
    assert texts(take_events(box)) == ["one"]
    assert box.last_seq == 1  # the text that is held may still grow

    box.release()
    assert texts(take_events(box)) == ["two"]


def test_a_fenced_outbox_drops_what_it_holds_back() -> None:
    box = outbox()
    box.hold()
    put_texts(box, "lost")

    box.fence()

    assert box.take_segment() is None
    assert box.size_bytes == 0
