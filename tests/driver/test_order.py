"""Ray's async actors run calls in any order; sessions must not be affected by it."""

import asyncio

import pytest

import rayconteur as rc
from rayconteur.runtime import Placement

ECHO = rc.SessionConfig(provider=rc.Scripted())


def test_messages_of_one_sender_are_processed_in_the_order_sent(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            session = await runtime.spawn(ECHO)
            messages = [rc.UserMessage.of(f"{number} " * (1 + number % 50 * 100)) for number in range(300)]

            receipts = await asyncio.gather(*(session.send(message) for message in messages))

            assert [receipt.turn for receipt in receipts] == list(range(1, 301))

    asyncio.run(main())


@pytest.mark.parametrize(("placement", "sessions"), [(rc.Packed(actors=2), 3_000), (rc.Dedicated(), 3)])
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

            assert await runtime.sessions() == []
            assert len(await runtime.spawn_many(ECHO, ids)) == sessions

    asyncio.run(main())
