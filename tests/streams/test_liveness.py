"""Liveness: those who ask at about the same time share a ping, and silence is told from other failures."""

import asyncio
import gc

import pytest
from fixtures.virtual_time import run

from rayconteur.runtime.streams.calls import CallTimedOut
from rayconteur.runtime.streams.liveness import Liveness


class Process:
    """A process that responds to a ping after *delay_s*, or fails with *error*."""

    def __init__(self, delay_s: float = 0.0, error: Exception | None = None) -> None:
        self.pings = 0
        self._delay_s = delay_s
        self._error = error

    async def ping(self) -> None:
        self.pings += 1
        await asyncio.sleep(self._delay_s)
        if self._error:
            raise self._error


def test_many_share_a_ping_and_a_fresh_response_spares_another() -> None:
    async def main() -> None:
        process = Process(delay_s=1.0)
        liveness = Liveness(process.ping)

        await asyncio.gather(*(liveness.check(10.0) for _ in range(100)))
        await liveness.check(10.0)
        assert process.pings == 1
        await asyncio.sleep(2.5)
        await liveness.check(10.0)
        assert process.pings == 2

    run(main())


def test_silence_is_reported_to_all_who_ask_in_time() -> None:
    async def main() -> None:
        liveness = Liveness(Process(delay_s=100.0).ping)

        outcomes = await asyncio.gather(*(liveness.check(5.0) for _ in range(3)), return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [CallTimedOut] * 3
        assert asyncio.get_running_loop().time() == 5.0

    run(main())


@pytest.mark.parametrize("error", [ConnectionError(), RuntimeError()])
def test_another_failure_is_not_silence(error: Exception) -> None:
    run(Liveness(Process(error=error).ping).check(5.0))


def test_nothing_is_logged_when_nobody_waits_for_the_outcome_any_more(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        checking = asyncio.create_task(Liveness(Process(delay_s=100.0).ping).check(5.0))
        await asyncio.sleep(1)
        checking.cancel()
        await asyncio.sleep(10)

    run(main())
    gc.collect()

    assert not caplog.records
