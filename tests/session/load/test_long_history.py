"""The cost of a turn does not grow with the history."""

import asyncio
import gc
import time

from fixtures.session import SessionFixture, running_session

import rayconteur as rc
from rayconteur.scripted import Say, Script

TURNS = 100
CONFIG = rc.SessionConfig(provider=rc.Scripted(script=Script(answers=((Say(text="Gone."),),))), compaction=None)


async def have_turns(session: SessionFixture, count: int) -> None:
    for _ in range(count):
        await session.wait_for_event(rc.Completed, session.ask("Any news?"))
        session.events.clear()


async def least_turn_s(session: SessionFixture) -> float:
    """The CPU time of a turn, the least of some: other load only adds to it."""
    gc.collect()
    spent_s: list[float] = []
    for _ in range(TURNS):
        before_s = time.process_time()
        await have_turns(session, 1)
        spent_s.append(time.process_time() - before_s)
    return min(spent_s)


def test_a_turn_takes_as_long_after_a_hundred_times_as_many_messages() -> None:
    async def main() -> None:
        async with running_session(CONFIG) as session:
            await have_turns(session, 50)
            short_s = await least_turn_s(session)

            await have_turns(session, 5_000)

            assert await least_turn_s(session) < 1.5 * short_s

    asyncio.run(main())
