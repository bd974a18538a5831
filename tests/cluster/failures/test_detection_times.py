"""Whoever is concerned by a failure is told of it in time, or goes on: one round of each scenario of the table."""

import pytest
from detection.play import LIMIT_S, SCENARIOS
from detection.run import Skipped, seconds_of

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_failure_is_reported_in_time(name: str) -> None:
    try:
        seconds = seconds_of(name, rounds=1)
    except Skipped as reason:
        pytest.skip(str(reason))

    assert max(seconds) <= LIMIT_S
