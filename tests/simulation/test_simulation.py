"""Simulated runs of durable sessions: whatever fails, and whenever it does, the books balance. ``make simulate``."""

import msgspec
import pytest
from simulation.schedules import Fault, FaultKind, Schedule, random_schedule, shrunk
from simulation.simulated import play

ONE = Schedule(seed=1, sessions=1, actions=3, routers=1, passivate_after_s=None, faults=())

FOUND = (
    # The ``ProcessLost`` of a router had the number of an event that was recorded, and not published.
    msgspec.structs.replace(ONE, actions=4, faults=(Fault(47, FaultKind.HOST, 48393),)),
    # What an older incarnation sent shared a commit with what the current one did: both were rejected.
    Schedule(235, 2, 8, 2, None, (
        Fault(90, FaultKind.DISK, 20732),
        Fault(152, FaultKind.HOST, 15422),
        Fault(311, FaultKind.HOST, 61318),
        Fault(375, FaultKind.JOURNAL, 23028),
        Fault(1019, FaultKind.ROUTER, 56762),
    )),
    # A router that was restarted did not know that another process had the session: both gave the same numbers.
    msgspec.structs.replace(ONE, seed=954, faults=(
        Fault(166, FaultKind.CALL, 7),
        Fault(173, FaultKind.TAKEOVER, 0),
        Fault(271, FaultKind.ROUTER, 0),
    )),
    # A restarted router took for the last number what a process knew from which the session had been taken over.
    Schedule(7002124, 3, 8, 1, None, (
        Fault(261, FaultKind.TAKEOVER, 32730),
        Fault(1533, FaultKind.HOST, 65423),
        Fault(2526, FaultKind.ROUTER, 1016),
    )),
)  # fmt: skip
"""Schedules after which they did not balance once."""


@pytest.mark.parametrize("seed", range(40))
def test_the_books_balance_after_a_random_schedule(seed: int) -> None:
    play(random_schedule(seed))


@pytest.mark.parametrize("schedule", FOUND)
def test_the_books_balance_where_they_did_not(schedule: Schedule) -> None:
    play(schedule)


@pytest.mark.parametrize("kind", FaultKind)
def test_the_books_balance_wherever_something_fails(kind: FaultKind) -> None:
    for step in range(5, 700, 29):
        play(msgspec.structs.replace(ONE, faults=(Fault(step, kind, 7 * step),)))


def test_the_books_balance_wherever_a_restarted_router_does_not_know_of_a_takeover() -> None:
    for step in range(100, 300, 8):
        faults = (Fault(step, FaultKind.CALL, 7), Fault(step + 7, FaultKind.TAKEOVER, 0))
        play(msgspec.structs.replace(ONE, seed=step, faults=(*faults, Fault(step + 105, FaultKind.ROUTER, 0))))


def test_a_schedule_is_played_the_same_way_again() -> None:
    """Else a seed would say nothing."""
    schedule = random_schedule(3)
    (steps, events), (again, the_same) = play(schedule), play(schedule)

    assert steps == again
    assert [len(each) for each in events.values()] == [len(each) for each in the_same.values()]


def test_a_failing_schedule_shrinks_to_what_is_needed() -> None:
    schedule = msgspec.structs.replace(random_schedule(4), sessions=3, actions=8, routers=2)
    needed = Fault(9, FaultKind.DISK, 1)
    faults = (*(Fault(step, FaultKind.HOST, 0) for step in range(8)), needed, Fault(10, FaultKind.CALL, 0))
    schedule = msgspec.structs.replace(schedule, faults=faults)

    small = shrunk(schedule, lambda each: needed in each.faults and each.actions >= 2)

    assert (small.sessions, small.actions, small.routers, small.faults) == (1, 2, 1, (needed,))
