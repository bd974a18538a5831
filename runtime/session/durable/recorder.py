"""The recorder: stores the records of one process's sessions in the journal."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from ...journal.entry import Entry, StoredSnapshot
from ...journal.errors import RecordRejected
from ...journal.journal import Journal

log = logging.getLogger(__name__)

_BATCH_BYTES = 8 << 20
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0

OnStored = Callable[[RecordRejected | None], None]
"""Called when a record is stored, or was rejected."""


class Recorder:
    """Keeps one append in flight; records that arrive meanwhile form the next one.

    It never gives up: the sessions are ahead of the journal already. What depends on a record waits until it is stored.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: deque[tuple[Entry, OnStored]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._snapshots: set[asyncio.Task[None]] = set()
        self.problem: Exception | None = None
        """Why the last append failed, until one succeeds."""

    def __len__(self) -> int:
        """How many records wait until they are stored."""
        return len(self._waiting)

    def add(self, entry: Entry, on_stored: OnStored) -> None:
        """Store *entry* behind those that were added before, then call *on_stored*."""
        self._waiting.append((entry, on_stored))
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())

    def put_snapshot(self, snapshot: StoredSnapshot) -> "asyncio.Task[None]":
        """Store *snapshot*, of what is stored already; if that fails, the records are there without it."""
        task = asyncio.get_running_loop().create_task(self._journal.put_snapshot(snapshot))
        self._snapshots.add(task)
        task.add_done_callback(self._on_snapshot)
        return task

    def _on_snapshot(self, task: asyncio.Task[None]) -> None:
        self._snapshots.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("a snapshot was not stored: %s", error)

    async def _run(self) -> None:
        try:
            await asyncio.sleep(0)  # what others record in this iteration of the event loop goes along
            while self._waiting:
                batch = self._next_batch()
                results = await self._append([entry for entry, _ in batch])
                for (_, on_stored), problem in zip(batch, results, strict=True):
                    self._waiting.popleft()
                    _call(on_stored, problem)
        finally:
            self._running = None

    def _next_batch(self) -> list[tuple[Entry, OnStored]]:
        batch: list[tuple[Entry, OnStored]] = []
        size_bytes = 0
        for each in self._waiting:
            size_bytes += each[0].size_bytes
            if batch and size_bytes > _BATCH_BYTES:
                break
            batch.append(each)
        return batch

    async def _append(self, entries: list[Entry]) -> list[RecordRejected | None]:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                results = await self._journal.append(entries)
            except Exception as error:  # whatever it is: what waits for the records must not wait for ever
                if self.problem is None:
                    log.error("the journal takes no records, and sessions wait: %s", error)
                self.problem = error
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                if self.problem is not None:
                    log.warning("the journal takes records again")
                self.problem = None
                return results


def _call(on_stored: OnStored, problem: RecordRejected | None) -> None:
    try:
        on_stored(problem)
    except Exception as error:  # of this session only; those of others are stored
        log.critical("a session failed when its record was stored", exc_info=error)
