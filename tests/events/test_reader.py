"""A reader: events in order, gaps announced, and an end that comes after all that is here."""

import asyncio
from contextlib import suppress

import pytest
from builders.segments import labels, read_events, read_to_end, segment
from fixtures.virtual_time import run

from rayconteur.runtime.api.errors import RuntimeClosed, SessionDied
from rayconteur.runtime.api.messages import Closed, Missed
from rayconteur.runtime.events.reader import Reader
from rayconteur.runtime.events.segments import END_SEQ, START, Position, Segment, SessionEnd


class ManualSource:
    """A source that sends what the test hands over, and notes what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.read: list[Segment] = []

    def subscribe(self, reader: Reader) -> None:
        self.heard.append("subscribe")

    def acknowledge(self, reader: Reader, segment: Segment) -> None:
        self.read.append(segment)

    def unsubscribe(self, reader: Reader) -> None:
        self.heard.append("unsubscribe")


def of_one(*segments: Segment, position: Position = (1, 0)) -> Reader:
    return fed(Reader(ManualSource(), "a", position), *segments)


def of_all(*segments: Segment, position: Position | None = START) -> Reader:
    return fed(Reader(ManualSource(), None, position), *segments)


def fed(reader: Reader, *segments: Segment) -> Reader:
    for each in segments:
        reader.feed(each)
    return reader


def words(reader: Reader) -> list[str]:
    """All that the reader says now."""

    async def main() -> list[str]:
        reader.fail(TimeoutError())
        batches: list[list[str]] = []
        with suppress(TimeoutError):
            while True:
                batches.append(labels(await reader.batch()))
        return [word for batch in batches for word in batch]

    return run(main())


def test_events_come_one_by_one_in_order() -> None:
    assert words(of_one(segment("a", 1, 2), segment("a", 3))) == ["a1", "a2", "a3"]


def test_events_come_together_in_batches_for_those_who_want_them_so() -> None:
    async def main() -> list[list[str]]:
        reader = of_one(segment("a", 1, 2), segment("a", 3))
        return [labels(await reader.batch()) for _ in range(2)]

    assert run(main()) == [["a1", "a2"], ["a3"]]


def test_what_came_already_is_passed_over() -> None:
    reader = of_one(segment("a", 1, 2))

    assert not reader.feed(segment("a", 1, 2))
    assert reader.feed(segment("a", 3))

    assert words(reader) == ["a1", "a2", "a3"]


def test_who_comes_after_a_number_gets_what_follows_it_also_from_within_a_segment() -> None:
    assert words(of_one(segment("a", 1, 5), position=(1, 3))) == ["a4", "a5"]
    assert words(of_one(segment("a", 1, 5), position=(1, 9))) == []


def test_a_gap_is_announced_where_it_is() -> None:
    reader = of_one(segment("a", 1), segment("a", 4))

    assert words(reader) == ["a1", "a2-3?", "a4"]


def test_what_is_announced_as_missed_has_the_number_of_the_last_one() -> None:
    async def main() -> None:
        assert await of_one(segment("a", 4)).batch() == [
            Missed(session_id="a", seq=3, first=1, last=3),
            *(await of_one(segment("a", 4), position=(1, 3)).batch()),
        ]

    run(main())


def test_that_all_is_gone_is_announced_when_it_is_known() -> None:
    assert words(of_one(segment("a", 1), Segment("a", 1, 8, 0, b""), segment("a", 8))) == ["a1", "a2-7?", "a8"]


def test_each_session_is_counted_by_itself() -> None:
    reader = of_all(segment("a", 1), segment("b", 1, 2), segment("a", 2), segment("b", 5))

    assert words(reader) == ["a1", "b1", "b2", "a2", "b3-4?", "b5"]


def test_another_life_of_an_id_counts_from_one_again_for_readers_of_all() -> None:
    reader = of_all(segment("a", 1, 2), segment("a", 1, epoch=2), segment("a", 3))

    assert words(reader) == ["a1", "a2", "a1"]


def test_a_reader_of_one_life_hears_nothing_of_the_lives_before_and_ends_with_the_next_one() -> None:
    async def main() -> list[str]:
        reader = of_one(segment("a", 7, session_end=SessionEnd.CLOSED), segment("a", 1, epoch=2), position=(2, 0))
        reader.feed(segment("a", 1, epoch=3))
        assert reader.ended
        return labels(await read_to_end(reader))

    assert run(main()) == ["a1"]


def test_a_reader_from_now_on_begins_where_it_is_placed() -> None:
    reader = of_all(position=None)

    reader.start_after({"a": (1, 4), "b": (1, END_SEQ)})
    fed(reader, segment("a", 3, 2), segment("a", 6), segment("b", 1), segment("new", 2))

    assert words(reader) == ["a5-5?", "a6", "new1-1?", "new2"]


# Ends


def test_the_reader_of_one_session_ends_after_closed() -> None:
    async def main() -> None:
        events = await read_to_end(of_one(segment("a", 1, 2, session_end=SessionEnd.CLOSED)))
        assert labels(events) == ["a1", "a2"]
        assert isinstance(events[-1], Closed)

    run(main())


def test_the_reader_of_all_sessions_does_not() -> None:
    reader = of_all(segment("a", 1, session_end=SessionEnd.CLOSED))

    assert not reader.ended
    assert words(fed(reader, segment("b", 1))) == ["a1", "b1"]


def test_that_the_session_died_is_raised_after_its_last_event() -> None:
    async def main() -> None:
        reader = of_one(segment("a", 1), Segment("a", 1, 2, 0, b"", SessionEnd.DIED))
        assert labels(await read_events(reader, 1)) == ["a1"]
        for _ in range(2):
            with pytest.raises(SessionDied, match="spawn it again"):
                await anext(reader)

    run(main())


def test_that_the_end_is_known_is_enough_to_end() -> None:
    async def main() -> None:
        assert labels(await read_to_end(of_one(Segment("a", 1, 1, 0, b"", SessionEnd.CLOSED), position=(1, 57)))) == []
        assert labels(await read_to_end(of_one(Segment("a", 1, 60, 0, b"", SessionEnd.CLOSED), position=(1, 57)))) == [
            "a58-59?"
        ]

    run(main())


def test_one_who_waits_is_woken_by_news_by_the_end_and_by_failure() -> None:
    async def main() -> list[str]:
        heard: list[str] = []

        async def listen(reader: Reader) -> None:
            try:
                heard.extend(labels(await read_to_end(reader)))
            except RuntimeClosed:
                heard.append("failed")

        readers = [of_one() for _ in range(3)]
        listening = [asyncio.create_task(listen(reader)) for reader in readers]
        await asyncio.sleep(1)
        fed(readers[0], segment("a", 1, session_end=SessionEnd.CLOSED))
        readers[1].close()
        readers[2].fail(RuntimeClosed("left"))
        await asyncio.gather(*listening)
        return heard

    assert run(main()) == ["a1", "failed"]


def test_closing_drops_what_was_not_read() -> None:
    async def main() -> None:
        reader = of_one(segment("a", 1, 3))
        await anext(reader)
        reader.close()
        assert await read_to_end(reader) == []
        assert not reader.feed(segment("a", 4))

    run(main())


def test_one_who_gives_up_waiting_loses_nothing() -> None:
    async def main() -> list[str]:
        reader = of_one()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await anext(reader)
        fed(reader, segment("a", 1, session_end=SessionEnd.CLOSED))
        return labels(await read_to_end(reader))

    assert run(main()) == ["a1"]


def test_the_source_hears_of_begin_of_each_segment_read_and_once_of_the_end() -> None:
    async def main() -> None:
        shop = ManualSource()
        reader = Reader(shop, "a", (1, 0))
        last = segment("a", 1, session_end=SessionEnd.CLOSED)
        fed(reader, last)
        await read_to_end(reader)
        reader.close()
        reader.fail(RuntimeClosed("left"))

        assert shop.heard == ["subscribe", "unsubscribe"]
        assert shop.read == [last]

    run(main())


def test_it_knows_about_what_it_holds() -> None:
    first, second = segment("a", 1), segment("a", 2, 3)
    reader = of_one(first, second)

    assert reader.size_bytes == first.size_bytes + second.size_bytes
    run(reader.batch())
    assert reader.size_bytes == second.size_bytes
