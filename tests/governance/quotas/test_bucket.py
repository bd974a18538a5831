"""A bucket never gives more than its limit in any period, and nearly all of it under a steady load."""

import pytest
from checkers.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from rayconteur.runtime.governance.quotas.bucket import Bucket

PERIOD_S = 60.0


def most_in_a_period(taken: list[tuple[float, float]]) -> float:
    """The most that *taken*, times and amounts, has in any period that begins with one of them."""
    return max(
        (sum(amount for at, amount in taken if start <= at < start + PERIOD_S) for start, _ in taken), default=0.0
    )


@settings(max_examples=examples(100, 2_000), deadline=None)
@given(
    limit=st.integers(1, 500),
    burst=st.floats(0.01, 1.0),
    asked=st.lists(st.tuples(st.floats(0.0, 20.0), st.floats(0.0, 1.0)), min_size=1, max_size=60),
)
def test_no_period_has_more_than_the_limit(limit: int, burst: float, asked: list[tuple[float, float]]) -> None:
    bucket = Bucket(limit, PERIOD_S, burst, 0.0)
    now, taken = 0.0, list[tuple[float, float]]()

    for wait_s, size in asked:
        now += wait_s
        amount = float(max(1, int(size * bucket.capacity)))
        now += bucket.wait_s(amount, now)
        if not bucket.wait_s(amount, now):
            bucket.take(amount)
            taken.append((now, amount))

    assert most_in_a_period(taken) <= limit + 1e-6


@pytest.mark.parametrize("limit", [1, 2, 5, 60, 4_000])
def test_a_steady_load_gets_nearly_all_of_the_limit(limit: int) -> None:
    bucket, now, taken = Bucket(limit, PERIOD_S, 0.05, 0.0), 0.0, 0

    while (wait_s := bucket.wait_s(1.0, now)) + now < 10 * PERIOD_S:
        now += wait_s
        bucket.take(1.0)
        taken += 1

    assert 0.94 * 10 * limit <= taken <= 10 * limit + 1


def test_an_amount_larger_than_the_burst_is_taken_from_a_full_bucket_and_paid_back() -> None:
    bucket = Bucket(1_000, PERIOD_S, 0.05, 0.0)

    assert bucket.wait_s(500.0, 0.0) == 0.0
    bucket.take(500.0)

    assert bucket.wait_s(1.0, 0.0) == pytest.approx(451.0 / bucket.rate)


def test_what_is_given_back_is_there_at_once_and_never_more_than_the_burst() -> None:
    bucket = Bucket(1_000, PERIOD_S, 0.05, 0.0)
    bucket.take(50.0)

    bucket.correct(-20.0, 0.0)
    assert bucket.wait_s(20.0, 0.0) == 0.0
    bucket.correct(-1_000.0, 0.0)

    assert bucket.level == bucket.capacity
