"""A journal that another process has open."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from ...api.errors import Unreachable
from ...streams.calls import CallFailed
from ...streams.channel import Channel
from ...streams.connection import ConnectionLost
from ..catalog.rows import EVERYTHING, CatalogChange, CatalogFilter, CatalogPlace, CatalogRow
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..errors import JournalInUse, JournalUnavailable, RecordRejected, RecordTooLarge
from ..journal import PAGE_ENTRIES, Capabilities
from . import calls
from .calls import decode_outcome, encode, unpickled

T = TypeVar("T")

TIMEOUT_S = 30.0
_PAUSE_S = 0.05

_CALL_BYTES = 32 << 20
"""Entries of one call, about: more would hold up what other sessions send over the same connection."""

RECORD_LIMIT_BYTES = 192 << 20
"""A frame has to hold a page that ends with such a record."""

_MAY_PASS = (ConnectionLost, Unreachable, JournalUnavailable, JournalInUse)
"""Why there is no connection: the other process is being restarted, for instance."""

_results = msgspec.msgpack.Decoder(list[bytes]).decode
_position = msgspec.msgpack.Decoder(Position).decode
_positions = msgspec.msgpack.Decoder(list[Position]).decode
_entries = msgspec.msgpack.Decoder(list[Entry]).decode
_rows = msgspec.msgpack.Decoder(list[CatalogRow]).decode
_names = msgspec.msgpack.Decoder(list[str]).decode
_number = msgspec.msgpack.Decoder(int).decode
_flag = msgspec.msgpack.Decoder(bool).decode
_snapshot: msgspec.msgpack.Decoder[StoredSnapshot | None] = msgspec.msgpack.Decoder(StoredSnapshot | None)


class ServerGone(Exception):
    """The process that had the journal open has ended, and is not started again."""


class RemoteJournal:
    """A ``Journal`` over *channel*, which it has to itself, to the ``JournalServer`` of another process.

    What is not answered when the connection breaks is sent again: no record is stored twice. A call that has no answer
    after *timeout_s* raises ``JournalUnavailable``, also while the other process is stopped. Calls wait for *opened*
    first, if it is given.

    A record of more than ``RECORD_LIMIT_BYTES`` is rejected with ``RecordTooLarge``; for a snapshot, that is raised.
    """

    def __init__(
        self,
        channel: Channel,
        capabilities: Capabilities,
        timeout_s: float = TIMEOUT_S,
        opened: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.capabilities = msgspec.structs.replace(capabilities, shared=True)
        self._channel = channel
        self._timeout_s = timeout_s
        self._opened = opened
        self._is_closed = False
        self._running = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def append(self, entries: Sequence[Entry]) -> list[RecordRejected | None]:
        results: list[RecordRejected | None] = []
        rejected: dict[tuple[SessionKey, int], RecordRejected] = {}
        for part in _parts(entries):
            over = frozenset(rejected)
            answers = await self._append([each for each in part if _writer(each) not in over])
            for entry in part:
                problem = rejected[_writer(entry)] if _writer(entry) in over else next(answers)
                if problem:
                    rejected[_writer(entry)] = problem
                results.append(problem)
        return results

    async def take_over(self, session: SessionKey, incarnation: int) -> Position:
        return _position(await self._call(calls.TakeOver(session, incarnation)))

    async def read(self, session: SessionKey, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        return _entries(await self._call(calls.Read(session, after, limit)))

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        if len(snapshot.data) > RECORD_LIMIT_BYTES:
            raise _too_large("the snapshot", snapshot.session, len(snapshot.data))
        await self._call(calls.PutSnapshot(snapshot))

    async def snapshot(self, session: SessionKey, before: int | None = None) -> StoredSnapshot | None:
        return _snapshot.decode(await self._call(calls.FindSnapshot(session, before)))

    async def position(self, session_id: str, epoch: int | None = None) -> Position:
        return _position(await self._call(calls.FindPosition(session_id, epoch)))

    async def sessions(self, after: SessionKey | None = None, limit: int = PAGE_ENTRIES) -> list[Position]:
        listed: list[Position] = []
        while len(listed) < limit:
            size = min(limit - len(listed), PAGE_ENTRIES)
            page = _positions(await self._call(calls.ListSessions(listed[-1].session if listed else after, size)))
            listed += page
            if len(page) < size:
                break
        return listed

    async def delete(self, session: SessionKey, expected: Position | None = None) -> bool:
        return _flag(await self._call(calls.Delete(session, expected)))

    async def put_catalog(self, changes: Sequence[CatalogChange]) -> None:
        await self._call(calls.PutCatalog(list(changes)))

    async def catalog(
        self, selected: CatalogFilter = EVERYTHING, before: CatalogPlace | None = None, limit: int = PAGE_ENTRIES
    ) -> list[CatalogRow]:
        listed: list[CatalogRow] = []
        while len(listed) < limit:
            size = min(limit - len(listed), PAGE_ENTRIES)
            page = _rows(await self._call(calls.ListCatalog(selected, listed[-1].place if listed else before, size)))
            listed += page
            if len(page) < size:
                break
        return listed

    async def catalog_rows(self, sessions: Sequence[SessionKey]) -> list[CatalogRow]:
        return _rows(await self._call(calls.FindCatalogRows(list(sessions))))

    async def count(self, selected: CatalogFilter = EVERYTHING) -> int:
        return _number(await self._call(calls.CountCatalog(selected)))

    async def owners(self, after: str = "", limit: int = PAGE_ENTRIES) -> list[str]:
        return _names(await self._call(calls.ListOwners(after, limit)))

    async def aclose(self) -> None:
        self._is_closed = True
        await self._is_idle.wait()
        await self._channel.aclose()

    async def _append(self, part: list[Entry]) -> Iterator[RecordRejected | None]:
        match part:
            case []:
                return iter(())
            case [entry] if entry.size_bytes > RECORD_LIMIT_BYTES:
                return iter((_too_large(f"record {entry.number}", entry.session, entry.size_bytes),))
            case _:
                return map(unpickled, _results(await self._call(calls.Append(part))))

    async def _call(self, call: calls.JournalCall) -> msgspec.Raw:
        """The encoded result of *call*. Raises the error that it failed with."""
        if self._opened:
            await self._opened()
        if self._is_closed:
            raise JournalUnavailable("the journal was closed")
        self._running += 1
        self._is_idle.clear()
        try:
            outcome = decode_outcome(await self._reply(encode(call)))
        finally:
            self._running -= 1
            if not self._running:
                self._is_idle.set()
        if error := unpickled(outcome.error):
            raise error
        return outcome.result

    async def _reply(self, call: bytes) -> bytes:
        problem: object = "no answer"
        try:
            async with asyncio.timeout(self._timeout_s):
                while True:
                    try:
                        return await self._channel.call(calls.METHOD, call) or b""
                    except _MAY_PASS as error:
                        problem = error
                        await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            message = f"the journal did not answer within {self._timeout_s:g} s ({problem}): try again later"
        except (CallFailed, ServerGone) as error:
            message = f"the journal can't be used: {error}"
        raise JournalUnavailable(message)


def _parts(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """*entries* in order, in parts of at most ``_CALL_BYTES``, or of one that is larger."""
    part: list[Entry] = []
    size_bytes = 0
    for entry in entries:
        size_bytes += entry.size_bytes
        if part and size_bytes > _CALL_BYTES:
            yield part
            part, size_bytes = [], entry.size_bytes
        part.append(entry)
    if part:
        yield part


def _writer(entry: Entry) -> tuple[SessionKey, int]:
    """After an entry that is rejected, the later ones of the same writer are, too."""
    return entry.session, entry.incarnation


def _too_large(what: str, session: SessionKey, size_bytes: int) -> RecordTooLarge:
    return RecordTooLarge(f"{what} of session {session} has {size_bytes} bytes; the limit is {RECORD_LIMIT_BYTES}")
