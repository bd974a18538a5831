"""The event log keeps segments within its limits, drops the oldest, and reports what it no longer holds."""

import time
from collections.abc import Iterable

import pytest
from builders.segments import OVERHEAD_BYTES, died, segment, sized_segment

from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.event_log import EventLog
from rayconteur.runtime.events.segments import (
    END_SEQ,
    START,
    LivingSessions,
    Position,
    Segment,
    SessionEnd,
)

SIZE_BYTES = OVERHEAD_BYTES + 10
DIED = died({}).last_event()


def spans(segments: Iterable[Segment]) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in segments]


def event_log(*segments: Segment, limits: RouterLimits | None = None) -> EventLog:
    log = EventLog(limits or RouterLimits(), lambda _: None)
    for each in segments:
        log.append(each)
    return log


@pytest.mark.parametrize(
    ("seq", "expected"),
    [(0, [(1, 3), (4, 6), (7, 9)]), (3, [(4, 6), (7, 9)]), (4, [(4, 6), (7, 9)]), (8, [(7, 9)]), (9, []), (20, [])],
)
def test_a_reader_gets_every_segment_that_has_an_event_after_its_position(
    seq: int, expected: list[tuple[int, int]]
) -> None:
    log = event_log(*(segment("a", first, 3) for first in (1, 4, 7)))

    assert spans(log.segments_after("a", (1, seq))) == expected


def test_finding_the_newest_segment_takes_no_longer_in_a_long_log_than_in_a_short_one() -> None:
    def shortest_s(segments: int) -> float:
        log = event_log(*(segment("a", first) for first in range(1, segments + 1)))

        def measure_s() -> float:
            start_s = time.process_time()
            for _ in range(100):
                assert spans(log.segments_after("a", (1, segments - 1))) == [(segments, segments)]
            return time.process_time() - start_s

        return min(measure_s() for _ in range(10))

    assert shortest_s(20_000) < 10 * shortest_s(20)  # searching from the front takes 200 times as long


def test_a_repeated_segment_is_ignored() -> None:
    log = event_log()

    assert [log.append(segment("a", first)) for first in (1, 2, 2, 1, 3)] == [True, True, False, False, True]
    assert spans(log.segments_after("a", START)) == [(1, 1), (2, 2), (3, 3)]


def test_a_session_beyond_its_limit_keeps_its_newest_segments() -> None:
    log = event_log(
        *(sized_segment("a", first, SIZE_BYTES) for first in range(1, 11)),
        limits=RouterLimits(session_bytes=3 * SIZE_BYTES),
    )

    assert spans(log.segments_after("a", START)) == [(8, 8), (9, 9), (10, 10)]
    assert log.size_bytes == 3 * SIZE_BYTES


def test_beyond_the_total_limit_the_oldest_segments_are_dropped_whichever_session_they_are_of() -> None:
    quiet = [sized_segment("quiet", first, SIZE_BYTES) for first in range(1, 4)]
    loud = [sized_segment("loud", first, SIZE_BYTES) for first in range(1, 4)]

    log = event_log(*quiet, *loud, limits=RouterLimits(total_bytes=4 * SIZE_BYTES))

    assert spans(log.segments_after("quiet", START)) == [(3, 3)]
    assert spans(log.segments_after("loud", START)) == [(1, 1), (2, 2), (3, 3)]
    assert log.size_bytes == 4 * SIZE_BYTES


def test_the_newest_segment_is_kept_however_large_it_is() -> None:
    tight = RouterLimits(session_bytes=300, total_bytes=300)

    log = event_log(sized_segment("a", 1, 400), sized_segment("b", 1, 5_000), limits=tight)

    assert spans(log.segments_after("b", START)) == [(1, 1)]
    assert log.size_bytes == 5_000


def test_when_all_segments_are_dropped_an_end_marker_reports_the_last_number() -> None:
    log = event_log(segment("a", 1, 5), segment("b", 1), limits=RouterLimits(total_bytes=1))

    assert [(one.first, one.count, one.session_end) for one in log.segments_after("a", (1, 2))] == [
        (6, 0, SessionEnd.NONE)
    ]
    assert spans(log.segments_after("a", (1, 5))) == []


def test_a_reader_that_has_all_events_but_not_the_end_gets_an_end_marker() -> None:
    log = event_log(segment("a", 1, 2), segment("a", 3, session_end=SessionEnd.CLOSED))

    assert spans(log.segments_after("a", (1, 2))) == [(3, 3)]
    assert [(one.count, one.session_end) for one in log.segments_after("a", (1, 3))] == [(0, SessionEnd.CLOSED)]
    assert spans(log.segments_after("a", (1, END_SEQ))) == []


def test_the_end_of_a_session_is_known_after_its_events_were_dropped() -> None:
    log = event_log(
        segment("a", 1, 2, session_end=SessionEnd.CLOSED), segment("b", 1), limits=RouterLimits(total_bytes=1)
    )

    assert [(one.first, one.count, one.session_end) for one in log.segments_after("a", START)] == [
        (3, 0, SessionEnd.CLOSED)
    ]


