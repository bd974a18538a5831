"""What happens in a simulated run: how many sessions there are, what is done in them, and what fails when."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from random import Random

import msgspec


class FaultKind(StrEnum):
    """What fails."""

    HOST = "the process of sessions is killed"
    TAKEOVER = "a session goes on elsewhere, and its process lives"
    JOURNAL = "the journal's process crashes"
    REPLY = "a reply of the journal is lost"
    DISK = "syncs fail"
    ROUTER = "a router is restarted"
    CONNECTION = "a connection to a router breaks"
    CALL = "a call to a router, or its reply, is lost"


class Fault(msgspec.Struct, frozen=True):
    """What fails before callback *step* of the event loop. *choice* says which of several."""

    step: int
    kind: FaultKind
    choice: int


class Schedule(msgspec.Struct, frozen=True):
    """A run: *sessions* in which *actions* are done, and the *faults*. All else follows from the *seed*."""

    seed: int
    sessions: int
    actions: int
    routers: int
    passivate_after_s: float | None
    faults: tuple[Fault, ...]


STEPS = 3_000
"""Most faults happen in so many callbacks after the start: that is how long few actions take."""


def random_schedule(seed: int) -> Schedule:
    """The schedule of *seed*."""
    random = Random(seed)
    sessions, actions = random.choice((1, 1, 2, 3)), random.choice((2, 4, 8))
    count = random.choice((1, 1, 2, 3, 5, 8))
    span = min(STEPS, 400 * sessions * actions)
    steps = sorted(random.sample(range(span), count))
    kinds = tuple(FaultKind)
    faults = tuple(Fault(step, random.choice(kinds), random.randrange(1 << 16)) for step in steps)
    return Schedule(seed, sessions, actions, random.choice((1, 2)), random.choice((None, None, 0.3)), faults)


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """A smaller schedule that *fails*, too: no part of it can be left out."""
    while smaller := next(filter(fails, _smaller(schedule)), None):
        schedule = smaller
    return schedule


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    def replaced(**changes: object) -> Schedule:
        return msgspec.structs.replace(schedule, **changes)

    for place in range(len(schedule.faults)):
        yield replaced(faults=schedule.faults[:place] + schedule.faults[place + 1 :])
    for sessions in range(1, schedule.sessions):
        yield replaced(sessions=sessions)
    for actions in range(1, schedule.actions):
        yield replaced(actions=actions)
    if schedule.routers > 1:
        yield replaced(routers=1)
    if schedule.passivate_after_s is not None:
        yield replaced(passivate_after_s=None)
