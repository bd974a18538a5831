"""The shelf keeps what it may, lets go of the oldest, and knows what is gone."""

import time
from collections.abc import Iterable

import pytest
from builders.segments import OVERHEAD_BYTES, segment, sized_segment

from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.event_log import EventLog
from rayconteur.runtime.events.segments import END_SEQ, START, Segment, SessionEnd

SIZE_BYTES = OVERHEAD_BYTES + 10


def spans(segments: Iterable[Segment]) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in segments]


def event_log(*segments: Segment, limits: RouterLimits | None = None) -> EventLog:
    filled = EventLog(limits or RouterLimits(), lambda _: None)
    for each in segments:
        filled.append(each)
    return filled


@pytest.mark.parametrize(
    ("seq", "held"),
    [(0, [(1, 3), (4, 6), (7, 9)]), (3, [(4, 6), (7, 9)]), (4, [(4, 6), (7, 9)]), (8, [(7, 9)]), (9, []), (20, [])],
)
def test_a_reader_gets_the_segments_with_anything_after_its_number(seq: int, held: list[tuple[int, int]]) -> None:
    full = event_log(*(segment("a", first, 3) for first in (1, 4, 7)))

    assert spans(full.segments_after("a", (1, seq))) == held


def test_the_newest_segment_is_found_as_fast_in_a_long_row_as_in_a_short_one() -> None:
    def shortest_s(row: int) -> float:
        full = event_log(*(segment("a", first) for first in range(1, row + 1)))

        def once() -> float:
            begun_s = time.process_time()
            for _ in range(100):
                assert spans(full.segments_after("a", (1, row - 1))) == [(row, row)]
            return time.process_time() - begun_s

        return min(once() for _ in range(10))

    assert shortest_s(20_000) < 10 * shortest_s(20)  # 200 times as long, where it is looked for from the front


def test_what_is_there_already_is_not_kept_twice() -> None:
    here = event_log()

    assert [here.append(segment("a", first)) for first in (1, 2, 2, 1, 3)] == [True, True, False, False, True]
    assert spans(here.segments_after("a", START)) == [(1, 1), (2, 2), (3, 3)]


def test_a_session_keeps_the_newest_of_its_share() -> None:
    here = event_log(
        *(sized_segment("a", first, SIZE_BYTES) for first in range(1, 11)),
        limits=RouterLimits(session_bytes=3 * SIZE_BYTES),
    )

    assert spans(here.segments_after("a", START)) == [(8, 8), (9, 9), (10, 10)]
    assert here.size_bytes == 3 * SIZE_BYTES


def test_beyond_the_whole_the_oldest_go_first_whosever_they_are() -> None:
    quiet = [sized_segment("quiet", first, SIZE_BYTES) for first in range(1, 4)]
    loud = [sized_segment("loud", first, SIZE_BYTES) for first in range(1, 4)]

    here = event_log(*quiet, *loud, limits=RouterLimits(total_bytes=4 * SIZE_BYTES))

    assert spans(here.segments_after("quiet", START)) == [(3, 3)]
    assert spans(here.segments_after("loud", START)) == [(1, 1), (2, 2), (3, 3)]
    assert here.size_bytes == 4 * SIZE_BYTES


def test_the_newest_segment_stays_however_large_it_is() -> None:
    tight = RouterLimits(session_bytes=300, total_bytes=300)

    here = event_log(sized_segment("a", 1, 400), sized_segment("b", 1, 5_000), limits=tight)

    assert spans(here.segments_after("b", START)) == [(1, 1)]
    assert here.size_bytes == 5_000


def test_where_all_is_gone_a_segment_without_events_says_so() -> None:
    here = event_log(segment("a", 1, 5), segment("b", 1), limits=RouterLimits(total_bytes=1))

    assert [(one.first, one.count, one.session_end) for one in here.segments_after("a", (1, 2))] == [
        (6, 0, SessionEnd.NONE)
    ]
    assert spans(here.segments_after("a", (1, 5))) == []


def test_a_session_that_ended_says_so_to_whoever_does_not_know_it() -> None:
    here = event_log(segment("a", 1, 2), segment("a", 3, session_end=SessionEnd.CLOSED))

    assert spans(here.segments_after("a", (1, 2))) == [(3, 3)]
    assert [(one.count, one.session_end) for one in here.segments_after("a", (1, 3))] == [(0, SessionEnd.CLOSED)]
    assert spans(here.segments_after("a", (1, END_SEQ))) == []


def test_that_a_session_ended_is_known_when_all_its_events_are_gone() -> None:
    here = event_log(
        segment("a", 1, 2, session_end=SessionEnd.CLOSED), segment("b", 1), limits=RouterLimits(total_bytes=1)
    )

    assert [(one.first, one.count, one.session_end) for one in here.segments_after("a", START)] == [
        (3, 0, SessionEnd.CLOSED)
    ]


def test_a_session_that_died_says_so_behind_its_last_event() -> None:
    here = event_log(segment("a", 1, 2))

    assert here.end_session("a", 1, SessionEnd.DIED)

    assert [(one.first, one.count, one.session_end) for one in here.segments_after("a", START)] == [
        (1, 2, SessionEnd.NONE),
        (3, 0, SessionEnd.DIED),
    ]


def test_a_session_ends_once_and_nothing_follows() -> None:
    here = event_log(segment("a", 1, session_end=SessionEnd.CLOSED))

    assert not here.end_session("a", 1, SessionEnd.DIED)
    assert not here.append(segment("a", 2))
    assert not here.end_session("a", 0, SessionEnd.DIED)


def test_the_end_of_a_session_that_nobody_heard_of_is_known() -> None:
    here = event_log()

    assert here.end_session("a", 1, SessionEnd.CLOSED)

    assert [one.session_end for one in here.segments_after("a", (1, 57))] == [SessionEnd.CLOSED]


def test_a_session_that_takes_an_old_id_begins_a_new_row_behind_the_old_one() -> None:
    here = event_log(segment("a", 1, 5, epoch=1), segment("a", 1, epoch=2))

    assert not here.append(segment("a", 6, epoch=1))

    held = [(one.epoch, one.first, one.session_end) for one in here.segments_after("a", (1, 3))]
    assert held == [(1, 1, SessionEnd.NONE), (1, 6, SessionEnd.CLOSED), (2, 1, SessionEnd.NONE)]
    assert here.position("a") == (2, 1)
    assert spans(here.segments_after("a", (2, 0))) == [(1, 1)]


def test_of_sessions_that_ended_only_so_many_are_remembered_and_the_living_stay() -> None:
    here = event_log(segment("living", 1), limits=RouterLimits(ended_sessions=2))

    for name in "abcd":
        here.append(segment(name, 1, session_end=SessionEnd.CLOSED))

    assert set(here) == {"living", "c", "d"}
    assert here.size_bytes == sum(segment.size_bytes for name in here for segment in here.segments_after(name, START))


def test_a_row_that_goes_as_a_whole_leaves_word_of_what_it_was() -> None:
    left: list[Segment] = []
    here = EventLog(RouterLimits(ended_sessions=1), left.append)

    here.append(segment("a", 1, 5, session_end=SessionEnd.CLOSED))
    here.append(segment("b", 1, session_end=SessionEnd.CLOSED))

    assert left == [Segment("a", 1, 6, 0, b"", SessionEnd.CLOSED)]
