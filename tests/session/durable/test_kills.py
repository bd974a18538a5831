"""A session whose process is killed at any moment, again and again, in virtual time: the books balance afterwards."""

import asyncio
from contextlib import suppress
from random import Random

import pytest
from fixtures.killable_host import Namespace, SlowJournal
from fixtures.session import scripted_config
from fixtures.virtual_time import run
from session.durable.session_program import ANSWERS, TOOL, Program, check

from rayconteur.errors import SessionError


async def simulated(random: Random) -> None:
    namespace = Namespace(SlowJournal(random.choice((0.0, 0.001, 0.05))))
    answers = [random.choice(ANSWERS) for _ in range(100)]
    await namespace.open(scripted_config(*answers, tools=(TOOL,), max_steps=4))
    program = Program(namespace, random)
    for _ in range(random.randint(1, 4)):
        acting = [asyncio.create_task(acts(program, random)) for _ in range(random.randint(1, 3))]
        await asyncio.sleep(random.uniform(0.0, 2.0))
        for _ in range(random.randint(0, 20)):  # also between two steps of the event loop
            await asyncio.sleep(0)
        namespace.host.kill()
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)
        await namespace.recover()
    await program.finish()
    await asyncio.sleep(1)
    await check(namespace, program)
    assert [event.seq for event in namespace.read()] == sorted(namespace.taken)
    await namespace.stop()


async def acts(program: Program, random: Random) -> None:
    while True:
        with suppress(SessionError):
            await program.act()
        await asyncio.sleep(random.uniform(0.0, 0.4))


@pytest.mark.parametrize("seed", range(60))
def test_the_books_balance_after_kills_at_any_moment(seed: int) -> None:
    run(simulated(Random(seed)))
