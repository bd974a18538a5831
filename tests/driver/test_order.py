"""Ray's async actors run calls in any order; sessions must not be affected by it."""

import asyncio

import pytest
from fixtures.named_actors import actor_names, host_name, wait_until

import rayconteur as rc
from rayconteur.errors import SessionExists
from rayconteur.runtime import Died, Placement

ECHO = rc.SessionConfig(provider=rc.Scripted())


def test_messages_of_one_sender_are_processed_in_the_order_sent(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> None:
        session = await async_runtime.spawn(ECHO)
        messages = [rc.UserMessage.of(f"{number} " * (1 + number % 50 * 100)) for number in range(300)]

        receipts = await asyncio.gather(*(session.send(message) for message in messages))

        assert [receipt.turn for receipt in receipts] == list(range(1, 301))

    runner.run(main())


async def spawn_when_free(runtime: rc.Runtime, ids: list[str]) -> list[rc.SessionHandle]:
    while True:
        try:
            return await runtime.spawn_many(ECHO, ids)
        except SessionExists:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("placement", "sessions"), [(rc.Packed(actors=2), 1_200), pytest.param(rc.Dedicated(), 2, marks=pytest.mark.chaos)]
)
def test_a_cancelled_spawn_leaves_no_session_behind(
    options: rc.RuntimeOptions, placement: Placement, sessions: int
) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options, placement=placement) as runtime:
            ids = [f"session-{number}" for number in range(sessions)]

            def cancel(done: int, total: int) -> None:
                assert done < total
                spawning.cancel()

            spawning = asyncio.create_task(runtime.spawn_many(ECHO, ids, on_progress=cancel))
            with pytest.raises(asyncio.CancelledError):
                await spawning

            async with asyncio.timeout(20):
                while await runtime.sessions():  # noqa: ASYNC110  a call waits a second at most until all is undone
                    await asyncio.sleep(0.05)
                assert len(await spawn_when_free(runtime, ids)) == sessions

    asyncio.run(main())


async def host_once_claimed(session_id: str, namespace: str) -> str:
    """The name of the actor that the session is to be opened on."""
    while True:
        try:
            return await asyncio.to_thread(host_name, session_id, namespace)
        except AssertionError:
            await asyncio.sleep(0.02)


def test_a_cancelled_spawn_of_a_dedicated_session_does_not_look_like_its_death(
    runner: asyncio.Runner, async_runtime: rc.Runtime, namespace: str
) -> None:
    async def main() -> None:
        everything = async_runtime.events()
        spawning = asyncio.create_task(async_runtime.spawn(ECHO, "cancelled", rc.Dedicated()))
        host = await host_once_claimed("cancelled", namespace)
        spawning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await spawning

        await wait_until(lambda: host not in actor_names(namespace))
        marker = (await spawn_when_free(async_runtime, ["cancelled", "marker"]))[1]
        await marker.close()

        events = [await anext(everything)]
        while not (isinstance(events[-1], rc.Closed) and events[-1].session_id == "marker"):
            events.append(await anext(everything))
        everything.close()
        assert [event for event in events if isinstance(event, Died)] == []

    runner.run(main())
