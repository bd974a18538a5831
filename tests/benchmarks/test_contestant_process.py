"""Contestant processes: a trial ends in time whatever the contestant does, and leaves an idle machine to the next."""

import asyncio
import time

import pytest
from fixtures.processes import running

from rayconteur.benchmarks.adapters.adapter import AdapterConfig, OnText
from rayconteur.benchmarks.comparison.contestant_process import (
    ContestantFailed,
    ContestantProcess,
    contestant_process,
)
from rayconteur.benchmarks.comparison.workload_runner import run_workload
from rayconteur.benchmarks.comparison.workloads import Paced, Saturate, Trial
from rayconteur.benchmarks.load.pace import Pace
from rayconteur.benchmarks.load.process import load_server

WORKER = "rayconteur.benchmarks.comparison.contestant_worker"
PACE = Pace(tokens_per_s=50)
PACED = Paced(sessions=3, arrive_s=0.0, duration_s=0.2)


class BlockingAdapter:
    """Blocks the event loop for a second with each question."""

    def __init__(self) -> None:
        self.opened: list[int] = []

    async def open(self, sessions: int) -> None:
        self.opened.append(sessions)

    async def ask(self, session: int, on_text: OnText) -> None:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            on_text("a piece of text")

    async def reset(self, session: int) -> None: ...

    async def close(self) -> None: ...


def test_a_trial_ends_in_time_while_the_event_loop_is_blocked() -> None:
    adapter, trials = BlockingAdapter(), list[Trial]()

    asyncio.run(
        run_workload(Paced(sessions=1, arrive_s=0.0, duration_s=0.1), adapter, trials.append, owns_processes=True)
    )

    assert [trial.sessions for trial in trials] == [1]
    assert 0.1 <= trials[0].duration_s < 0.8
    assert trials[0].pieces > 0
    assert adapter.opened == [1, 0]


def test_a_contestant_that_does_not_become_idle_is_ended_and_starts_anew() -> None:
    async def run_twice() -> list[Trial]:
        with load_server(PACE) as url:
            bare = ContestantProcess("bare", AdapterConfig(url, 100_000), idle_timeout_s=0.0)
            first = await bare.run(PACED)
            assert running(WORKER) == set()
            second = await bare.run(PACED)
            await bare.close()
            return [first, second]

    assert all(trial.tokens > 0 for trial in asyncio.run(run_twice()))


def test_an_error_during_a_trial_fails_the_contestant(capfd: pytest.CaptureFixture[str]) -> None:
    async def run_without_server() -> None:
        async with contestant_process("bare", AdapterConfig("http://127.0.0.1:1", 1)) as bare:
            with pytest.raises(ContestantFailed, match="bare ended during a trial"):
                await bare.run(Saturate(1, 1, 5.0))

    asyncio.run(run_without_server())

    assert "ClientConnectorError" in capfd.readouterr().err
