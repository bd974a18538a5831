"""A journal in another process, over real sockets: what breaks, what is large, and who waits how long."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from servers.streams import NODE, listening, play

from rayconteur.errors import (
    CorruptRecord,
    InvalidJournal,
    JournalInUse,
    JournalUnavailable,
    RecordConflict,
    RecordTooLarge,
)
from rayconteur.runtime.journal.conformance import checks
from rayconteur.runtime.journal.conformance.samples import A, B, Check, OpenJournal, entries, entry
from rayconteur.runtime.journal.entry import Entry, SessionKey, StoredSnapshot
from rayconteur.runtime.journal.journal import Journal
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.journal.remote.remote_journal import RECORD_LIMIT_BYTES, RemoteJournal, ServerGone
from rayconteur.runtime.journal.remote.server import JournalServer
from rayconteur.runtime.journal.sqlite.journal import SQLiteJournal
from rayconteur.runtime.streams.channel import Channel
from rayconteur.runtime.streams.endpoint import Endpoint
from rayconteur.runtime.streams.listener import Listener
from rayconteur.runtime.streams.peer import Peer

Locate = Callable[[], Awaitable[Endpoint]]
MIB = 1 << 20


def remote_to(locate: Locate, timeout_s: float = 10.0) -> RemoteJournal:
    return RemoteJournal(Channel(locate, "session-1", NODE), MemoryJournal.capabilities, timeout_s)


@asynccontextmanager
async def remote(journal: Journal) -> AsyncGenerator[RemoteJournal]:
    """*journal*, over a socket."""
    async with listening(JournalServer(journal).serve) as endpoint:

        async def locate() -> Endpoint:
            return endpoint

        opened = remote_to(locate)
        try:
            yield opened
        finally:
            await opened.aclose()


class OverSocket(RemoteJournal):
    """A file of SQLite, which is closed with the connection to it."""

    def __init__(self, server: JournalServer, listener: Listener) -> None:
        async def locate() -> Endpoint:
            return await listener.listen(NODE, "127.0.0.1")

        super().__init__(Channel(locate, "session-1", NODE), server.journal.capabilities)
        self._server = server
        self._listener = listener

    async def aclose(self) -> None:
        await super().aclose()
        await self._server.aclose()
        self._listener.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "check",
    [check for check in checks.ALL if checks.applies(check, SQLiteJournal.capabilities)],
    ids=lambda check: check.__name__,
)
def test_a_journal_of_another_process_is_one(check: Check, tmp_path: Path) -> None:
    async def open_journal() -> Journal:
        server = JournalServer(await SQLiteJournal.open(tmp_path / "journal.db"))
        return OverSocket(server, Listener(server.serve))

    play(lambda: as_coroutine(check, open_journal))


def test_errors_arrive_with_their_fields() -> None:
    async def scene() -> None:
        journal = MemoryJournal()
        await journal.append([entry(A, 1), Entry(A, 1, 2, 20, 1.0, "test", 1, 1, b"damaged")])
        async with remote(journal) as opened:
            with pytest.raises(CorruptRecord, match="record 2 of session a") as caught:
                await opened.read(A, after=1)

        assert (caught.value.session_id, caught.value.number) == ("a", 2)

    play(scene)


class Flaky:
    """Listens anew for each connection, and breaks it with the first *breaks* calls, after they were made."""

    def __init__(self, journal: Journal, breaks: int) -> None:
        self._server = JournalServer(journal)
        self._breaks = breaks
        self._listener = Listener(self._serve)

    async def locate(self) -> Endpoint:
        self._listener = Listener(self._serve)
        return await self._listener.listen(NODE, "127.0.0.1")

    async def aclose(self) -> None:
        """Listen no more."""
        self._listener.close()
        await asyncio.sleep(0)

    async def _serve_and_break(self, listener: Listener, peer: Peer, method: int, data: bytes) -> bytes:
        reply = await self._server.serve(peer, method, data)
        listener.close()
        return reply

    def _serve(self, peer: Peer, method: int, data: bytes) -> Awaitable[bytes]:
        if self._breaks:
            self._breaks -= 1
            return self._serve_and_break(self._listener, peer, method, data)
        return self._server.serve(peer, method, data)


def test_calls_whose_replies_are_lost_are_repeated_and_store_nothing_twice() -> None:
    async def scene() -> None:
        journal = MemoryJournal()
        flaky = Flaky(journal, breaks=3)
        opened = remote_to(flaky.locate)

        results = await asyncio.gather(*(opened.append(entries(A, number)) for number in range(1, 6)))
        await opened.aclose()
        await flaky.aclose()

        assert results == [[None]] * 5
        assert await journal.read(A) == entries(A, 1, 2, 3, 4, 5)

    play(scene)


def test_a_server_that_is_being_restarted_is_waited_for() -> None:
    async def scene() -> None:
        async with listening(JournalServer(MemoryJournal()).serve) as endpoint:
            problems = [JournalInUse("in use"), JournalUnavailable("the disk is away")]

            async def locate() -> Endpoint:
                if problems:
                    raise problems.pop()
                return endpoint

            opened = remote_to(locate)
            assert await opened.append(entries(A, 1)) == [None]
            await opened.aclose()

    play(scene)


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        (ServerGone("the namespace has ended"), JournalUnavailable),
        (InvalidJournal("the file is damaged"), InvalidJournal),
    ],
)
def test_what_does_not_pass_is_not_waited_for(problem: Exception, error: type[Exception]) -> None:
    async def scene() -> None:
        async def locate() -> Endpoint:
            raise problem

        opened = remote_to(locate, timeout_s=3600.0)
        with pytest.raises(error, match=str(problem)):
            await opened.append(entries(A, 1))
        await opened.aclose()

    play(scene)


def test_a_call_that_is_not_answered_fails_and_names_the_reason() -> None:
    async def scene() -> None:
        async def locate() -> Endpoint:
            raise JournalInUse("the file is in use")

        opened = remote_to(locate, timeout_s=0.1)
        with pytest.raises(JournalUnavailable, match="the file is in use"):
            await opened.append(entries(A, 1))
        await opened.aclose()

    play(scene)


def test_a_process_that_is_stopped_is_not_waited_for_longer_than_the_timeout() -> None:
    async def scene() -> None:
        forever = asyncio.Event()

        async def never(data: bytes) -> bytes:
            await forever.wait()
            return data

        async with listening(lambda peer, method, data: never(data)) as endpoint:

            async def locate() -> Endpoint:
                return endpoint

            opened = remote_to(locate, timeout_s=0.1)
            with pytest.raises(JournalUnavailable, match=r"did not answer within 0\.1 s"):
                await opened.position("a")
            await opened.aclose()

    play(scene)


def test_large_records_and_pages_of_many_arrive() -> None:
    async def scene() -> None:
        async with remote(MemoryJournal()) as opened:
            large = [entry(A, number, data=bytes([number]) * 30 * MIB) for number in (1, 2, 3)]
            many = entries(B, *range(1, 5_001))

            assert await opened.append([*large, *many]) == [None] * 5_003
            assert [each for number in range(3) for each in await opened.read(A, after=number)] == large
            assert await opened.read(B, limit=10_000) == many

    play(scene)


def test_more_sessions_than_one_page_has_are_listed() -> None:
    async def scene() -> None:
        async with remote(MemoryJournal()) as opened:
            await opened.append([entry(SessionKey(f"{number:04}", 1)) for number in range(2_500)])

            listed = await opened.sessions(limit=2_300)

            assert [each.session.id for each in listed] == [f"{number:04}" for number in range(2_300)]
            assert len(await opened.sessions(listed[-1].session, limit=2_300)) == 200

    play(scene)


def test_what_is_too_large_for_a_frame_is_rejected_with_what_follows_it() -> None:
    """Only what precedes it is stored, though the rest would fit."""

    async def scene() -> None:
        async with remote(MemoryJournal()) as opened:
            too_large = entry(A, 2, data=bytes(RECORD_LIMIT_BYTES))

            first, second, third, other = await opened.append(
                [*entries(A, 1), too_large, *entries(A, 2), *entries(B, 1)]
            )

            assert (first, other) == (None, None)
            assert isinstance(second, RecordTooLarge)
            assert third is second
            assert await opened.read(A) == entries(A, 1)
            with pytest.raises(RecordTooLarge):
                await opened.put_snapshot(StoredSnapshot(A, 1, 10, 1, 0, bytes(RECORD_LIMIT_BYTES + 1)))

    play(scene)


def test_a_rejection_holds_for_the_rest_of_its_session_also_in_later_frames() -> None:
    async def scene() -> None:
        async with remote(MemoryJournal()) as opened:
            await opened.append(entries(A, 1, 2))
            large = entry(B, 1, data=bytes(40 * MIB))

            conflict, stored, later = await opened.append([entry(A, 2, data=b"other"), large, *entries(A, 3)])

            assert stored is None
            assert isinstance(conflict, RecordConflict)
            assert later is conflict
            assert await opened.read(A) == entries(A, 1, 2)

    play(scene)


def test_closing_it_finishes_running_calls() -> None:
    async def scene() -> None:
        async with remote(MemoryJournal()) as opened:
            appending = asyncio.create_task(opened.append(entries(A, 1)))
            await asyncio.sleep(0)
            await opened.aclose()

            assert await appending == [None]

    play(scene)


async def as_coroutine(check: Check, open_journal: OpenJournal) -> None:
    await check(open_journal)
