"""The outbox numbers events, joins text that waits together, and knows when it is full."""

import asyncio

import rayconteur as rc
from rayconteur.runtime.plane.outbox import Outbox
from rayconteur.runtime.plane.segments import Segment, decode_events


def outbox(limit_bytes: int = 10_000) -> Outbox:
    return Outbox("s", 1, limit_bytes, lambda _: None)


def events(segment: Segment | None) -> list[rc.FromLLM]:
    assert segment is not None
    return decode_events(segment)


def test_events_are_numbered_from_1_on_without_gaps() -> None:
    box = outbox()

    box.put(rc.TurnStarted(turn=1))
    first = events(box.take())
    box.put(rc.Interrupted(turn=1))
    box.put(rc.TurnStarted(turn=2))
    second = events(box.take())

    assert [(event.session_id, event.seq) for event in first + second] == [("s", 1), ("s", 2), ("s", 3)]
    assert box.take() is None


def test_text_of_one_block_that_waits_together_leaves_together() -> None:
    box = outbox()

    for text in ("Two ", "", "rav", "ens"):
        box.put_text(rc.TextChunk, 1, 0, text)

    assert events(box.take()) == [rc.TextChunk(session_id="s", seq=1, turn=1, text="Two ravens")]


def test_text_is_never_joined_over_a_block_a_turn_a_kind_or_another_event() -> None:
    box = outbox()

    box.put_text(rc.TextChunk, 1, 0, "a")
    box.put_text(rc.TextChunk, 1, 1, "b")
    box.put_text(rc.ThinkingChunk, 1, 1, "c")
    box.put_text(rc.ThinkingChunk, 2, 1, "d")
    box.put(rc.Interrupted(turn=2))
    box.put_text(rc.ThinkingChunk, 2, 1, "e")

    assert [getattr(event, "text", None) for event in events(box.take())] == ["a", "b", "c", "d", None, "e"]


def test_what_was_taken_counts_until_it_is_acknowledged() -> None:
    async def main() -> None:
        box = outbox(limit_bytes=500)
        box.put_text(rc.TextChunk, 1, 0, "x" * 600)
        box.take()
        assert box.full

        waiting = asyncio.create_task(box.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        box.acknowledge()
        await waiting

        assert (box.full, box.size_bytes) == (False, 0)

    asyncio.run(main())


def test_it_wakes_its_publisher_for_whatever_is_put_in() -> None:
    woken: list[Outbox] = []
    box = Outbox("s", 1, 10_000, woken.append)

    box.put(rc.TurnStarted(turn=1))
    box.put_text(rc.TextChunk, 1, 0, "a")

    assert woken == [box, box]


def test_the_last_segment_says_that_nothing_follows() -> None:
    box = outbox()

    box.put(rc.Closed(), final=True)

    segment = box.take()
    assert segment is not None
    assert segment.final
