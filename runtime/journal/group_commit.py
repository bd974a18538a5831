"""Group commit: what many sessions record at the same time is stored in one commit."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..metrics import catalog
from ..metrics.counts import COUNTS
from .entry import Entry
from .errors import JournalUnavailable, RecordRejected
from .journal import Journal

_FIRST_DELAY_S = 0.02
_MAX_DELAY_S = 1.0


@dataclass(slots=True, eq=False)
class _Waiting:
    """A call of ``append`` whose entries are not stored yet; after *deadline* it fails."""

    entries: Sequence[Entry]
    size_bytes: int
    deadline: float
    results: asyncio.Future[list[RecordRejected | None]]


class GroupCommit:
    """Appends to *journal* with one commit at a time; what arrives meanwhile forms the next one.

    So a commit is as large as the store is slow, and a lone record does not wait. A commit has about *commit_bytes* at
    most, all that waits *waiting_bytes*: a call beyond them waits for room. If the journal is unavailable, a commit is
    tried again and again; a call whose entries have waited for *timeout_s* fails with the error.
    """

    def __init__(
        self, journal: Journal, commit_bytes: int = 8 << 20, waiting_bytes: int = 64 << 20, timeout_s: float = 30.0
    ) -> None:
        self._journal = journal
        self._commit_bytes = commit_bytes
        self._waiting_bytes = waiting_bytes
        self._timeout_s = timeout_s
        self._waiting: deque[_Waiting] = deque()
        self._size_bytes = 0
        self._entrance = asyncio.Lock()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._running: asyncio.Task[None] | None = None

    @property
    def size_bytes(self) -> int:
        """About what waits, in the running commit or for the next one."""
        return self._size_bytes

    @property
    def waits_s(self) -> float:
        """For how long the oldest call has waited."""
        if not self._waiting:
            return 0.0
        return asyncio.get_running_loop().time() + self._timeout_s - self._waiting[0].deadline

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        """As ``Journal.append``. Calls take effect in the order in which they were made.

        Raises:
            JournalUnavailable: the journal was, for *timeout_s*. The entries may be stored: repeat the call.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        async with self._entrance:  # in order, also those that wait for room
            await self._has_room.wait()
            call = _Waiting(entries, sum(each.size_bytes for each in entries), deadline, _future())
            self._waiting.append(call)
            self._add_bytes(call.size_bytes)
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())
        return await call.results

    async def flush(self) -> None:
        """Wait until nothing waits any more."""
        while self._running:
            await asyncio.wait((self._running,))

    def _add_bytes(self, size_bytes: int) -> None:
        self._size_bytes += size_bytes
        if self._size_bytes >= self._waiting_bytes:
            self._has_room.clear()
        else:
            self._has_room.set()

    async def _run(self) -> None:
        delay_s = _FIRST_DELAY_S
        try:
            while self._waiting:
                calls = self._next_commit()
                try:
                    await self._commit(calls)
                except JournalUnavailable as error:
                    COUNTS.add(catalog.JOURNAL_ERRORS)
                    self._fail_overdue(error)
                    await asyncio.sleep(delay_s)
                    delay_s = min(2 * delay_s, _MAX_DELAY_S)
                else:
                    delay_s = _FIRST_DELAY_S
        except Exception as error:  # a fault of the journal: whoever waits must learn of it
            self._fail_all(error)
        finally:
            self._running = None

    def _next_commit(self) -> list[_Waiting]:
        calls: list[_Waiting] = []
        size_bytes = 0
        for call in self._waiting:
            size_bytes += call.size_bytes
            if calls and size_bytes > self._commit_bytes:
                break
            calls.append(call)
        return calls

    async def _commit(self, calls: list[_Waiting]) -> None:
        entries = [entry for call in calls for entry in call.entries]
        began_at = asyncio.get_running_loop().time()
        results = await self._journal.append(entries)
        COUNTS.histogram(catalog.JOURNAL_SECONDS).observe(asyncio.get_running_loop().time() - began_at)
        COUNTS.add(catalog.JOURNAL_COMMITS)
        COUNTS.add(catalog.JOURNAL_RECORDS, value=len(entries))
        start = 0
        for call in calls:
            self._waiting.popleft()
            self._add_bytes(-call.size_bytes)
            end = start + len(call.entries)
            if not call.results.done():  # else nobody waits any more
                call.results.set_result(results[start:end])
            start = end

    def _fail_overdue(self, error: JournalUnavailable) -> None:
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0].deadline <= now:
            self._fail(self._waiting.popleft(), error)

    def _fail_all(self, error: Exception) -> None:
        while self._waiting:
            self._fail(self._waiting.popleft(), error)

    def _fail(self, call: _Waiting, error: Exception) -> None:
        self._add_bytes(-call.size_bytes)
        with suppress(asyncio.InvalidStateError):
            call.results.set_exception(error)


def _future() -> asyncio.Future[list[RecordRejected | None]]:
    return asyncio.get_running_loop().create_future()
