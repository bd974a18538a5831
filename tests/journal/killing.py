"""A server is killed while records are appended to a journal in it."""

import asyncio
from collections.abc import Callable, Coroutine

from servers.databases.server import Server

from rayconteur.runtime.journal.conformance.samples import A, entries
from rayconteur.runtime.journal.errors import JournalUnavailable
from rayconteur.runtime.journal.journal import Journal

KILLS = 3
BETWEEN = 25
"""Records that are acknowledged before each of them."""


async def require_no_loss(open_journal: Callable[[], Coroutine[None, None, Journal]], server: Server) -> None:
    """Everything that was acknowledged is there after each kill, once; the journal that was open goes on."""
    journal = await open_journal()
    number, killed = 1, 0
    killing: asyncio.Task[None] | None = None
    while killed < KILLS:
        if number % BETWEEN == 0 and not killing:
            killing = asyncio.create_task(asyncio.to_thread(server.kill))
        try:
            assert await journal.append(entries(A, number)) == [None]
            number += 1
        except JournalUnavailable:
            assert killing
            await killing
            killing = None
            killed += 1
            await asyncio.to_thread(server.start)
            acknowledged = entries(A, *range(1, number))
            stored = await journal.read(A)
            assert stored in (acknowledged, [*acknowledged, *entries(A, number)])
    await journal.aclose()
