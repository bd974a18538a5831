"""Subscriptions: each driver gets what it has not received, within its limits, and costs the others nothing."""

from collections.abc import Iterable

import pytest
from builders.segments import segment, sized_segment

from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.segments import END_SEQ, Position, Segment, SessionEnd
from rayconteur.runtime.events.subscriptions import Delivery, Subscription, Subscriptions, SubscriptionUpdate

PLENTY = 1 << 20


def subscriptions_of(*segments: Segment, limits: RouterLimits | None = None) -> Subscriptions:
    filled = Subscriptions(limits or RouterLimits())
    filled.publish(segments)
    return filled


def subscription(
    session_id: str | None, number: int = 1, credit_bytes: int = PLENTY, **cursors: Position
) -> Subscription:
    return Subscription(number, session_id, credit_bytes, cursors)


def replacing(*watches: Subscription) -> SubscriptionUpdate:
    return SubscriptionUpdate(replace_all=True, added=list(watches))


def collected(here: Subscriptions, driver_id: str = "d") -> list[tuple[int, str, int]]:
    return spans(here.collect(driver_id))


def spans(deliveries: Iterable[Delivery]) -> list[tuple[int, str, int]]:
    return [(each.subscription_id, each.segment.session_id, each.segment.first) for each in deliveries]


def test_who_comes_late_gets_what_is_held_and_then_what_comes() -> None:
    here = subscriptions_of(segment("a", 1), segment("a", 2))

    here.apply("d", replacing(subscription("a")))
    first = collected(here)
    drivers = here.publish([segment("a", 3)])

    assert (first, drivers, collected(here)) == ([(1, "a", 1), (1, "a", 2)], {"d"}, [(1, "a", 3)])
    assert not here.has_deliverable("d")


def test_who_comes_back_gets_what_it_has_not_had() -> None:
    here = subscriptions_of(*(segment("a", first) for first in range(1, 5)))

    here.apply("d", replacing(subscription("a", a=(1, 2))))

    assert collected(here) == [(1, "a", 3), (1, "a", 4)]


def test_who_has_everything_gets_nothing() -> None:
    here = subscriptions_of(segment("a", 1), segment("b", 1, session_end=SessionEnd.CLOSED))

    here.apply("d", replacing(subscription(None, a=(1, 1), b=(1, END_SEQ))))

    assert not here.has_deliverable("d")
    assert here.publish([segment("a", 1)]) == set()


def test_one_session_or_all_each_gets_its_own() -> None:
    here = subscriptions_of(segment("a", 1), segment("b", 1))

    here.apply("d", replacing(subscription("a", number=1), subscription(None, number=2)))
    here.apply("e", replacing(subscription("b", number=1)))

    assert collected(here, "d") == [(1, "a", 1), (2, "a", 1), (2, "b", 1)]
    assert collected(here, "e") == [(1, "b", 1)]


def test_only_drivers_with_something_to_collect_are_named() -> None:
    here = subscriptions_of()
    here.apply("d", replacing(subscription("a")))
    here.apply("e", replacing(subscription(None)))
    here.apply("f", replacing(subscription("other")))

    assert here.publish([segment("a", 1), segment("b", 1)]) == {"d", "e"}


def test_a_watch_that_ended_gets_nothing_more() -> None:
    here = subscriptions_of()
    here.apply("d", replacing(subscription("a", number=1), subscription(None, number=2)))
    here.publish([segment("a", 1)])

    here.apply("d", SubscriptionUpdate(replace_all=False, removed=[1, 2, 77]))

    assert not here.has_deliverable("d")
    assert here.publish([segment("a", 2)]) == set()


def test_whole_wishes_take_the_place_of_all_before() -> None:
    here = subscriptions_of(segment("a", 1), segment("b", 1))
    here.apply("d", replacing(subscription("a", number=1)))

    here.apply("d", replacing(subscription("b", number=2)))

    assert collected(here) == [(2, "b", 1)]
    assert here.publish([segment("a", 2)]) == set()


def test_a_driver_that_is_not_known_is_told_so_and_nothing_is_done() -> None:
    here = subscriptions_of(segment("a", 1))

    assert here.apply("d", SubscriptionUpdate(replace_all=False, added=[subscription("a")])) is None
    assert not here.has_driver("d")
    assert here.publish([segment("a", 2)]) == set()


def test_a_driver_that_was_forgotten_is_not_known() -> None:
    here = subscriptions_of()
    here.apply("d", replacing(subscription("a"), subscription(None, number=2)))

    here.remove_driver("d")

    assert not here.has_driver("d")
    assert here.publish([segment("a", 1)]) == set()
    here.remove_driver("d")


def test_watches_of_sessions_that_nothing_is_known_of_are_named() -> None:
    here = subscriptions_of(segment("a", 1))

    unknown = here.apply(
        "d", replacing(subscription("a", number=1), subscription("ghost", number=2), subscription(None, number=3))
    )

    assert unknown == [2]


# Limits


