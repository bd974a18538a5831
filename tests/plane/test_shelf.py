"""The shelf keeps what it may, and lets go of the oldest."""

from rayconteur.runtime.plane.segments import Segment
from rayconteur.runtime.plane.shelf import RouterLimits, Shelf


def segment(session_id: str, first: int, count: int = 1, size: int = 10, epoch: int = 1) -> Segment:
    return Segment(session_id, epoch, first, count, b"x" * size)


def spans(segments: list[Segment]) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in segments]


def test_a_reader_gets_the_segments_with_anything_after_its_number() -> None:
    shelf = Shelf(RouterLimits())
    for first in (1, 4, 7):
        shelf.add(segment("a", first, count=3))

    row = shelf.rows["a"]
    assert [spans(row.after(seq)) for seq in (0, 3, 4, 8, 9, 20)] == [
        [(1, 3), (4, 6), (7, 9)],
        [(4, 6), (7, 9)],
        [(4, 6), (7, 9)],
        [(7, 9)],
        [],
        [],
    ]


def test_what_is_there_already_is_not_kept_twice() -> None:
    shelf = Shelf(RouterLimits())

    assert [shelf.add(segment("a", first)) for first in (1, 2, 2, 1, 3)] == [True, True, False, False, True]
    assert spans(shelf.rows["a"].after(0)) == [(1, 1), (2, 2), (3, 3)]


def test_a_session_keeps_the_newest_of_its_share() -> None:
    shelf = Shelf(RouterLimits(session_bytes=30))

    for first in range(1, 11):
        shelf.add(segment("a", first))

    assert spans(shelf.rows["a"].after(0)) == [(8, 8), (9, 9), (10, 10)]
    assert shelf.size_bytes == 30


def test_beyond_the_whole_the_oldest_go_first_whosever_they_are() -> None:
    shelf = Shelf(RouterLimits(total_bytes=40))

    for first in range(1, 4):
        shelf.add(segment("quiet", first))
    for first in range(1, 4):
        shelf.add(segment("loud", first))

    assert spans(shelf.rows["quiet"].after(0)) == [(3, 3)]
    assert spans(shelf.rows["loud"].after(0)) == [(1, 1), (2, 2), (3, 3)]
    assert shelf.size_bytes == 40


def test_where_everything_is_gone_an_empty_segment_says_so() -> None:
    shelf = Shelf(RouterLimits(total_bytes=10))
    shelf.add(segment("a", 1, count=5))

    shelf.add(segment("b", 1))

    assert [(one.first, one.count) for one in shelf.rows["a"].after(2)] == [(6, 0)]
    assert shelf.rows["a"].after(5) == []


def test_a_session_that_takes_an_old_id_begins_a_new_row() -> None:
    shelf = Shelf(RouterLimits())
    shelf.add(segment("a", 1, count=5, epoch=1))

    assert shelf.add(segment("a", 1, epoch=2))
    assert not shelf.add(segment("a", 6, epoch=1))

    assert spans(shelf.rows["a"].after(0)) == [(1, 1)]
    assert shelf.size_bytes == 10


def test_of_sessions_that_ended_only_so_many_are_remembered() -> None:
    shelf = Shelf(RouterLimits(ended_sessions=2))

    for name in "abcd":
        shelf.add(Segment(name, 1, 1, 1, b"x", final=True))

    assert set(shelf.rows) == {"c", "d"}
    assert shelf.size_bytes == 2
