"""Subscriptions: each driver gets what it has not received, within its limits, and costs the others nothing."""

from collections.abc import Iterable

import pytest
from builders.segments import died, segment, sized_segment

from rayconteur.runtime.api.options import RouterLimits
from rayconteur.runtime.events.segments import END_SEQ, Position, Segment, SessionEnd
from rayconteur.runtime.events.subscriptions import Delivery, Subscription, Subscriptions, SubscriptionUpdate

PLENTY = 1 << 20


def subscriptions_of(*segments: Segment, limits: RouterLimits | None = None) -> Subscriptions[str]:
    core = Subscriptions[str](limits or RouterLimits())
    core.publish(segments)
    return core


def subscription(
    session_id: str | None, number: int = 1, credit_bytes: int = PLENTY, **cursors: Position
) -> Subscription:
    return Subscription(number, session_id, credit_bytes, cursors)


def adding(*added: Subscription) -> SubscriptionUpdate:
    return SubscriptionUpdate(added=list(added))


def collected(core: Subscriptions[str], driver_id: str = "d") -> list[tuple[int, str, int]]:
    return spans(core.collect(driver_id))


def spans(deliveries: Iterable[Delivery]) -> list[tuple[int, str, int]]:
    return [(each.subscription_id, each.segment.session_id, each.segment.first) for each in deliveries]


def test_a_late_subscription_gets_the_held_segments_and_then_new_ones() -> None:
    core = subscriptions_of(segment("a", 1), segment("a", 2))

    core.apply("d", adding(subscription("a")))
    first = collected(core)
    drivers = core.publish([segment("a", 3)])

    assert (first, drivers, collected(core)) == ([(1, "a", 1), (1, "a", 2)], {"d"}, [(1, "a", 3)])
    assert not core.has_deliverable("d")


def test_a_subscription_with_cursors_gets_only_the_segments_after_them() -> None:
    core = subscriptions_of(*(segment("a", first) for first in range(1, 5)))

    core.apply("d", adding(subscription("a", a=(1, 2))))

    assert collected(core) == [(1, "a", 3), (1, "a", 4)]


def test_a_subscription_with_current_cursors_gets_nothing() -> None:
    core = subscriptions_of(segment("a", 1), segment("b", 1, session_end=SessionEnd.CLOSED))

    core.apply("d", adding(subscription(None, a=(1, 1), b=(1, END_SEQ))))

    assert not core.has_deliverable("d")
    assert core.publish([segment("a", 1)]) == set()


def test_each_subscription_gets_its_own_sessions_only() -> None:
    core = subscriptions_of(segment("a", 1), segment("b", 1))

    core.apply("d", adding(subscription("a", number=1), subscription(None, number=2)))
    core.apply("e", adding(subscription("b", number=1)))

    assert collected(core, "d") == [(1, "a", 1), (2, "a", 1), (2, "b", 1)]
    assert collected(core, "e") == [(1, "b", 1)]


def test_publish_returns_only_drivers_with_something_to_collect() -> None:
    core = subscriptions_of()
    core.apply("d", adding(subscription("a")))
    core.apply("e", adding(subscription(None)))
    core.apply("f", adding(subscription("other")))

    assert core.publish([segment("a", 1), segment("b", 1)]) == {"d", "e"}


def test_a_removed_subscription_gets_nothing_more() -> None:
    core = subscriptions_of()
    core.apply("d", adding(subscription("a", number=1), subscription(None, number=2)))
    core.publish([segment("a", 1)])

    core.apply("d", SubscriptionUpdate(removed=[1, 2, 77]))

    assert not core.has_deliverable("d")
    assert core.publish([segment("a", 2)]) == set()


def test_a_removed_driver_is_forgotten() -> None:
    core = subscriptions_of()
    core.apply("d", adding(subscription("a"), subscription(None, number=2)))

    core.remove_driver("d")

    assert "d" not in core.drivers
    assert not core.has_deliverable("d")
    assert core.publish([segment("a", 1)]) == set()
    core.remove_driver("d")


def test_added_subscriptions_to_unknown_sessions_are_returned() -> None:
    core = subscriptions_of(segment("a", 1))

    unknown = core.apply(
        "d", adding(subscription("a", number=1), subscription("ghost", number=2), subscription(None, number=3))
    )

    assert unknown == [2]


def test_new_segments_that_a_subscription_has_already_are_not_delivered() -> None:
    core = subscriptions_of()
    core.apply("d", adding(subscription("a", a=(1, 4))))

    drivers = core.publish([segment("a", 1, 3), segment("a", 4), segment("a", 5)])

    assert (drivers, collected(core)) == ({"d"}, [(1, "a", 5)])


def test_new_segments_do_not_overtake_what_waits_for_the_driver() -> None:
    core = subscriptions_of(segment("a", 1))
    core.apply("d", adding(subscription("a", number=1), subscription("b", number=2, b=(1, 0))))

    core.publish([segment("b", 1)])

    assert collected(core) == [(1, "a", 1), (2, "b", 1)]


