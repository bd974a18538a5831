"""The writer of the catalog: what it says of the sessions of one process."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from ...journal.catalog.rows import CatalogChange
from ...journal.entry import SessionKey
from ...journal.journal import Journal
from .cataloged_session import CatalogedSession

log = logging.getLogger(__name__)

_BATCH_SESSIONS = 100
_BATCH_CHARS = 1 << 20

_PAUSE_S = 1.0
"""How old a row may be in a process whose sessions are busy. The first change is written at once."""

_PAUSE = 4.0
"""If there are more sessions than a batch has: how much longer it pauses than the write before took."""

_FLUSH_S = 2.0
"""How long the end of a session waits for its row."""


class CatalogWriter:
    """Keeps one write in flight, and pauses before the next: changes of a session that come meanwhile are one.

    Nothing waits for it but the end of a session. Rows that were not written are written with the next change, or by
    the next process that has the session.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: dict[SessionKey, CatalogedSession] = {}
        self._writing: dict[SessionKey, CatalogedSession] = {}
        self._running: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._written = asyncio.Event()
        self._is_late = False
        """True if the last write failed, or takes too long: nobody waits for the next one."""

    @property
    def is_searchable(self) -> bool:
        """True if the journal takes words."""
        return self._journal.capabilities.searchable

    def add(self, session: CatalogedSession) -> None:
        """Write the row of *session* soon."""
        self._waiting[session.key] = session
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def flush(self, session: CatalogedSession) -> None:
        """Wait until the row of *session* is written; not for long, and not at all while the journal fails."""
        try:
            async with asyncio.timeout(_FLUSH_S):
                while not self._is_late and (session.key in self._waiting or session.key in self._writing):
                    self._hurry.set()
                    await self._written.wait()
        except TimeoutError:
            self._is_late = True

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                start_s, pause_s = loop.time(), _PAUSE_S
                self._writing = {key: self._waiting.pop(key) for key in tuple(self._waiting)[:_BATCH_SESSIONS]}
                try:
                    await self._write(tuple(self._writing.values()))
                except Exception as error:  # whatever it is: the sessions go on
                    if not self._is_late:
                        log.warning("the catalog is not written: %s", error)
                    self._is_late = True
                    self._retry()
                else:
                    self._is_late = False
                    if len(self._waiting) >= _BATCH_SESSIONS:
                        pause_s = _PAUSE * (loop.time() - start_s)
                self._writing = {}
                self._written.set()
                self._written = asyncio.Event()
                await self._pause(pause_s)
        finally:
            self._running = None

    async def _write(self, batch: Sequence[CatalogedSession]) -> None:
        unknown = [session for session in batch if not session.knows_row]
        if unknown:
            rows = {row.session: row for row in await self._journal.catalog_rows([each.key for each in unknown])}
            for session in unknown:
                session.learn(rows.get(session.key))
        changes: list[CatalogChange] = []
        size_chars = 0
        for session in batch:
            if size_chars < _BATCH_CHARS and (change := session.change()):
                changes.append(change)
                size_chars += sum(map(len, change.words.values()))
                await asyncio.sleep(0)  # the words of one take some milliseconds
            if session.is_ready:  # it has more words than one change, or this batch, may have
                self._waiting[session.key] = session
        if changes:
            await self._journal.put_catalog(changes)

    def _retry(self) -> None:
        for key, session in self._writing.items():
            session.on_failed()
            self._waiting.setdefault(key, session)

    async def _pause(self, pause_s: float) -> None:
        """Wait, until somebody waits for the next write."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()
        self._hurry.clear()
