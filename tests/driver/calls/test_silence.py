"""A reader that waits for what can't come: it fails in time, but not before the last events had time to arrive."""

import asyncio

import pytest
from builders.segments import died, labels, publish_events
from fixtures.event_network import Network, play, reader_of

from rayconteur.errors import SessionClosed, SessionDied, Unreachable
from rayconteur.runtime.api.errors import DeathReason
from rayconteur.runtime.driver.silence import SilenceWatch

TIMEOUT_S = 10.0
OVER = [SessionDied("its actor died", DeathReason.CRASHED), SessionClosed("it has ended")]


@pytest.mark.parametrize("error", [Unreachable("it does not answer"), *OVER], ids=lambda error: type(error).__name__)
def test_a_reader_fails_in_time_with_what_a_check_finds(error: Exception) -> None:
    async def check(within_s: float) -> None:
        await asyncio.sleep(within_s)
        raise error

    async def scene(network: Network) -> None:
        network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1)
        watch = SilenceWatch(reader, check, TIMEOUT_S)
        async with asyncio.timeout(2 * TIMEOUT_S):
            with pytest.raises(type(error)):
                await anext(reader)
        watch.stop()

    play(scene)


@pytest.mark.parametrize("error", OVER, ids=lambda error: type(error).__name__)
def test_the_last_events_of_a_session_that_is_over_have_a_moment_to_arrive(error: Exception) -> None:
    checked = asyncio.Event()

    async def check(within_s: float) -> None:
        checked.set()
        raise error

    async def scene(network: Network) -> None:
        box = network.start_host().spawn("a")
        reader = reader_of(network.connect_driver(), "a", 1)
        watch = SilenceWatch(reader, check, TIMEOUT_S)
        for seq in range(1, 5):
            checked.clear()
            await checked.wait()
            await publish_events(box, 1)
            assert labels(await reader.batch()) == [f"a{seq}"]
        await checked.wait()
        network.routers[0].end_sessions(died({"a": 1}))
        assert labels([event async for event in reader]) == ["a5"]
        watch.stop()

    play(scene)