# Limits


def test_one_collection_is_limited_and_the_rest_comes_with_the_next() -> None:
    core = subscriptions_of(
        *(sized_segment("a", first, 300) for first in range(1, 8)), limits=RouterLimits(push_bytes=700)
    )
    core.apply("d", adding(subscription("a")))

    assert [len(core.collect("d")) for _ in range(3)] == [3, 3, 1]
    assert not core.has_deliverable("d")


def test_a_subscription_gets_no_more_than_its_credit_until_more_is_granted() -> None:
    core = subscriptions_of(*(sized_segment("a", first, 300) for first in range(1, 8)))
    core.apply("d", adding(subscription("a", credit_bytes=500)))

    first = collected(core)
    assert core.publish([sized_segment("a", 8, 300)]) == set()
    assert not core.has_deliverable("d")
    core.apply("d", SubscriptionUpdate(more_bytes={1: 700}))

    assert first == [(1, "a", 1), (1, "a", 2)]
    assert collected(core) == [(1, "a", 3), (1, "a", 4)]
    assert not core.has_deliverable("d")


def test_a_subscription_without_credit_costs_the_others_nothing() -> None:
    core = subscriptions_of(
        *(sized_segment("a", first, 300) for first in range(1, 4)), limits=RouterLimits(push_bytes=300)
    )
    core.apply("d", adding(subscription("a", number=1, credit_bytes=0), subscription("a", number=2)))

    assert [collected(core) for _ in range(3)] == [[(2, "a", 1)], [(2, "a", 2)], [(2, "a", 3)]]


def test_subscriptions_of_one_driver_take_turns() -> None:
    core = subscriptions_of(
        *(sized_segment("a", first, 300) for first in range(1, 3)), limits=RouterLimits(push_bytes=300)
    )
    core.apply("d", adding(subscription("a", number=1), subscription("a", number=2)))

    assert [collected(core)[0][0] for _ in range(4)] == [1, 2, 1, 2]


def test_sessions_of_one_subscription_take_turns() -> None:
    loud = [sized_segment("loud", first, 300) for first in range(1, 5)]
    core = subscriptions_of(*loud, sized_segment("quiet", 1, 300), limits=RouterLimits(push_bytes=300))
    core.apply("d", adding(subscription(None)))

    assert [collected(core)[0][1] for _ in range(3)] == ["loud", "quiet", "loud"]


def test_cursors_of_a_subscription_to_all_sessions_are_dropped_with_the_sessions() -> None:
    core = subscriptions_of(limits=RouterLimits(ended_sessions=1))
    core.apply("d", adding(subscription(None)))

    for number in range(3_000):
        core.publish([segment(f"s{number}", 1, session_end=SessionEnd.CLOSED)])
        core.collect("d")

    assert core.cursor_count("d") < 1_100


# Ends


def test_a_death_is_delivered_after_the_last_event() -> None:
    core = subscriptions_of(segment("a", 1), segment("b", 1))
    core.apply("d", adding(subscription("a"), subscription(None, number=2)))
    core.collect("d")

    assert core.end_sessions(died({"a": 1, "b": 1})) == {"d"}

    delivered = [
        (each.subscription_id, each.segment.session_id, each.segment.session_end) for each in core.collect("d")
    ]
    assert delivered == [(1, "a", SessionEnd.DIED), (2, "a", SessionEnd.DIED), (2, "b", SessionEnd.DIED)]
    assert core.end_sessions(died({"a": 1})) == set()


def test_a_log_dropped_before_it_was_delivered_leaves_an_end_marker() -> None:
    core = subscriptions_of(limits=RouterLimits(ended_sessions=1))
    core.apply("d", adding(subscription("a", number=1), subscription(None, number=2)))

    core.publish(
        [
            segment("a", 1, 4),
            segment("a", 5, session_end=SessionEnd.CLOSED),
            segment("b", 1, session_end=SessionEnd.CLOSED),
        ]
    )

    delivered = [
        (each.subscription_id, each.segment.session_id, each.segment.first, each.segment.session_end)
        for each in core.collect("d")
    ]
    assert delivered == [(1, "a", 6, SessionEnd.CLOSED), (2, "a", 6, SessionEnd.CLOSED), (2, "b", 1, SessionEnd.CLOSED)]


@pytest.mark.parametrize("read_first", [True, False])
def test_sessions_that_reuse_an_id_are_delivered_one_after_the_other(read_first: bool) -> None:
    core = subscriptions_of(
        segment("a", 1, session_end=SessionEnd.CLOSED, epoch=1), limits=RouterLimits(ended_sessions=1)
    )
    core.apply("d", adding(subscription(None)))
    delivered = core.collect("d") if read_first else []

    core.publish([segment("a", 1, session_end=SessionEnd.CLOSED, epoch=2), segment("a", 1, epoch=3)])

    delivered += core.collect("d")
    assert [each.segment.epoch for each in delivered] == [1, 2, 3]
