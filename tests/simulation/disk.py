"""The machine of a journal, whose process may crash: a transaction that was not synced is on the disk then, or not."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any, TypeVar, cast

from rayconteur.runtime.journal.catalog.rows import CatalogChange
from rayconteur.runtime.journal.entry import Entry, Position, SessionKey, StoredSnapshot
from rayconteur.runtime.journal.errors import JournalFull, RecordRejected
from rayconteur.runtime.journal.memory import MemoryJournal
from rayconteur.runtime.journal.remote.server import JournalServer
from rayconteur.runtime.streams.connection import ConnectionLost
from rayconteur.runtime.streams.peer import Peer

T = TypeVar("T")

SYNC_S = (0.0, 0.0, 0.001, 0.02)
CALL_S = (0.0, 0.0, 0.0, 0.001, 0.03)


class JournalProcess(MemoryJournal):
    """The process that has a journal open. What is synced is in *disk*, and what is read comes from there.

    There is one transaction at a time. It is written, then synced, and takes effect as a whole.
    """

    def __init__(self, disk: MemoryJournal, random: Random) -> None:
        super().__init__()
        self.__dict__ |= {name: disk.__dict__[name] for name in disk.__dict__}  # it reads what is on the disk
        self.server = JournalServer(self)
        self.crashed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failing_syncs = 0
        self._disk = disk
        self._random = random
        self._writer = asyncio.Lock()
        self._written: Callable[[], Coroutine[Any, Any, object]] | None = None

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        return await self._commit(lambda: self._disk.append(entries))

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        return await self._commit(lambda: self._disk.take_over(session, incarnation))

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        await self._commit(lambda: self._disk.put_snapshot(snapshot))

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        await self._commit(lambda: self._disk.put_catalog(changes))

    def crash(self) -> None:
        """End the process, with what is not on the disk yet."""
        if self._written and self._random.random() < 0.5:
            _finish(self._written())
        self._written = None
        self.crashed.set_result(None)

    async def _commit(self, transaction: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async with self._writer:
            await asyncio.sleep(0)
            self._written = transaction
            await asyncio.sleep(self._random.choice(SYNC_S))
            if self._written is None:
                await asyncio.get_running_loop().create_future()  # for ever: it has crashed
            self._written = None
            if self.failing_syncs:
                self.failing_syncs -= 1
                raise JournalFull("the disk is full")
            return await transaction()


class JournalMachine:
    """The machine with the disk. When its *process* crashes, the next one starts."""

    def __init__(self, random: Random) -> None:
        self.disk = MemoryJournal()
        self._random = random
        self.process = JournalProcess(self.disk, random)
        self.lost_replies = 0
        """To how many of the next calls no reply arrives, though they have their effect."""

    def crash(self) -> None:
        """Lose what is not synced."""
        crashed, self.process = self.process, JournalProcess(self.disk, self._random)
        crashed.crash()


class JournalChannel:
    """The connection of a process to the journal's. *reach* returns as long as the process lives."""

    def __init__(self, machine: JournalMachine, reach: Callable[[], Awaitable[None]], random: Random) -> None:
        self._machine = machine
        self._reach = reach
        self._random = random

    async def call(self, method: int, data: bytes) -> bytes:
        """The reply to a call.

        Raises:
            ConnectionLost: the process crashed meanwhile, or the reply was lost.
        """
        await self._reach()
        await asyncio.sleep(self._random.choice(CALL_S))
        process = self._machine.process
        serving = asyncio.ensure_future(process.server.serve(cast(Peer, self), method, data))
        serving.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait for it
        await asyncio.wait((serving, process.crashed), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(self._random.choice(CALL_S))
        await self._reach()
        if process.crashed.done():
            raise ConnectionLost("the journal's process crashed")
        if self._machine.lost_replies:
            self._machine.lost_replies -= 1
            raise ConnectionLost("the reply was lost")
        return serving.result()

    async def aclose(self) -> None:
        """Close it."""


def _finish(work: Coroutine[Any, Any, object]) -> None:
    """Run *work*, which waits for nothing, at once."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")
