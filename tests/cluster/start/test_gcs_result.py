"""Calls that block until Ray's control service answers."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from rayconteur.errors import ClusterLost
from rayconteur.runtime.cluster.ray_calls import gcs_result


@pytest.fixture
def answer() -> Generator[threading.Event]:
    """What a call waits for."""
    event = threading.Event()
    yield event
    event.set()


def test_a_call_that_is_not_answered_is_given_up_in_time_and_does_not_keep_the_process_from_ending(
    answer: threading.Event,
) -> None:
    waiting: list[threading.Thread] = []

    def wait() -> None:
        waiting.append(threading.current_thread())
        answer.wait()

    with pytest.raises(ClusterLost, match=r"has not answered within 0\.05 s"):
        asyncio.run(gcs_result(0.05, wait))

    assert [thread.daemon for thread in waiting] == [True]


def test_a_thousand_calls_at_the_same_time_take_few_threads() -> None:
    async def main() -> set[int]:
        return set(await asyncio.gather(*(gcs_result(5, threading.get_ident) for _ in range(1_000))))

    assert len(asyncio.run(main())) <= 8


def test_the_result_of_a_call_is_given() -> None:
    assert asyncio.run(gcs_result(5, divmod, 7, 2)) == (3, 1)


@pytest.mark.parametrize("error", [TimeoutError("of the call"), ValueError("of the call")])
def test_an_error_of_a_call_is_raised_as_it_is(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error), match="of the call"):
        asyncio.run(gcs_result(5, fail))
