"""The journal actor: what its processes have acknowledged is there once, whatever becomes of it."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fixtures.named_actors import actor_names, kill, process_id, wait_until

import rayconteur as rc
from rayconteur.runtime import MemoryJournalConfig, SQLiteJournalConfig
from rayconteur.runtime.cluster.shared_actors import SharedActors, find_or_start_shared_actors
from rayconteur.runtime.journal.conformance import checks
from rayconteur.runtime.journal.conformance.samples import A, entries
from rayconteur.runtime.journal.entry import SessionKey
from rayconteur.runtime.journal.journal import Journal
from rayconteur.runtime.journal.remote.remote_journal import RemoteJournal
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal

WRITERS, RECORDS, KILLS = 20, 60, 3


def with_journal(options: rc.RuntimeOptions, path: Path) -> rc.RuntimeOptions:
    return rc.RuntimeOptions(namespace=options.namespace, journal=SQLiteJournalConfig(str(path)))


@asynccontextmanager
async def driver_of(options: rc.RuntimeOptions) -> AsyncGenerator[SharedActors]:
    """A driver's handles to the shared actors of a namespace."""
    shared_actors = await find_or_start_shared_actors(options)
    try:
        yield shared_actors
    finally:
        await shared_actors.release()


def connected(shared_actors: SharedActors) -> RemoteJournal:
    journal = shared_actors.connect_to_journal()
    assert journal
    return journal


@pytest.mark.chaos
def test_a_journal_of_an_actor_is_one(options: rc.RuntimeOptions, tmp_path: Path) -> None:
    async def main() -> None:
        async with driver_of(with_journal(options, tmp_path / "journal.db")) as shared_actors:
            capabilities = connected(shared_actors).capabilities
            for check in checks.ALL:
                if not checks.applies(check, capabilities):
                    continue
                await empty(connected(shared_actors))

                async def open_journal() -> Journal:
                    return connected(shared_actors)

                await check(open_journal)

    asyncio.run(main())


async def empty(journal: RemoteJournal) -> None:
    for position in await journal.sessions(limit=10_000):
        await journal.delete(position.session)
    await journal.aclose()


def test_all_that_was_acknowledged_is_there_once_when_the_actor_is_killed(
    options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    def kill_actor() -> None:
        kill(process_id("_journal", options.namespace))

    async def write(journal: RemoteJournal, session: SessionKey, kills: asyncio.TaskGroup | None) -> None:
        for number in range(1, RECORDS + 1):
            assert await journal.append(entries(session, number)) == [None]
            if kills and number % (RECORDS // KILLS) == 1:
                kills.create_task(asyncio.to_thread(kill_actor))

    async def main() -> None:
        async with driver_of(with_journal(options, tmp_path / "journal.db")) as shared_actors:
            sessions = [SessionKey(str(number), 1) for number in range(WRITERS)]
            journals = [connected(shared_actors) for _ in range(4)]

            async with asyncio.TaskGroup() as group:
                for number, session in enumerate(sessions):
                    group.create_task(write(journals[number % 4], session, None if number else group))

            for session in sessions:
                assert await journals[0].read(session) == entries(session, *range(1, RECORDS + 1))
            for journal in journals:
                await journal.aclose()

    asyncio.run(main())


def test_the_file_is_closed_and_whole_when_the_namespace_has_ended(options: rc.RuntimeOptions, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"

    async def main() -> None:
        async with driver_of(with_journal(options, path)) as shared_actors:
            journal = connected(shared_actors)
            await journal.append(entries(A, 1))
            await journal.aclose()
        await wait_until(lambda: not actor_names(options.namespace))

        assert os.listdir(tmp_path) == [path.name]
        opened = await SQLiteJournal.open(path)
        assert await opened.read(A) == entries(A, 1)
        await opened.aclose()

    asyncio.run(main())


def test_a_namespace_in_which_nothing_is_stored_on_disk_may_have_a_journal(options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        given = rc.RuntimeOptions(namespace=options.namespace, journal=MemoryJournalConfig())
        joining = rc.RuntimeOptions(namespace=options.namespace)
        async with driver_of(given) as first, driver_of(joining) as second:
            writer, reader = connected(first), connected(second)

            await writer.append(entries(A, 1))

            assert await reader.read(A) == entries(A, 1)
            assert not reader.capabilities.durable
            await writer.aclose()
            await reader.aclose()

    asyncio.run(main())
