"""The leases of drivers, whatever is lost, arrives twice or late."""

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rayconteur.runtime.cluster.directory.leases import Leases

GRACE_S = 5.0
DRIVERS = st.sampled_from(["one", "two"])


class LeaseMachine(RuleBasedStateMachine):
    """Drivers that connect, lose connections, and leave; a lost connection may be noticed late, and after a new one."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases(GRACE_S)
        self.now = 0.0
        self.open: dict[str, list[object]] = {"one": [], "two": []}  # by driver, in order
        self.unnoticed: list[tuple[str, object]] = []
        self.left: set[str] = set()
        self.without_connection_since: dict[str, float] = {}

    @rule(driver=DRIVERS)
    def connect(self, driver: str) -> None:
        connection = object()

        accepted = self.leases.connect(driver, connection)

        assert accepted == (driver not in self.left)
        if accepted:
            self.open[driver].append(connection)
            self.without_connection_since.pop(driver, None)

    @rule(driver=DRIVERS)
    def expect(self, driver: str) -> None:
        known = driver in self.leases

        self.leases.expect(driver, self.now)

        if not known and driver not in self.left:
            self.without_connection_since[driver] = self.now

    @rule(driver=DRIVERS, latest=st.booleans())
    def lose_a_connection(self, driver: str, latest: bool) -> None:
        if self.open[driver]:
            self.unnoticed.append((driver, self.open[driver].pop(-1 if latest else 0)))

    @rule(repeated=st.booleans())
    def notice_a_lost_connection(self, repeated: bool) -> None:
        if not self.unnoticed:
            return
        driver, connection = self.unnoticed[0]
        if not repeated:
            self.unnoticed.pop(0)
        was_current = self.leases.is_connected(driver, connection)

        self.leases.disconnect(driver, connection, self.now)

        if was_current:
            self.without_connection_since[driver] = self.now

    @rule(driver=DRIVERS)
    def leave(self, driver: str) -> None:
        self.leases.leave(driver)

        self.left.add(driver)
        self.without_connection_since.pop(driver, None)

    @rule(seconds=st.floats(0, 2 * GRACE_S))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        due = {each for each, since in self.without_connection_since.items() if since + GRACE_S <= self.now}

        expired = self.leases.expire(self.now)

        assert set(expired) == due
        for driver in expired:
            del self.without_connection_since[driver]

    @invariant()
    def a_driver_that_has_left_has_no_lease(self) -> None:
        assert not any(driver in self.leases for driver in self.left)

    @invariant()
    def a_driver_without_connection_has_its_lease_for_the_grace_period(self) -> None:
        assert all(driver in self.leases for driver in self.without_connection_since)


TestLeases = LeaseMachine.TestCase


def test_a_driver_that_connects_again_in_time_keeps_its_lease() -> None:
    leases = Leases(GRACE_S)
    first, second = object(), object()
    leases.connect("one", first)
    leases.disconnect("one", first, 0.0)

    leases.connect("one", second)
    leases.disconnect("one", first, 1.0)  # the loss of the first one is noticed once more

    assert leases.expire(1_000.0) == []
    assert "one" in leases


def test_a_driver_that_never_connects_loses_its_lease() -> None:
    leases = Leases(GRACE_S)
    leases.expect("one", 0.0)

    assert leases.expire(GRACE_S - 0.1) == []
    assert leases.expire(GRACE_S) == ["one"]
    assert len(leases) == 0
