"""A reader: events in order, gaps announced, and an end only after every event that has arrived."""

import asyncio
import time
import traceback
from contextlib import suppress

import pytest
from builders.segments import died, labels, read_to_end, segment
from fixtures.virtual_time import run

from rayconteur.runtime.api.errors import RuntimeClosed
from rayconteur.runtime.api.events import Closed, FromLLM, Missed
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.segments import END_SEQ, START, Position, Positions, Segment, SessionEnd


class ManualSource:
    """A source whose segments the test feeds by hand. It records what the reader reports."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.acknowledged: list[Segment] = []

    def subscribe(self, reader: Reader) -> None:
        self.calls.append("subscribe")

    def acknowledge(self, reader: Reader, segment: Segment) -> None:
        self.acknowledged.append(segment)

    async def check_responds(self, within_s: float) -> None:
        raise NotImplementedError

    def unsubscribe(self, reader: Reader) -> None:
        self.calls.append("unsubscribe")


def of_one(*segments: Segment, position: Position = (1, 0)) -> Reader:
    return fed(Reader(ManualSource(), "a", position), *segments)


def of_all(*segments: Segment, position: Position | None = START) -> Reader:
    return fed(Reader(ManualSource(), None, position), *segments)


def fed(reader: Reader, *segments: Segment) -> Reader:
    for each in segments:
        reader.feed(each)
    return reader


def available_labels(reader: Reader) -> list[str]:
    """The labels of all events that the reader has."""

    async def main() -> list[str]:
        reader.fail(TimeoutError())
        batches: list[list[str]] = []
        with suppress(TimeoutError):
            while True:
                batches.append(labels(await reader.batch()))
        return [label for batch in batches for label in batch]

    return run(main())


def test_iteration_yields_events_one_by_one_in_order() -> None:
    assert available_labels(of_one(segment("a", 1, 2), segment("a", 3))) == ["a1", "a2", "a3"]


def test_batch_returns_the_events_of_a_segment_together() -> None:
    async def main() -> list[list[str]]:
        reader = of_one(segment("a", 1, 2), segment("a", 3))
        return [labels(await reader.batch()) for _ in range(2)]

    assert run(main()) == [["a1", "a2"], ["a3"]]


def test_a_resting_reader_skips_what_arrives_and_takes_no_room_for_it() -> None:
    source = ManualSource()
    reader = fed(Reader(source, "a", (1, 0)), segment("a", 1, 2))

    reader.rest()

    assert source.acknowledged == [segment("a", 1, 2)]
    assert not reader.feed(segment("a", 3, 2))
    reader.resume()
    assert available_labels(fed(reader, segment("a", 5))) == ["a5"]


def test_a_reader_skips_to_a_number_without_reporting_a_gap_before_it() -> None:
    buffered = of_one(segment("a", 1, 2), segment("a", 3), segment("a", 6, 3), segment("a", 11))
    buffered.skip_to(7)
    ahead = of_one(segment("a", 1))
    ahead.skip_to(7)

    assert available_labels(buffered) == ["a8", "a9-10?", "a11"]
    assert available_labels(fed(ahead, segment("a", 2, 3), segment("a", 5, 4), segment("a", 9))) == ["a8", "a9"]


def test_a_session_that_ends_ends_a_resting_reader() -> None:
    reader = of_one(segment("a", 1))
    reader.rest()

    reader.feed(segment("a", 2, session_end=SessionEnd.DIED))

    assert reader.ended


@pytest.mark.parametrize("is_read", [False, True])
def test_the_end_that_has_arrived_before_a_reader_rests_is_read_later(is_read: bool) -> None:
    async def main() -> list[FromLLM]:
        reader = of_one(segment("a", 1), segment("a", 2, 2, session_end=SessionEnd.CLOSED))
        for _ in range(2 if is_read else 0):
            await anext(reader)
        reader.rest()
        reader.resume()
        reader.skip_to(2)
        return await read_to_end(reader)

    assert run(main()) == [Closed(session_id="a", seq=3)]


def test_a_repeated_segment_is_ignored() -> None:
    reader = of_one(segment("a", 1, 2))

    assert not reader.feed(segment("a", 1, 2))
    assert reader.feed(segment("a", 3))

    assert available_labels(reader) == ["a1", "a2", "a3"]


def test_a_reader_that_resumes_within_a_segment_gets_only_the_events_after_its_position() -> None:
    assert available_labels(of_one(segment("a", 1, 5), position=(1, 3))) == ["a4", "a5"]
    assert available_labels(of_one(segment("a", 1, 5), position=(1, 9))) == []


def test_a_gap_is_announced_in_its_place() -> None:
    reader = of_one(segment("a", 1), segment("a", 4))

    assert available_labels(reader) == ["a1", "a2-3?", "a4"]


def test_missed_has_the_number_of_the_last_missed_event() -> None:
    async def main() -> None:
        missed, *events = await of_one(segment("a", 4)).batch()

        assert missed == Missed(session_id="a", seq=3, at=missed.at, first=1, last=3)
        assert events == await of_one(segment("a", 4), position=(1, 3)).batch()

    run(main())


def test_what_no_session_emits_has_the_time_at_which_it_was_found_out() -> None:
    def dies_with(first: int) -> Segment:
        return Segment("a", 1, first, 1, died({}).last_event(), SessionEnd.DIED)

    async def main() -> None:
        before = time.time()
        missed, dead = await of_one(dies_with(5), position=(1, 3)).batch()
        (renumbered,) = await of_one(dies_with(1), position=(1, 3)).batch()

        assert isinstance(missed, Missed)
        assert (dead.seq, renumbered.seq) == (5, 4)
        assert all(before <= event.at <= time.time() for event in (missed, dead, renumbered))

    run(main())


def test_dropped_events_are_announced_as_soon_as_the_reader_is_told() -> None:
    assert available_labels(of_one(segment("a", 1), Segment("a", 1, 8, 0, b""), segment("a", 8))) == [
        "a1",
        "a2-7?",
        "a8",
    ]


def test_each_session_is_numbered_independently() -> None:
    reader = of_all(segment("a", 1), segment("b", 1, 2), segment("a", 2), segment("b", 5))

    assert available_labels(reader) == ["a1", "b1", "b2", "a2", "b3-4?", "b5"]


def test_a_reader_of_all_sessions_numbers_a_later_session_with_the_same_id_from_one() -> None:
    reader = of_all(segment("a", 1, 2), segment("a", 1, epoch=2), segment("a", 3))

    assert available_labels(reader) == ["a1", "a2", "a1"]


def test_a_reader_of_one_epoch_ignores_earlier_ones_and_ends_with_the_next_one() -> None:
    async def main() -> list[str]:
        reader = of_one(segment("a", 7, session_end=SessionEnd.CLOSED), segment("a", 1, epoch=2), position=(2, 0))
        reader.feed(segment("a", 1, epoch=3))
        assert reader.ended
        return labels(await read_to_end(reader))

    assert run(main()) == ["a1"]


def test_a_reader_from_now_on_starts_after_the_positions_of_the_router() -> None:
    reader = of_all(position=None)

    reader.start_after(Positions({"a": (1, 4), "b": (1, END_SEQ)}, 2))
    fed(reader, segment("a", 3, 2), segment("a", 6), segment("b", 1), segment("new", 2))

    assert available_labels(reader) == ["a5-5?", "a6", "new1-1?", "new2"]


# Ends


def test_the_reader_of_one_session_ends_after_closed() -> None:
    async def main() -> None:
        events = await read_to_end(of_one(segment("a", 1, 2, session_end=SessionEnd.CLOSED)))
        assert labels(events) == ["a1", "a2"]
        assert isinstance(events[-1], Closed)

    run(main())


def test_the_reader_of_all_sessions_does_not_end_after_closed() -> None:
    reader = of_all(segment("a", 1, session_end=SessionEnd.CLOSED))

    assert not reader.ended
    assert available_labels(fed(reader, segment("b", 1))) == ["a1", "b1"]


def test_a_death_is_the_last_event() -> None:
    async def main() -> None:
        reader = of_one(segment("a", 1), segment("a", 2, session_end=SessionEnd.DIED))

        assert labels(await read_to_end(reader)) == ["a1", "a2"]

    run(main())


@pytest.mark.parametrize(("position", "expected"), [(1, ["a2"]), (2, ["a3"]), (7, ["a8"])])
def test_a_death_is_read_once_also_from_a_router_that_did_not_know_how_far_the_session_had_come(
    position: int, expected: list[str]
) -> None:
    async def main() -> None:
        reader = of_one(segment("a", 2, session_end=SessionEnd.DIED), position=(1, position))

        assert labels(await read_to_end(reader)) == expected

    run(main())


def test_a_session_goes_on_in_a_later_incarnation_and_nothing_of_an_earlier_one_is_read() -> None:
    reader = of_all(
        segment("a", 1),
        segment("a", 2, 2, incarnation=2),
        segment("a", 4),
        segment("a", 6, incarnation=2),
        segment("a", 1, epoch=2),
        segment("a", 2, epoch=2),
    )

    assert available_labels(reader) == ["a1", "a2", "a3", "a4-5?", "a6", "a1", "a2"]


def test_an_end_marker_alone_ends_the_reader() -> None:
    async def main() -> None:
        assert labels(await read_to_end(of_one(Segment("a", 1, 1, 0, b"", SessionEnd.CLOSED), position=(1, 57)))) == []
        assert labels(await read_to_end(of_one(Segment("a", 1, 60, 0, b"", SessionEnd.CLOSED), position=(1, 57)))) == [
            "a58-59?"
        ]

    run(main())


def test_a_waiting_reader_wakes_on_a_segment_on_close_and_on_failure() -> None:
    async def main() -> list[str]:
        received: list[str] = []

        async def read(reader: Reader) -> None:
            try:
                received.extend(labels(await read_to_end(reader)))
            except RuntimeClosed:
                received.append("failed")

        readers = [of_one() for _ in range(3)]
        reading = [asyncio.create_task(read(reader)) for reader in readers]
        await asyncio.sleep(1)
        fed(readers[0], segment("a", 1, session_end=SessionEnd.CLOSED))
        readers[1].close()
        readers[2].fail(RuntimeClosed("left"))
        await asyncio.gather(*reading)
        return received

    assert run(main()) == ["a1", "failed"]


def test_readers_that_fail_with_the_same_error_do_not_make_its_traceback_longer() -> None:
    async def main() -> None:
        error = RuntimeClosed("left")
        for reader in [of_one() for _ in range(20)]:
            reader.fail(error)
            with suppress(RuntimeClosed):
                await reader.batch()
        assert len(traceback.extract_tb(error.__traceback__)) <= 3

    run(main())


def test_close_drops_unread_events() -> None:
    async def main() -> None:
        reader = of_one(segment("a", 1, 3))
        await anext(reader)
        reader.close()
        assert await read_to_end(reader) == []
        assert not reader.feed(segment("a", 4))

    run(main())


def test_a_cancelled_read_loses_no_event() -> None:
    async def main() -> list[str]:
        reader = of_one()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(reader)
        fed(reader, segment("a", 1, session_end=SessionEnd.CLOSED))
        return labels(await read_to_end(reader))

    assert run(main()) == ["a1"]


def test_the_source_is_told_of_the_subscription_of_each_segment_read_and_once_of_the_end() -> None:
    async def main() -> None:
        source = ManualSource()
        reader = Reader(source, "a", (1, 0))
        last = segment("a", 1, session_end=SessionEnd.CLOSED)
        fed(reader, last)
        await read_to_end(reader)
        reader.close()
        reader.fail(RuntimeClosed("left"))

        assert source.calls == ["subscribe", "unsubscribe"]
        assert source.acknowledged == [last]

    run(main())


def test_its_size_is_that_of_the_unread_segments() -> None:
    first, second = segment("a", 1), segment("a", 2, 3)
    reader = of_one(first, second)

    assert reader.size_bytes == first.size_bytes + second.size_bytes
    run(reader.batch())
    assert reader.size_bytes == second.size_bytes
