"""The delay before a failed request is sent again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayconteur.providers.schema.draft import Partial
from rayconteur.runtime.api.settings.policies import RetryPolicy
from rayconteur.runtime.core import events as ev
from rayconteur.runtime.core.retry import backoff_delay_s

POLICY = RetryPolicy(max_attempts=4, first_delay_s=1.0, max_delay_s=5.0, max_elapsed_s=60.0)


def failure(
    retryable: bool = True, retry_after_s: float | None = None, elapsed_s: float = 0.0, jitter: float = 0.0
) -> ev.RequestFailed:
    return ev.RequestFailed(
        request=1,
        failure=ev.Failure(code="overloaded", message="wait", retryable=retryable, retry_after_s=retry_after_s),
        elapsed_s=elapsed_s,
        jitter=jitter,
    )


def test_the_delay_doubles_up_to_its_limit() -> None:
    policy = RetryPolicy(max_attempts=9, first_delay_s=1.0, max_delay_s=5.0)

    assert [backoff_delay_s(policy, failure(), attempt) for attempt in (1, 2, 3, 4, 5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_jitter_removes_up_to_half_of_the_delay() -> None:
    assert backoff_delay_s(POLICY, failure(jitter=1.0), 2) == 1.0
    assert backoff_delay_s(POLICY, failure(jitter=0.5), 2) == 1.5


def test_a_failure_that_is_not_retryable_is_not_retried() -> None:
    assert backoff_delay_s(POLICY, failure(retryable=False), 1) is None


def test_no_attempt_follows_the_last_one() -> None:
    assert backoff_delay_s(POLICY, failure(), 3) is not None
    assert backoff_delay_s(POLICY, failure(), 4) is None


def test_a_policy_of_one_attempt_never_retries() -> None:
    assert backoff_delay_s(RetryPolicy(max_attempts=1), failure(), 1) is None


def test_retry_after_is_a_lower_bound() -> None:
    assert backoff_delay_s(POLICY, failure(retry_after_s=30.0), 1) == 30.0
    assert backoff_delay_s(POLICY, failure(retry_after_s=30.0, jitter=1.0), 1) == pytest.approx(33.0)
    assert backoff_delay_s(POLICY, failure(retry_after_s=0.1), 1) == 1.0


def test_a_delay_beyond_the_time_limit_ends_the_retries() -> None:
    assert backoff_delay_s(POLICY, failure(retry_after_s=61.0), 1) is None
    assert backoff_delay_s(POLICY, failure(elapsed_s=59.5), 1) is None
    assert backoff_delay_s(POLICY, failure(elapsed_s=59.0), 1) == 1.0


def test_the_last_delay_ends_at_the_time_limit_unless_that_would_be_too_early() -> None:
    assert backoff_delay_s(POLICY, failure(elapsed_s=56.0), 3) == 4.0
    assert backoff_delay_s(POLICY, failure(elapsed_s=57.0), 3) == 3.0
    assert backoff_delay_s(POLICY, failure(elapsed_s=57.0, retry_after_s=3.0), 3) == 3.0
    assert backoff_delay_s(POLICY, failure(elapsed_s=57.0, retry_after_s=3.1), 3) is None
    assert backoff_delay_s(RetryPolicy(max_elapsed_s=0, first_delay_s=0), failure(), 1) == 0.0


@given(jitters=st.lists(st.floats(0, 1), min_size=40, max_size=40))
def test_the_default_policy_tries_for_two_minutes(jitters: list[float]) -> None:
    elapsed_s = 0.0
    for attempt, jitter in enumerate(jitters, start=1):
        delay_s = backoff_delay_s(RetryPolicy(), failure(elapsed_s=elapsed_s, jitter=jitter), attempt)
        if delay_s is None:
            break
        elapsed_s += delay_s

    assert 119.5 <= elapsed_s <= 120.0


@pytest.mark.parametrize("after_output", [False, True])
def test_an_answer_that_readers_have_seen_in_part_is_requested_again_only_with_after_output(after_output: bool) -> None:
    failed = ev.RequestFailed(request=1, failure=failure().failure, partial=Partial(text="half"))

    assert (backoff_delay_s(RetryPolicy(after_output=after_output), failed, 1) is not None) == after_output


@given(
    attempt=st.integers(1, 5_000),
    first_delay_s=st.floats(0, 1e300),
    jitter=st.floats(0, 1),
    retry_after_s=st.none() | st.floats(0, 1e300),
)
def test_every_delay_is_within_its_bounds(
    attempt: int, first_delay_s: float, jitter: float, retry_after_s: float | None
) -> None:
    policy = RetryPolicy(max_attempts=10_000, first_delay_s=first_delay_s, max_delay_s=30.0, max_elapsed_s=1e308)

    delay_s = backoff_delay_s(policy, failure(jitter=jitter, retry_after_s=retry_after_s), attempt)

    assert delay_s is not None
    assert (retry_after_s or 0.0) <= delay_s <= max(30.0, 1.1 * (retry_after_s or 0.0))
