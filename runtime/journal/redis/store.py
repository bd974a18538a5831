"""The commands of a journal in Redis."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from redis.asyncio import Redis

from ..calls import Calls
from ..catalog.rows import CatalogRow
from ..checks import intact_page, require_known_version, unknown_session
from ..entry import Entry, Position, SessionKey, StoredSnapshot
from ..errors import InvalidJournal
from ..journal import PAGE_BYTES
from ..numbering import Checked, StoredMark
from ..optimistic import Place
from .catalog import RedisCatalog, decode_row
from .errors import translated
from .keys import Keys, member, members_before
from .scripts import DELETE, PUT_SNAPSHOT, READ, WRITE
from .settings import Loss, require_settings

VERSION = 1
"""The format of keys and values. Who changes it brings those of the version before to it, in ``prepare``."""

_MAX_CALLS = 16
"""Each has a connection."""

_encoder = msgspec.msgpack.Encoder()
_entry_decoder = msgspec.msgpack.Decoder(Entry)
_snapshot_decoder = msgspec.msgpack.Decoder(StoredSnapshot)
_position_decoder = msgspec.msgpack.Decoder(tuple[SessionKey, int, int, float])


class RedisStore:
    """The keys with *prefix*: a ``ConditionalStore``, and what else a ``Journal`` does."""

    def __init__(self, client: Redis, prefix: str, timeout_s: float) -> None:
        self._client = client
        self._keys = Keys(prefix)
        self._name = prefix
        self._calls = Calls(_MAX_CALLS, timeout_s)
        self._write = client.register_script(WRITE)
        self._read = client.register_script(READ)
        self._put_snapshot = client.register_script(PUT_SNAPSHOT)
        self._delete = client.register_script(DELETE)
        self.catalog = RedisCatalog(client, self._keys, self.call)

    async def prepare(self, accepted: Loss) -> Loss:
        """Check the server and the format of what is stored, and mark an empty journal. Returns what may be lost.

        Raises:
            UnsafeJournal: that is above what is *accepted*.
            InvalidJournal: it is of a newer version, or of something else.
        """
        async with self.call() as client:
            loss = await require_settings(client, accepted)
            await client.set(self._keys.format, VERSION, nx=True)
        await self.require_current()
        return loss

    async def require_current(self) -> None:
        """Raises:
        InvalidJournal: there is no journal, or it is of a newer version, or of something else.
        """
        async with self.call() as client:
            version = await client.get(self._keys.format) or b"0"
        if not version.isdigit():
            raise InvalidJournal(f"the keys {{{self._name}}}:* are of something else: use another prefix")
        require_known_version(int(version), VERSION, f"the journal {self._name}")
        if int(version) != VERSION:
            raise InvalidJournal(f"there is no journal in the keys {{{self._name}}}:*")

    async def positions(self, sessions: Collection[SessionKey]) -> dict[SessionKey, Position]:
        """As ``ConditionalStore.positions``."""
        async with self.call() as client:
            found = await client.hmget(self._keys.positions, [member(session) for session in sessions])
            return {(position := _position(data)).session: position for data in found if data}

    async def marks(self, places: Collection[Place]) -> dict[Place, StoredMark]:
        """As ``ConditionalStore.marks``."""
        async with self.call() as client, client.pipeline(transaction=False) as pipeline:
            for session, number in places:
                pipeline.xrange(self._keys.records(session), number, number)
            pages = await pipeline.execute()
        entries = (
            _entry(session, record_id, fields[b"entry"])
            for (session, _), page in zip(places, pages, strict=True)
            for record_id, fields in page
        )
        return {(entry.session, entry.number): (entry.incarnation, entry.checksum) for entry in entries}

    async def write(self, expected: Mapping[SessionKey, Position | None], result: Checked) -> bool:
        """As ``ConditionalStore.write``."""
        places = {session: place for place, session in enumerate(expected, 1)}
        arguments: list[bytes | int] = []
        for session, position in expected.items():
            arguments += [member(session), _packed(position), _packed(result.positions[session])]
        for entry in result.new:
            arguments += [places[entry.session], entry.number, _encoder.encode(entry)]
        keys = [self._keys.index, self._keys.positions, *(self._keys.records(session) for session in expected)]
        async with self.call():
            return bool(await self._write(keys, arguments))

    async def read(self, session: SessionKey, after: int, limit: int) -> list[Entry]:
        """As ``Journal.read``."""
        keys = [self._keys.positions, self._keys.records(session)]
        async with self.call():
            page = await self._read(keys, [member(session), after + 1, limit, PAGE_BYTES])
        if page is None:
            raise unknown_session(session)
        return intact_page(_entry(session, *record) for record in zip(page[::2], page[1::2], strict=True))

    async def put_snapshot(self, snapshot: StoredSnapshot) -> None:
        """As ``Journal.put_snapshot``."""
        session = snapshot.session
        keys = [self._keys.positions, self._keys.snapshots(session)]
        async with self.call():
            await self._put_snapshot(keys, [member(session), snapshot.number, _encoder.encode(snapshot)])

    async def snapshot(self, session: SessionKey, before: int | None) -> StoredSnapshot | None:
        """As ``Journal.snapshot``."""
        last = "+inf" if before is None else before
        async with self.call() as client:
            found = await client.zrevrangebyscore(self._keys.snapshots(session), last, 0, start=0, num=1)
            return _snapshot_decoder.decode(found[0]) if found else None

    async def position(self, session_id: str, epoch: int | None) -> Position:
        """As ``Journal.position``."""
        async with self.call() as client:
            if epoch is None:
                first = members_before(session_id)
                found = await client.zrevrangebylex(self._keys.index, b"[" + first + b"\xff", b"[" + first, 0, 1)
            else:
                found = [member(SessionKey(session_id, epoch))]
            data = await client.hget(self._keys.positions, found[0]) if found else None
            if not data:
                raise unknown_session(session_id)
            return _position(data)

    async def sessions(self, after: SessionKey | None, limit: int) -> list[Position]:
        """As ``Journal.sessions``."""
        first = b"(" + member(after) if after else b"-"
        async with self.call() as client:
            members = await client.zrangebylex(self._keys.index, first, b"+", 0, limit)
            if not members:
                return []
            found = await client.hmget(self._keys.positions, members)
            return [_position(data) for data in found if data]  # else it was deleted meanwhile

    async def delete(self, session: SessionKey, expected: Position | None) -> bool:
        """As ``Journal.delete``."""
        keys, place = self._keys, member(session)
        shared = [keys.index, keys.positions, keys.catalog, keys.owners]
        async with self.call() as client:
            while True:
                data = await client.hget(keys.catalog, place) or b""
                row = decode_row(data) if data else CatalogRow(session, 0, 0.0)
                lists = [keys.listed("owner", row.owner), *(keys.lists_of(row) if data else ())]
                arguments = [place, _packed(expected), data, row.owner]
                outcome = await self._delete(
                    [*shared, keys.records(session), keys.snapshots(session), *lists], arguments
                )
                if outcome >= 0:  # else its row has just been changed
                    return bool(outcome)

    async def aclose(self) -> None:
        """Finish running calls, and close the connections."""
        await self._calls.close()
        await self._client.aclose()

    @asynccontextmanager
    async def call(self) -> AsyncGenerator[Any]:
        """The client, for as long as a call may take. Its own types have str for every reply in bytes."""
        with translated(self._name):
            async with self._calls.running() as deadline, asyncio.timeout_at(deadline):
                yield self._client


def _packed(position: Position | None) -> bytes:
    """What is compared with the stored position: so always the same bytes for the same one. None has none."""
    if position is None:
        return b""
    return _encoder.encode((position.session, position.incarnation, position.number, float(position.at)))


def _position(data: bytes) -> Position:
    return Position(*_position_decoder.decode(data))


def _entry(session: SessionKey, record_id: bytes, data: bytes) -> Entry:
    """The entry in *data*; if there is none, one that is not intact, as any other that is damaged."""
    try:
        return _entry_decoder.decode(data)
    except msgspec.MsgspecError:
        return Entry(session, 0, int(record_id.partition(b"-")[0]), 0, 0.0, "", 0, -1, data)
