"""Sides: trials end in time, whatever a crowd is at, and it is at rest when the next side's turn has come."""

import asyncio
import time

import psutil
import pytest

from rayconteur.benchmarks.adapters.adapter import Hear, Site
from rayconteur.benchmarks.comparison.contestant_process import Side, side
from rayconteur.benchmarks.comparison.workload_runner import carry_out
from rayconteur.benchmarks.comparison.workloads import Listen, Saturate, Trial
from rayconteur.benchmarks.load.pace import Pace
from rayconteur.benchmarks.load.process import load_server

TALK = Pace(tokens_per_s=50)
LISTEN = Listen(sessions=3, arrive_s=0.0, for_s=0.2)


class Busy:
    """Speaks for a second without ever looking up."""

    def __init__(self) -> None:
        self.opened: list[int] = []

    async def open(self, sessions: int) -> None:
        self.opened.append(sessions)

    async def ask(self, session: int, hear: Hear) -> None:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            hear("a piece of text")

    async def forget(self, session: int) -> None: ...

    async def close(self) -> None: ...


def test_a_trial_ends_in_time_though_the_event_loop_does_not_look_up() -> None:
    crowd, told = Busy(), list[Trial]()

    asyncio.run(carry_out(Listen(sessions=1, arrive_s=0.0, for_s=0.1), crowd, told.append, whole=True))

    assert [trial.sessions for trial in told] == [1]
    assert 0.1 <= told[0].for_s < 0.8
    assert told[0].pieces > 0
    assert crowd.opened == [1, 0]


def test_who_does_not_come_to_rest_is_ended_and_begins_anew() -> None:
    async def main() -> list[Trial]:
        with load_server(TALK) as url:
            bare = Side("bare", Site(url, 100_000), patience_s=0.0)
            first = await bare.carry_out(LISTEN)
            assert sides() == []
            second = await bare.carry_out(LISTEN)
            await bare.close()
            return [first, second]

    assert all(trial.tokens > 0 for trial in asyncio.run(main()))


def test_what_fails_in_a_trial_fails_the_side(capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        async with side("bare", Site("http://127.0.0.1:1", 1)) as bare:
            with pytest.raises(Exception, match="bare ended in the middle of a trial"):
                await bare.carry_out(Saturate(1, 1, 5.0))

    asyncio.run(main())

    assert "ClientConnectorError" in capfd.readouterr().err


def sides() -> list[psutil.Process]:
    """The processes of sides that there are."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "rayconteur.benchmarks.comparison.contestant_worker" in each.cmdline()]
