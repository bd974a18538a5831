"""What the timer of idle sessions remembers: those that have ended take up no more room than the others, and some."""

import asyncio

from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.providers.registry import open_client
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.session.durable.journaling import Journaling
from rayconteur.runtime.session.host import Host
from rayconteur.runtime.session.requests.client_pool import ClientPool

STAY, COME_AND_GO, SOME = 1_000, 100, 1_000
ECHO = rc.SessionConfig(provider=rc.Scripted(), passivate_after_s=3_600.0)


async def ignore(_: object) -> None:
    pass


def test_sessions_that_have_ended_are_forgotten_when_they_are_more_than_the_others_and_some() -> None:
    async def main() -> int:
        host = Host([ignore], ignore, ClientPool(open_client), journaling=Journaling(MemoryJournal()))
        publishing = asyncio.create_task(host.run())
        await host.open([f"stays-{number}" for number in range(STAY)], 1, ECHO)
        most = 0
        for group in range(25):
            ids = [f"{group}-{number}" for number in range(COME_AND_GO)]
            await host.open(ids, 1, ECHO)
            most = max(most, len(host.leaving.idle_timer))
            await asyncio.gather(*(host.close((session_id, 1), False) for session_id in ids))
        publishing.cancel()
        return most

    remembered = run(main())

    assert 2 * STAY < remembered <= 2 * (STAY + COME_AND_GO) + SOME
