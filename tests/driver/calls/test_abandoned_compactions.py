"""A ``compact()`` that is abandoned ends its compaction: the next message does not wait for it."""

import asyncio
from contextlib import suppress

import rayconteur as rc
from rayconteur.compaction import Summarize
from rayconteur.runtime import State
from rayconteur.scripted import Script

ENDLESS = Summarize(provider=rc.Scripted(script=Script(first_token_s=600)), keep_recent_turns=1, timeout_s=600)
CONFIG = rc.SessionConfig(provider=rc.Scripted(), compaction=ENDLESS)


async def spawn(runtime: rc.Runtime) -> rc.SessionHandle:
    session = await runtime.spawn(CONFIG)
    for text in ("one " * 50, "two " * 50, "three"):
        await session.ask(text)
    return session


async def time_out(session: rc.SessionHandle) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(session.compact(), 0.2)


def test_an_abandoned_compaction_is_interrupted(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> None:
        session = await spawn(async_runtime)

        await time_out(session)

        status = await session.status()
        assert (status.state, status.messages) == (State.IDLE, 6)
        assert (await session.ask("four")).text == "four"

    runner.run(main())


def test_a_queued_compaction_that_is_abandoned_is_withdrawn_and_another_goes_on(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> None:
        session = await spawn(async_runtime)
        first = asyncio.create_task(session.compact())
        while (await session.status()).state is not State.COMPACTING:
            pass

        await time_out(session)

        status = await session.status()
        assert (status.state, status.waiting) == (State.COMPACTING, 0)
        assert not first.done()
        assert await session.interrupt() is False
        assert (await first).problem == "interrupted"

    runner.run(main())


def test_however_early_a_compact_is_cancelled_its_compaction_does_not_go_on(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> None:
        session = await spawn(async_runtime)
        for iterations in range(12):
            task = asyncio.create_task(session.compact())
            for _ in range(iterations):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})

            assert (await asyncio.wait_for(session.ask("Hi"), 30)).text == "Hi"

    runner.run(main())


def test_with_leave_the_compaction_goes_on(runner: asyncio.Runner, async_runtime: rc.Runtime) -> None:
    async def main() -> None:
        session = await spawn(async_runtime)

        with suppress(TimeoutError):
            await asyncio.wait_for(session.compact(on_abandon="leave"), 0.2)

        assert (await session.status()).state is State.COMPACTING
        await session.interrupt()

    runner.run(main())