def test_no_more_is_collected_at_once_than_a_poll_may_have_and_the_rest_comes_next_time() -> None:
    here = subscriptions_of(
        *(sized_segment("a", first, 300) for first in range(1, 8)), limits=RouterLimits(poll_bytes=700)
    )
    here.apply("d", replacing(subscription("a")))

    assert [len(here.collect("d")) for _ in range(3)] == [3, 3, 1]
    assert not here.has_deliverable("d")


def test_a_reader_gets_no_more_than_it_has_room_for_until_it_asks_for_more() -> None:
    here = subscriptions_of(*(sized_segment("a", first, 300) for first in range(1, 8)))
    here.apply("d", replacing(subscription("a", credit_bytes=500)))

    first = collected(here)
    assert here.publish([sized_segment("a", 8, 300)]) == set()
    assert not here.has_deliverable("d")
    here.apply("d", SubscriptionUpdate(replace_all=False, more_bytes={1: 700}))

    assert first == [(1, "a", 1), (1, "a", 2)]
    assert collected(here) == [(1, "a", 3), (1, "a", 4)]
    assert not here.has_deliverable("d")


def test_a_reader_without_room_costs_the_others_nothing() -> None:
    here = subscriptions_of(
        *(sized_segment("a", first, 300) for first in range(1, 4)), limits=RouterLimits(poll_bytes=300)
    )
    here.apply("d", replacing(subscription("a", number=1, credit_bytes=0), subscription("a", number=2)))

    assert [collected(here) for _ in range(3)] == [[(2, "a", 1)], [(2, "a", 2)], [(2, "a", 3)]]


def test_readers_of_one_driver_take_turns() -> None:
    here = subscriptions_of(
        *(sized_segment("a", first, 300) for first in range(1, 3)), limits=RouterLimits(poll_bytes=300)
    )
    here.apply("d", replacing(subscription("a", number=1), subscription("a", number=2)))

    assert [collected(here)[0][0] for _ in range(4)] == [1, 2, 1, 2]


def test_sessions_of_one_reader_take_turns() -> None:
    loud = [sized_segment("loud", first, 300) for first in range(1, 5)]
    here = subscriptions_of(*loud, sized_segment("quiet", 1, 300), limits=RouterLimits(poll_bytes=300))
    here.apply("d", replacing(subscription(None)))

    assert [collected(here)[0][1] for _ in range(3)] == ["loud", "quiet", "loud"]


def test_what_a_reader_of_all_sessions_has_had_is_remembered_only_while_they_are() -> None:
    here = subscriptions_of(limits=RouterLimits(ended_sessions=1))
    here.apply("d", replacing(subscription(None)))

    for number in range(3_000):
        here.publish([segment(f"s{number}", 1, session_end=SessionEnd.CLOSED)])
        here.collect("d")

    assert here.cursor_count("d") < 1_100


# Ends


def test_a_session_that_died_is_told_after_its_last_event() -> None:
    here = subscriptions_of(segment("a", 1), segment("b", 1))
    here.apply("d", replacing(subscription("a"), subscription(None, number=2)))
    here.collect("d")

    assert here.end_sessions({"a": 1, "b": 1}, SessionEnd.DIED) == {"d"}

    told = [(each.subscription_id, each.segment.session_id, each.segment.session_end) for each in here.collect("d")]
    assert told == [(1, "a", SessionEnd.DIED), (2, "a", SessionEnd.DIED), (2, "b", SessionEnd.DIED)]
    assert here.end_sessions({"a": 1}, SessionEnd.DIED) == set()


def test_a_session_that_goes_as_a_whole_before_it_was_read_leaves_word_of_what_it_was() -> None:
    here = subscriptions_of(limits=RouterLimits(ended_sessions=1))
    here.apply("d", replacing(subscription("a", number=1), subscription(None, number=2)))

    here.publish(
        [
            segment("a", 1, 4),
            segment("a", 5, session_end=SessionEnd.CLOSED),
            segment("b", 1, session_end=SessionEnd.CLOSED),
        ]
    )

    told = [
        (each.subscription_id, each.segment.session_id, each.segment.first, each.segment.session_end)
        for each in here.collect("d")
    ]
    assert told == [(1, "a", 6, SessionEnd.CLOSED), (2, "a", 6, SessionEnd.CLOSED), (2, "b", 1, SessionEnd.CLOSED)]


@pytest.mark.parametrize("read_first", [True, False])
def test_lives_of_one_id_come_one_after_the_other(read_first: bool) -> None:
    here = subscriptions_of(
        segment("a", 1, session_end=SessionEnd.CLOSED, epoch=1), limits=RouterLimits(ended_sessions=1)
    )
    here.apply("d", replacing(subscription(None)))
    told = here.collect("d") if read_first else []

    here.publish([segment("a", 1, session_end=SessionEnd.CLOSED, epoch=2), segment("a", 1, epoch=3)])

    told += here.collect("d")
    assert [each.segment.epoch for each in told] == [1, 2, 3]
