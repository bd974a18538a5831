"""The store of a running namespace fails: senders are told, nothing acknowledged is lost, and it goes on by itself."""

import asyncio
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from fixtures.named_actors import actor_names
from servers.databases.postgres import postgres_server

import rayconteur as rc
from rayconteur.errors import JournalAccessDenied, JournalUnavailable
from rayconteur.runtime import PostgresJournalConfig, SQLiteJournalConfig

ECHO = rc.SessionConfig(provider=rc.Scripted())


async def questions(session: rc.SessionHandle) -> list[str]:
    history = [message for message in await session.history() if message.role == "user"]
    return ["".join(each.text for each in message.content if isinstance(each, rc.Text)) for message in history]


async def answer_as_soon_as_possible(session: rc.SessionHandle, question: str) -> str:
    """The answer, when the journal takes records again."""
    async with asyncio.timeout(30):
        while True:
            try:
                return (await session.ask(question)).text
            except JournalUnavailable:
                await asyncio.sleep(0.1)


@pytest.mark.chaos
def test_a_database_that_goes_away_and_comes_back_loses_nothing_and_a_wrong_password_is_reported_at_once(
    options: rc.RuntimeOptions,
) -> None:
    def with_journal(url: str) -> rc.RuntimeOptions:
        return msgspec.structs.replace(options, journal=PostgresJournalConfig(url))

    async def main() -> None:
        with postgres_server() as postgres:
            with pytest.raises(JournalAccessDenied, match="password"):
                async with rc.Runtime(options=with_journal(postgres.url(password="nevermore"))):
                    pass
            assert actor_names(options.namespace) == set()

            async with rc.Runtime(placement=rc.Packed(), options=with_journal(postgres.url())) as runtime:
                session = await runtime.spawn(ECHO, "raven")
                await session.ask("before")
                postgres.server.kill()
                with pytest.raises(JournalUnavailable, match="Connection refused"):
                    await session.send(rc.UserMessage.of("while it is away"))
                postgres.server.start()
                assert await answer_as_soon_as_possible(session, "after") == "after"
                # What could not be acknowledged in time was taken all the same, once.
                assert await questions(session) == ["before", "while it is away", "after"]

    asyncio.run(main())


@contextmanager
def small_disk(folder: Path, size: str) -> Generator[Path]:
    """A file system of its own, in memory. Skips the test where none can be mounted."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # the process that had the file may be just ending


def fill(file: Path) -> None:
    """Leave no room beside *file*."""
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(4_096))
        except OSError:
            os.fsync(ballast)


@pytest.mark.chaos
def test_a_full_disk_is_reported_to_senders_and_writing_goes_on_when_there_is_room(
    options: rc.RuntimeOptions, tmp_path: Path
) -> None:
    async def main(disk: Path) -> None:
        journal = SQLiteJournalConfig(str(disk / "journal.db"))
        async with rc.Runtime(
            placement=rc.Packed(), options=msgspec.structs.replace(options, journal=journal)
        ) as runtime:
            session = await runtime.spawn(ECHO, "raven")
            await session.ask("before")
            fill(disk / "ballast")
            long = "lore " * 2_000  # longer than what is left in the pages of the file
            with pytest.raises(JournalUnavailable, match="there is no room"):
                await session.send(rc.UserMessage.of(long))
            with pytest.raises(JournalUnavailable, match="nothing can be recorded"):
                await session.send(rc.UserMessage.of("at once"))
            (disk / "ballast").unlink()
            assert await answer_as_soon_as_possible(session, "after") == "after"
            assert await questions(session) == ["before", long, "after"]

        async with rc.Runtime(options=msgspec.structs.replace(options, journal=journal)) as runtime:
            assert await questions(await runtime.session("raven")) == ["before", long, "after"]

    with small_disk(tmp_path / "disk", "3m") as disk:
        asyncio.run(main(disk))