def test_a_death_is_reported_after_the_last_event() -> None:
    log = event_log(segment("a", 1, 2))

    assert log.end_session("a", 1, SessionEnd.DIED, DIED)

    assert [(one.first, one.count, one.session_end) for one in log.segments_after("a", START)] == [
        (1, 2, SessionEnd.NONE),
        (3, 1, SessionEnd.DIED),
    ]


def test_a_session_ends_only_once_and_no_segment_follows() -> None:
    log = event_log(segment("a", 1, session_end=SessionEnd.CLOSED))

    assert not log.end_session("a", 1, SessionEnd.DIED)
    assert not log.append(segment("a", 2))


def test_the_end_of_a_session_without_segments_is_known() -> None:
    log = event_log()

    assert log.end_session("a", 1, SessionEnd.CLOSED)

    assert [one.session_end for one in log.segments_after("a", (1, 57))] == [SessionEnd.CLOSED]


@pytest.mark.parametrize("whole_since", [0, 9], ids=["", "in a log that begins later"])
def test_an_end_whose_event_was_lost_comes_after_a_gap(whole_since: int) -> None:
    log = EventLog(RouterLimits(), lambda _: None, whole_since)
    log.append(segment("a", 1, 5))

    assert log.end_session("a", 1, SessionEnd.CLOSED)

    [end] = log.segments_after("a", (1, 5))
    assert end.first > 6


def test_a_session_that_reuses_an_id_starts_a_new_log_after_the_old_one() -> None:
    log = event_log(
        segment("a", 1, 5, epoch=1), segment("a", 6, session_end=SessionEnd.CLOSED), segment("a", 1, epoch=2)
    )

    assert not log.append(segment("a", 6, epoch=1))

    held = [(one.epoch, one.first, one.session_end) for one in log.segments_after("a", (1, 3))]
    assert held == [(1, 1, SessionEnd.NONE), (1, 6, SessionEnd.CLOSED), (2, 1, SessionEnd.NONE)]
    assert log.position("a") == (2, 1)
    assert spans(log.segments_after("a", (2, 0))) == [(1, 1)]


@pytest.mark.parametrize("position", [START, (1, 3), (1, 5)])
def test_nothing_of_a_later_session_comes_before_the_death_of_the_earlier_one(position: Position) -> None:
    log = event_log(segment("a", 1, 5, epoch=1), segment("a", 1, epoch=2))

    assert all(one.epoch == 1 for one in log.segments_after("a", position))
    assert spans(log.segments_after("a", (2, 0))) == [(1, 1)], "its own readers do not wait"
    assert log.end_session("a", 1, SessionEnd.DIED, DIED)

    ends = [(one.epoch, one.last, one.session_end) for one in log.segments_after("a", position)][-2:]
    assert ends == [(1, 6, SessionEnd.DIED), (2, 1, SessionEnd.NONE)]


def test_a_reader_of_a_session_that_is_not_known_is_told_of_its_end_and_not_of_a_later_session_before() -> None:
    log = event_log(segment("a", 1, epoch=2))

    assert not log.knows("a", 1)
    assert list(log.segments_after("a", (1, 5))) == []
    assert log.end_session("a", 1, SessionEnd.DIED, DIED)

    assert [(one.epoch, one.session_end) for one in log.segments_after("a", (1, 5))] == [
        (1, SessionEnd.DIED),
        (2, SessionEnd.NONE),
    ]


def test_sessions_are_missing_that_no_host_has_unless_it_may_be_one_that_has_not_reported() -> None:
    log = event_log()
    for name, host_id in (("lives", "told"), ("died", "dead"), ("hidden", "stopped"), ("of nobody", "")):
        log.append(segment(name, 1), host_id)
    log.append(segment("reused", 1, epoch=1), "dead")
    log.append(segment("reused", 1, epoch=2), "told")
    log.append(segment("later", 1, epoch=7), "told")
    log.append(segment("closed", 1, session_end=SessionEnd.CLOSED), "told")
    sessions = {"lives": 1, "reused": 2}

    def missing(living: LivingSessions) -> set[tuple[str, int]]:
        return {(each.session_id, each.epoch) for each in log.missing(living)}

    assert missing(LivingSessions(sessions, 7, frozenset({"stopped"}))) == {("died", 1), ("reused", 1)}
    assert missing(LivingSessions(sessions, 7)) == {
        ("died", 1),
        ("reused", 1),
        ("hidden", 1),
        ("of nobody", 1),
    }


def test_the_number_of_ended_sessions_is_limited_and_live_ones_are_kept() -> None:
    log = event_log(segment("living", 1), limits=RouterLimits(ended_sessions=2))

    for name in "abcd":
        log.append(segment(name, 1, session_end=SessionEnd.CLOSED))

    assert set(log) == {"living", "c", "d"}
    assert log.size_bytes == sum(segment.size_bytes for name in log for segment in log.segments_after(name, START))


def test_a_log_that_is_dropped_as_a_whole_leaves_an_end_marker() -> None:
    end_markers: list[Segment] = []
    log = EventLog(RouterLimits(ended_sessions=1), end_markers.append)

    log.append(segment("a", 1, 5, session_end=SessionEnd.CLOSED))
    log.append(segment("b", 1, session_end=SessionEnd.CLOSED))

    assert end_markers == [Segment("a", 1, 6, 0, b"", SessionEnd.CLOSED)]
