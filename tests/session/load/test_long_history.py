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


async def least_turns_s(*sessions: SessionFixture) -> list[float]:
    """The CPU time of a turn of each: the least of some, since other load only adds to it. They take turns."""
    gc.collect()
    spent_s: list[list[float]] = [[] for _ in sessions]
    for _ in range(TURNS):
        for session, its in zip(sessions, spent_s, strict=True):
            before_s = time.process_time()
            await have_turns(session, 1)
            its.append(time.process_time() - before_s)
    return [min(its) for its in spent_s]


def test_a_turn_takes_as_long_after_a_hundred_times_as_many_messages() -> None:
    async def main() -> None:
        async with running_session(CONFIG) as short, running_session(CONFIG) as long:
            await have_turns(short, 50)
            await have_turns(long, 5_000)

            short_s, long_s = await least_turns_s(short, long)

            assert long_s < 1.5 * short_s

    asyncio.run(main())
