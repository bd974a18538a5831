"""A journal in a Redis server."""

from collections.abc import Sequence
from typing import Self
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ....providers.schema.errors import InvalidConfig
from ..catalog.rows import EVERYTHING, CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..errors import RecordRejected
from ..journal import PAGE_ENTRIES, Capabilities
from ..optimistic import OptimisticWriter
from .settings import Loss
from .store import RedisStore


class RedisJournal:
    """A ``Journal`` in a Redis server, or one that is compatible, which processes on several machines may use.

    What it does *not* guarantee:

    - With ``appendfsync everysec``, a failure of the server's machine loses the records of the last second, or two,
      although they were acknowledged; without an append-only file, or with ``appendfsync no``, many more. The settings
      are checked when the journal is opened, not when they are changed later.
    - A replica may lack the last records: a failover to it loses them.
    - All records are in the server's memory. When that is full, writes fail with ``JournalFull``.
    """

    def __init__(self, store: RedisStore, loss: Loss) -> None:
        self.capabilities = Capabilities(durable=loss == "none", shared=True)
        self._store = store
        self._writer = OptimisticWriter(store)

    @classmethod
    async def open(
        cls,
        url: str,
        prefix: str = "rayconteur",
        *,
        loss: Loss = "none",
        timeout_s: float = 10.0,
        read_only: bool = False,
    ) -> Self:
        """Open the journal in the keys ``{prefix}:*`` of the server at *url*, which is created if there is none.

        *url* is ``redis://user:password@host:port/database``, or ``rediss://`` for TLS. *loss* is what may be lost of
        acknowledged records when the server's machine fails: ``"none"`` requires ``appendfsync always``, ``"seconds"``
        at least ``everysec``, and ``"any"`` nothing. A call that takes longer than *timeout_s* fails. If *read_only*,
        the keys are not changed, and any settings will do.

        Raises:
            InvalidConfig: *url* can't be parsed.
            JournalAccessDenied: the server refuses the user or the password, or the user lacks a right.
            JournalNotFound: there is no such database.
            JournalUnavailable: the server does not answer.
            UnsafeJournal: more than *loss* may be lost with the server's settings, or it evicts records.
            InvalidJournal: the keys are of something else, or of a newer version.
        """
        store = RedisStore(_client(url), prefix, timeout_s)
        try:
            if read_only:
                await store.require_current()
                return cls(store, loss)
            return cls(store, await store.prepare(loss))
        except BaseException:
            await store.aclose()
            raise

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        return await self._writer.append(entries)

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        return await self._writer.take_over(session, incarnation)

    async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        return await self._store.read(session, after, limit)

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        await self._store.put_snapshot(snapshot)

    async def snapshot(self, session: SessionKey, before: int | None = None) -> StoredSnapshot | None:
        return await self._store.snapshot(session, before)

    async def position(self, session_id: str, epoch: int | None = None) -> Position:
        return await self._store.position(session_id, epoch)

    async def sessions(self, after: SessionKey | None = None, limit: int = PAGE_ENTRIES) -> list[Position]:
        return await self._store.sessions(after, limit)

    async def delete(self, session: SessionKey, expected: Position | None = None) -> bool:
        return await self._store.delete(session, expected)

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        await self._store.catalog.put([change.row for change in changes])

    async def catalog(
        self, selected: CatalogFilter = EVERYTHING, before: CatalogPlace | None = None, limit: int = PAGE_ENTRIES
    ) -> list[CatalogRow]:
        return await self._store.catalog.page(selected, before, limit)

    async def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        return await self._store.catalog.rows(sessions)

    async def count(self, selected: CatalogFilter = EVERYTHING) -> int:
        return await self._store.catalog.count(selected)

    async def owners(self, after: str = "", limit: int = PAGE_ENTRIES) -> list[str]:
        return await self._store.catalog.owners(after, limit)

    async def aclose(self) -> None:
        await self._store.aclose()


def _client(url: str) -> Redis:
    """The client for *url*. No error repeats any of it: there is a password in it, somewhere."""
    try:
        parts = urlsplit(url)
        is_ambiguous = "@" in parts.path + parts.query + parts.fragment
        # An idle connection may have been closed by the server; whoever writes tries again after other failures.
        client = None if is_ambiguous else Redis.from_url(url, retry=Retry(NoBackoff(), 1))
    except ValueError:
        client = None
    if client is None:
        raise InvalidConfig("url", "expected redis://user:password@host:port/database, percent-encoded")
    return client
